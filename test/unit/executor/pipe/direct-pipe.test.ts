import { spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { MessagePipe } from "../../../../src/executor/pipe/message-pipe.ts";

const COUNT = 3_000;

interface Said {
  readonly n?: number;
  readonly text?: string;
  readonly inTurn?: number;
}

/** A process that writes as an executor process does, and the service's end of its pipe, which does not read yet. */
function startFarEnd(count: number) {
  const program = fileURLToPath(new URL("../../../fixtures/executors/echo-pipe.ts", import.meta.url));
  const child = spawn(process.execPath, [program, String(count)], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const socket = child.stdio[3];
  if (!(socket instanceof Socket)) throw new Error("the process has no pipe");
  onTestFinished(() => void child.kill("SIGKILL"));
  const said: (Said & { readonly body: string | undefined })[] = [];
  const broken: string[] = [];
  const pipe = new MessagePipe(socket, {
    onMessage: (data, body) => void said.push({ ...(data as Said), body: body && Buffer.from(body).toString("utf8") }),
    onBroken: (reason) => void broken.push(reason.message),
  });
  return { child, socket, pipe, said, broken };
}

test("what an executor process writes at once arrives whole and in order, though its pipe is full meanwhile", async () => {
  const { socket, said, broken } = startFarEnd(COUNT);
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  socket.resume();
  await expect.poll(() => said.length, { timeout: 20_000 }).toBe(COUNT);
  const expected = Array.from({ length: COUNT }, (_, n) => {
    const text = "aé😀".repeat((n * 37) % 3_000);
    if (n % 10 !== 9) return { n, text, body: undefined };
    return { n, text: "", body: text === "" ? undefined : text };
  });
  expect(said).toEqual(expected);
  expect(broken).toEqual([]);
});

test("messages of one turn go out together, and are told together", async () => {
  const { pipe, said } = startFarEnd(1);
  await expect.poll(() => said.length, { timeout: 20_000 }).toBe(1);
  for (let n = 0; n < 50; n++) pipe.send({ n });
  await expect.poll(() => said.length, { timeout: 20_000 }).toBeGreaterThan(1);
  expect(said.slice(1).map(({ inTurn }) => inTurn)).toEqual([50]);
});

test("a process whose service is gone is told", async () => {
  const { child, socket, said } = startFarEnd(1);
  await expect.poll(() => said.length, { timeout: 20_000 }).toBe(1);
  socket.destroy();
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(7);
});
