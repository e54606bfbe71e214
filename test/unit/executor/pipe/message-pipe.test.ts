import { once } from "node:events";
import { createServer, connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { MessagePipe } from "../../../../src/executor/pipe/message-pipe.ts";

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Two ends that are connected: a pipe, and the bare socket of the other side. */
async function openPipe(pauseAboveBytes?: number) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const other = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  server.close();
  sockets.push(other, socket);
  const messages: unknown[] = [];
  const bodies: (Uint8Array | undefined)[] = [];
  const broken: string[] = [];
  const pipe = new MessagePipe(socket, {
    onMessage: (data, body) => {
      messages.push(data);
      bodies.push(body);
    },
    onBroken: (reason) => void broken.push(reason.message),
    ...(pauseAboveBytes === undefined ? {} : { pauseAboveBytes }),
  });
  return { pipe, other, messages, bodies, broken };
}

test("messages come in order, wherever the bytes are cut", async () => {
  const { other, messages, broken } = await openPipe();
  const bytes = Buffer.from('{"a":"é€😀"}\n1\n"x\\n"\n[]\n');
  for (const byte of bytes) {
    other.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => messages).toEqual([{ a: "é€😀" }, 1, "x\n", []]);
  expect(broken).toEqual([]);
});

test("a body comes with its message, wherever the bytes are cut, and is neither escaped nor decoded", async () => {
  const { other, messages, bodies } = await openPipe();
  const body = Buffer.from([0x22, 0x0a, 0xff, 0x00, 0x23]);
  const bytes = Buffer.concat([Buffer.from('1\n#5 {"a":"é"}\n'), body, Buffer.from("2\n#1 3\n!#0 4\n")]);
  for (const byte of bytes) {
    other.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => messages).toEqual([1, { a: "é" }, 2, 3, 4]);
  expect(bodies.map((one) => one && Buffer.from(one))).toEqual([
    undefined,
    body,
    undefined,
    Buffer.from("!"),
    undefined,
  ]);
});

test("bodies of one end arrive at the other, between messages without one", async () => {
  const { pipe, other } = await openPipe();
  const seen: unknown[] = [];
  const far = new MessagePipe(other, {
    onMessage: (data, body) => void seen.push([data, body?.byteLength, body?.buffer instanceof SharedArrayBuffer]),
    onBroken: (reason) => void seen.push(reason.message),
  });
  pipe.send({ n: 1 });
  pipe.send({ n: 2 }, new Uint8Array(3_000_000));
  pipe.send({ n: 3 });
  await expect
    .poll(() => seen)
    .toEqual([
      [{ n: 1 }, undefined, false],
      [{ n: 2 }, 3_000_000, true],
      [{ n: 3 }, undefined, false],
    ]);
  far.close();
});

test.each(["#100000000 1", "#x 1", "# 1", "#5"])("the head %j breaks the pipe", async (head) => {
  const { other, messages, broken } = await openPipe();
  other.on("error", () => undefined);
  other.write(`${head}\nabcde`);
  await expect.poll(() => broken).toHaveLength(1);
  expect(messages).toEqual([]);
});

test("a line that is no JSON breaks the pipe once; nothing after it is heard", async () => {
  const { other, messages, broken, pipe } = await openPipe();
  other.on("error", () => undefined);
  other.write("1\nnonsense\n2\nnonsense\n");
  await expect.poll(() => broken).toEqual(["a message is not JSON"]);
  expect(messages).toEqual([1]);
  pipe.send({ type: "late" });
  pipe.close();
  pipe.close();
});

test("a line without end breaks the pipe before it fills the memory", async () => {
  const { other, broken } = await openPipe();
  other.on("error", () => undefined);
  const chunk = Buffer.alloc(4 * 1024 * 1024, "x");
  // A socket whose other end is gone may refuse each write without being destroyed.
  const more = (error?: Error | null): void => {
    if (!error && !other.destroyed) other.write(chunk, more);
  };
  more();
  await expect.poll(() => broken, { timeout: 10_000 }).toEqual(["a message is longer than any may be"]);
});

test("while much waits to be written nothing more is read, and then it goes on", async () => {
  const { other, pipe, messages } = await openPipe(1024 * 1024);
  other.pause();
  const sent = "y".repeat(16 * 1024 * 1024);
  pipe.send({ sent });
  other.write("1\n");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(messages).toEqual([]);
  other.resume();
  await expect.poll(() => messages).toEqual([1]);
});

test("an end that never takes what is sent to it is given up", async () => {
  const { other, pipe, broken } = await openPipe();
  other.pause();
  const text = "z".repeat(32 * 1024 * 1024);
  for (let i = 0; i < 12; i++) pipe.send({ text });
  expect(broken).toEqual(["the other end does not take its messages"]);
});
