import type { Random } from "./random.ts";

/** A message, or what is to look like one. */
export type Message = Readonly<Record<string, unknown>>;

const KINDS = ["value", "undefined", "thrown", "failed"];
const REASONS = [...KINDS, "wall", "cpu", "memory", "deadlock", "cancelled", "catastrophe", "quota", "refused"];
const LEVELS = ["debug", "info", "warn", "error"];
const CODES = ["TOOL_FAILED", "TOOL_CALL_LIMIT", "RESULT_INVALID", "EMIT_LIMIT", "SCRIPT_ERROR", "toString", ""];
const ODD: readonly unknown[] = [
  null,
  true,
  "",
  "x",
  -1,
  1.5,
  2 ** 53,
  1e308,
  -0,
  [],
  {},
  [[[]]],
  { toString: 1 },
  "\ud800",
  "\u2028\0",
  "__proto__",
];
const PATHS = [
  '["test","echo"]',
  '["test","write"]',
  '["search"]',
  '["tools"]',
  "[]",
  "[1]",
  '"x"',
  "[",
  '["__proto__","constructor"]',
  '["test","big"]',
];

/** A text: mostly short, now and then long, now and then JSON. */
export function anyText(random: Random): string {
  if (random.chance(0.02)) return random.pick(["x", "é", "\ud800", '"', "[", "\\"]).repeat(random.int(200_000));
  if (random.chance(0.5)) return JSON.stringify(anyValue(random, 0));
  const units = Array.from({ length: random.int(20) }, () => random.int(random.chance(0.9) ? 128 : 65_536));
  return String.fromCharCode(...units);
}

/** A value that JSON can hold. */
export function anyValue(random: Random, depth: number): unknown {
  if (depth > 4 || random.chance(0.4)) return random.pick(ODD);
  const size = random.int(4);
  if (random.chance(0.5)) return Array.from({ length: size }, () => anyValue(random, depth + 1));
  const keys = ["a", "then", "constructor", "__proto__", "toJSON", "0", "é"];
  return Object.fromEntries(Array.from({ length: size }, () => [random.pick(keys), anyValue(random, depth + 1)]));
}

/** What a broken runtime might hand to its process: type and three more. */
export function anySandboxMessage(random: Random): readonly [unknown, unknown, unknown, unknown] {
  // Only what is no object gets through the callback.
  const odd = (text: string): unknown =>
    random.chance(0.1) ? random.pick([null, true, -1, 1e308, -0, undefined, ""]) : text;
  const id = String(random.chance(0.8) ? random.int(100) : random.next() * 1e20);
  const shapes: readonly (readonly [string, string, string, string])[] = [
    ["call", id, random.pick(PATHS), anyText(random)],
    ["log", random.pick(LEVELS), anyText(random), ""],
    ["emit", anyText(random), "", ""],
    ["timer", id, String(random.next() * 5_000), ""],
    ["untimer", id, "", ""],
    ["done", random.pick(KINDS), anyText(random), ""],
    [anyText(random), id, id, id],
  ];
  const [type, a, b, c] = random.pick(shapes);
  return [odd(type), odd(a), odd(b), odd(c)];
}

/**
 * What an executor process might send.
 *
 * @param runs Numbers of the runs it holds: most of its messages are for one of them.
 */
export function anyExecutorMessage(random: Random, runs: readonly number[]): Message {
  const run = runs.length > 0 && random.chance(0.85) ? random.pick(runs) : random.int(10_000);
  const usage = { wallMs: random.next() * 100, cpuMs: random.int(50), heapMiB: 1 };
  const id = random.int(random.chance(0.5) ? 4 : 100_000);
  const shapes: readonly Message[] = [
    { type: "call", run, id, path: random.pick(PATHS), args: random.chance(0.7) ? '[{"v":1}]' : anyText(random) },
    { type: "log", run, level: random.pick(LEVELS), atMs: random.int(2_000), text: anyText(random) },
    { type: "emit", run, json: anyText(random) },
    { type: "end", run, reason: random.pick(REASONS), text: endText(random), usage },
    { type: "pong", id, busy: Array.from({ length: random.int(5) }, () => random.int(50)) },
    { type: "ready" },
    { type: "tainted" },
    { type: "tainted", run },
  ];
  // A process that says it is tainted takes no more runs: seldom, so that it is of use for a while.
  const message = random.pick(random.chance(0.97) ? shapes.slice(0, 5) : shapes);
  return random.chance(0.01) ? mutated(message, random) : message;
}

function endText(random: Random): string {
  if (random.chance(0.6)) return anyText(random);
  const info = JSON.stringify({ code: random.pick(CODES), message: anyText(random), details: anyValue(random, 0) });
  const stack = `Error\n    at script.js:${random.int(1e7)}:${random.int(1e7)}`;
  return JSON.stringify(random.chance(0.5) ? { info, stack } : { name: anyText(random), message: "m", stack });
}

/** The same message with a member that is missing, false or too much. */
export function mutated(message: Message, random: Random): Message {
  const key = random.pick(["type", ...Object.keys(message)]);
  if (random.chance(0.3)) return Object.fromEntries(Object.entries(message).filter(([name]) => name !== key));
  if (random.chance(0.3)) return { ...message, [anyText(random)]: anyValue(random, 0) };
  return { ...message, [key]: random.chance(0.5) ? random.pick(ODD) : anyValue(random, 0) };
}

/** A message as it goes over the pipe. @param body Goes beside it. */
export function toFrame(message: Message, body?: Uint8Array): Buffer {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  return body === undefined ? line : Buffer.concat([Buffer.from(`#${body.length} `), line, body]);
}

/** Bytes in pieces of any length, in order. */
export function inPieces(bytes: Buffer, random: Random): readonly Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.int(random.chance(0.5) ? 4 : random.chance(0.9) ? 200 : 100_000);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** Bytes of which some were changed, dropped or put in. */
export function damaged(bytes: Buffer, random: Random): Buffer {
  const at = random.int(bytes.length + 1);
  const between = Buffer.from(Array.from({ length: random.int(4) }, () => random.int(256)));
  return Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(at + random.int(4))]);
}
