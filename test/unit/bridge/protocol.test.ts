import fc from "fast-check";
import { expect, test } from "vitest";
import { parseExecutorMessage, parseSandboxMessage } from "../../../src/bridge/protocol.ts";

const usage = { wallMs: 1, cpuMs: 2.5, heapMiB: 0 };

test.each([
  { type: "ready" },
  { type: "tainted" },
  { type: "tainted", run: 4 },
  { type: "pong", id: 3, busy: [7, 2] },
  { type: "call", run: 1, id: 2, path: "[]", args: "[]" },
  { type: "log", run: 1, level: "warn", atMs: 0.5, text: "x" },
  { type: "emit", run: 1, json: "1" },
  { type: "end", run: 1, reason: "value", text: "1", usage },
])("%j from a process is rebuilt, without what does not belong to it", (message) => {
  expect(parseExecutorMessage({ ...message, extra: 1, constructor: { run: 9 } })).toEqual(message);
});

test.each([
  undefined,
  null,
  "ready",
  [],
  { type: "READY" },
  { type: "pong", id: -1, busy: [] },
  { type: "pong", id: 2 ** 53, busy: [] },
  { type: "pong", id: 3 },
  { type: "pong", id: 3, busy: [-1] },
  { type: "pong", id: 3, busy: Array.from({ length: 65 }, (_, at) => at) },
  { type: "call", run: 1.5, id: 1, path: "", args: "" },
  { type: "call", run: 1, id: "1", path: "", args: "" },
  { type: "log", run: 1, level: "fatal", atMs: 0, text: "" },
  { type: "log", run: 1, level: "info", atMs: Number.NaN, text: "" },
  { type: "emit", run: 1, json: {} },
  { type: "end", run: 1, reason: "won", text: "", usage },
  { type: "end", run: 1, reason: "value", text: "", usage: { ...usage, cpuMs: -1 } },
  { type: "end", run: 1, reason: "value", text: "" },
])("%j from a process is nothing", (message) => {
  expect(parseExecutorMessage(message)).toBeUndefined();
});

test.each([
  [["call", "1", "[]", "[]"], { type: "call", id: 1, path: "[]", args: "[]" }],
  [["log", "info", "x", undefined], { type: "log", level: "info", text: "x" }],
  [["emit", "1", undefined, undefined], { type: "emit", json: "1" }],
  [["timer", "1", "20", undefined], { type: "timer", id: 1, delayMs: 20 }],
  [["untimer", "1", undefined, undefined], { type: "untimer", id: 1 }],
  [["done", "value", "1", undefined], { type: "done", kind: "value", text: "1" }],
])("%j from the runtime is rebuilt", ([type, a, b, c], message) => {
  expect(parseSandboxMessage(type, a, b, c)).toEqual(message);
});

test.each([
  ["call", "x", "[]", "[]"],
  ["call", "1", 2, "[]"],
  ["log", "loud", "x", undefined],
  ["emit", 1, undefined, undefined],
  ["timer", "1", "1e99", undefined],
  ["timer", "1", "-1", undefined],
  ["untimer", "-1", undefined, undefined],
  ["done", "wall", "", undefined],
  ["done", "value", undefined, undefined],
])("%j, %j, %j, %j from the runtime is nothing", (type, a, b, c) => {
  expect(parseSandboxMessage(type, a, b, c)).toBeUndefined();
});

test("nothing that anybody sends makes the readers throw", () => {
  fc.assert(fc.property(fc.anything({ withNullPrototype: true }), (data) => (parseExecutorMessage(data), true)));
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.double(), fc.anything()), { minLength: 4, maxLength: 4 }),
      ([type, a, b, c]) => {
        // A symbol or an object whose `valueOf` throws cannot come through a callback that copies.
        fc.pre([a, b].every((each) => typeof each !== "symbol" && (typeof each !== "object" || each === null)));
        parseSandboxMessage(type, a, b, c);
        return true;
      },
    ),
  );
});
