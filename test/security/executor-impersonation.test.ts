import { afterEach, describe, expect, test } from "vitest";
import type { ExecutorMessage } from "../../src/bridge/protocol.ts";
import { ExecutorChild } from "../../src/executor/supervision/executor-child.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { isAlive } from "../support/processes.ts";
import { pause } from "../support/service.ts";

const children: ExecutorChild[] = [];

afterEach(async () => {
  for (const child of children) child.kill();
  for (const child of children.splice(0)) while (child.state !== "dead") await pause(5);
});

/** What a process got through to the service. */
interface Impostor {
  readonly child: ExecutorChild;
  readonly messages: readonly ExecutorMessage[];
  readonly states: readonly string[];
}

/**
 * A process that speaks in the place of an executor.
 *
 * @param code Its JavaScript; `send` writes a message to the service, `write` any text.
 */
function impersonate(code: string): Impostor {
  const messages: ExecutorMessage[] = [];
  const states: string[] = [];
  const source = `const pipe = new (require("node:net").Socket)({ fd: 3 });
    const write = (text) => pipe.write(text);
    const send = (message) => write(JSON.stringify(message) + "\\n");
    pipe.resume();
    ${code}`;
  const child = new ExecutorChild(
    {
      command: { command: process.execPath, args: ["-e", source], env: {}, measures: [] },
      bundles: { runtime: "", process: "" },
      warm: 0,
      memoryMiB: 64,
      clock: systemClock,
      log: silentLog,
    },
    {
      message: (_, message) => messages.push(message),
      changed: ({ state }) => states.push(state),
      found: () => undefined,
    },
  );
  children.push(child);
  return { child, messages, states };
}

async function death({ child }: Impostor, withinMs = 10_000): Promise<void> {
  for (const end = performance.now() + withinMs; child.state !== "dead"; await pause(10)) {
    if (performance.now() > end) throw new Error("the process was not killed");
  }
}

const GARBAGE: readonly (readonly [string, string])[] = [
  ["a text", `"hello"`],
  ["a number", "1"],
  ["null", "null"],
  ["a list", "[]"],
  ["a message of no known type", `{ type: "run", run: 1 }`],
  ["a call whose run is no number", `{ type: "call", run: "1", id: 1, path: "[]", args: "[]" }`],
  ["a call whose number is negative", `{ type: "call", run: 1, id: -1, path: "[]", args: "[]" }`],
  ["a call whose arguments are no text", `{ type: "call", run: 1, id: 1, path: "[]", args: {} }`],
  ["a log line of no known level", `{ type: "log", run: 1, level: "fatal", atMs: 1, text: "" }`],
  ["an end for no known reason", `{ type: "end", run: 1, reason: "because", text: "", usage: {} }`],
  ["an end with impossible usage", `{ type: "end", run: 1, reason: "value", text: "1", usage: { wallMs: "x" } }`],
];

/** Right messages that come too late. */
const AFTERWARDS = `for (let i = 0; i < 100; i++) send({ type: "emit", run: 1, json: "1" });`;

const TEXTS: readonly (readonly [string, string])[] = [
  ["a line that is no JSON", `write("hello\\n")`],
  ["a command of the runtime's own", `write('{"cmd":"NODE_HANDLE","type":"net.Socket"}\\n')`],
  ["bytes that are no text", `pipe.write(Buffer.from([0xff, 0xfe, 0x00, 0x0a]))`],
  ["a line without an end", `write("x".repeat(50 * 1024 * 1024))`],
  ["a body with a message that has none", `write('#2 {"type":"pong","id":1,"busy":[]}\\nab')`],
  [
    "a body with the end of a run that failed",
    `write('#2 {"type":"end","run":1,"reason":"thrown","text":"","usage":{"wallMs":1,"cpuMs":1,"heapMiB":1}}\\nab')`,
  ],
  ["a body larger than any", `write('#999999999 {"type":"end","run":1,"reason":"value","text":""}\\n')`],
  ["a body whose length is no number", `write('#-1 {"type":"pong","id":1,"busy":[]}\\nab')`],
];

describe("a process that does not keep to the protocol", () => {
  test.for(GARBAGE)("is killed when it sends %s, and nothing of it is passed on", async ([, message]) => {
    const impostor = impersonate(
      `send({ type: "ready" }); send(${message}); ${AFTERWARDS} setInterval(() => {}, 1000);`,
    );
    await death(impostor);
    expect(impostor.messages).toEqual([]);
    expect(impostor.states).toEqual(["ready", "dead"]);
    expect(isAlive(impostor.child.pid ?? 0)).toBe(false);
  });

  test.for(TEXTS)("is killed when it writes %s", async ([, write]) => {
    const impostor = impersonate(`send({ type: "ready" }); ${write}; ${AFTERWARDS} setInterval(() => {}, 1000);`);
    await death(impostor);
    expect(impostor.messages).toEqual([]);
    expect(isAlive(impostor.child.pid ?? 0)).toBe(false);
  });

  test("is killed when it stops answering", { timeout: 30_000 }, async () => {
    const impostor = impersonate(`send({ type: "ready" }); setTimeout(() => { for (;;); }, 50);`);
    await death(impostor, 20_000);
    expect(impostor.states).toEqual(["ready", "dead"]);
  });

  test("is found dead when it ends by itself before it is ready", async () => {
    const impostor = impersonate("process.exit(0)");
    await death(impostor);
    expect(impostor.states).toEqual(["dead"]);
  });
});

test("what a process sends is rebuilt: members that are not of the protocol do not get through", async () => {
  const message = `{ type: "call", run: 1, id: 2, path: "[]", args: "[]", principal: "admin", server: "other" }`;
  const { messages } = impersonate(`send({ type: "ready" }); send(${message});`);
  for (let tries = 0; messages.length === 0 && tries < 500; tries++) await pause(10);
  expect(messages).toEqual([{ type: "call", run: 1, id: 2, path: "[]", args: "[]" }]);
});
