import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { parseExecutorMessage } from "../../src/bridge/protocol.ts";
import type { ExecutorMessage, RunMessage } from "../../src/bridge/protocol.ts";
import { BUILT_IN_LIMITS } from "../../src/config/limits.ts";
import { loadBundles, nativeModulePath } from "../../src/executor/bundles.ts";
import type { ExecutorBundles } from "../../src/executor/bundles.ts";
import { executorCommand } from "../../src/executor/confinement/executor-command.ts";
import { within } from "../support/service.ts";
import { anyText, anyValue, damaged, inPieces, mutated, toFrame } from "./messages.ts";
import type { Message } from "./messages.ts";
import { Random } from "./random.ts";

/** What one executor process made of random messages. */
export interface ExecutorFuzzReport {
  readonly messages: number;
  /** How its runs ended, by reason. */
  readonly ends: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
}

const AT_ONCE = 8;
const WALL_MS = 400;
const ANSWER_WITHIN_MS = 30_000;
const SCRIPTS = [
  "async () => 1",
  "async () => { await mcp.test.echo({ a: 1 }); return 2; }",
  "async () => { await Promise.all([1, 2, 3].map((v) => mcp.test.echo({ v }))); }",
  "async () => { emit({ a: 1 }); console.log('x'); throw new Error('y'); }",
  "async () => { await new Promise((resolve) => setTimeout(resolve, 5)); return input; }",
  "async () => { await new Promise(() => {}); }",
  "async () => { for (;;); }",
  "async () => 'x'.repeat(100_000)",
];

/** The service's end of a real executor process, and everything that came through it. */
class Executor {
  readonly heard: ExecutorMessage[] = [];
  readonly foreign: string[] = [];
  readonly exited: Promise<string>;
  readonly #process: ChildProcess;
  readonly #pipe: Socket;
  #partial = Buffer.alloc(0);
  #body = 0;
  #wake = (): void => undefined;
  #ended = false;

  constructor(bundles: ExecutorBundles) {
    const { command, args, env } = executorCommand(
      { processes: 1, isolatesPerProcess: AT_ONCE, profile: "hardened" },
      nativeModulePath(),
    );
    this.#process = spawn(command, [...args], { env, cwd: "/", stdio: ["pipe", "ignore", "ignore", "pipe"] });
    this.exited = new Promise((resolve) => {
      this.#process.once("exit", (code, signal) => {
        this.#ended = true;
        resolve(String(signal ?? code));
        this.#wake();
      });
    });
    const pipe = this.#process.stdio[3];
    if (!(pipe instanceof Socket)) throw new Error("the process was started without its pipe");
    this.#pipe = pipe;
    pipe.on("error", () => undefined);
    pipe.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#process.stdin?.on("error", () => undefined).end(bundles.process);
    this.say(toFrame({ type: "init", runtime: bundles.runtime, warm: 1, memoryMiB: 32 }));
  }

  say(bytes: Buffer): void {
    if (this.#pipe.writable) this.#pipe.write(bytes);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** Waits until something holds of what was heard. @returns Whether it came to hold before the process ended. */
  async until(holds: (heard: readonly ExecutorMessage[]) => boolean): Promise<boolean> {
    const waiting = (async () => {
      while (!holds(this.heard)) {
        if (this.#ended) return false;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      return true;
    })();
    return (await within(waiting, ANSWER_WITHIN_MS)) ?? false;
  }

  #take(chunk: Buffer): void {
    this.#partial = Buffer.concat([this.#partial, chunk]);
    for (;;) {
      if (this.#body > this.#partial.length) break;
      this.#partial = this.#partial.subarray(this.#body);
      this.#body = 0;
      const end = this.#partial.indexOf(10);
      if (end === -1) break;
      this.#line(this.#partial.toString("utf8", 0, end));
      this.#partial = this.#partial.subarray(end + 1);
    }
    this.#wake();
  }

  #line(line: string): void {
    const head = /^#(\d+) /u.exec(line);
    this.#body = Number(head?.[1] ?? 0);
    const message = parseExecutorMessage(JSON.parse(line.slice(head?.[0].length ?? 0)) as unknown);
    if (message === undefined) this.foreign.push(line.slice(0, 500));
    else this.heard.push(message);
  }
}

/**
 * Sends random messages of the service to a real executor process: all of them right at first, so that it must go on, end
 * each run once, answer each ping and say nothing but messages; then false ones, after which it may end but must not hang.
 */
export async function fuzzExecutor(seed: number, nth: number, bundles?: ExecutorBundles): Promise<ExecutorFuzzReport> {
  const random = new Random(seed, nth, 3);
  const executor = new Executor(bundles ?? (await loadBundles()));
  const faults: string[] = [];
  let messages = 0;
  try {
    const runs: number[] = [];
    for (let count = 40 + random.int(80); count > 0; count--, messages++) {
      const message =
        random.chance(0.3) || runs.length === 0 ? runMessage(random, runs.length + 1) : talk(random, runs);
      if (message["type"] === "run") {
        runs.push(runs.length + 1);
        // As many at once as a service gives to one process.
        await executor.until((heard) => endsOf(heard).length > runs.length - AT_ONCE);
      }
      for (const piece of inPieces(toFrame(message), random)) executor.say(piece);
      if (random.chance(0.2)) await new Promise((resolve) => setTimeout(resolve, random.int(20)));
    }
    executor.say(toFrame({ type: "ping", id: 4_711 }));
    const isOver = await executor.until(
      (heard) => heard.some((one) => one.type === "pong" && one.id === 4_711) && endsOf(heard).length >= runs.length,
    );
    if (!isOver)
      faults.push(`of ${runs.length} runs ${endsOf(executor.heard).length} ended, or a ping was not answered`);
    const ended = endsOf(executor.heard).map(({ run }) => run);
    if (new Set(ended).size < ended.length) faults.push("a run ended twice");
    // What it is told falsely it may repeat: this is of before.
    for (const line of executor.foreign) faults.push(`it said what is no message: ${line}`);
    messages += await talkNonsense(executor, random, faults);
    const ends = new Map<string, number>();
    for (const { reason } of endsOf(executor.heard)) ends.set(reason, (ends.get(reason) ?? 0) + 1);
    return { messages, ends, faults };
  } finally {
    executor.kill();
    await executor.exited;
  }
}

/** @returns How many messages it was sent. */
async function talkNonsense(executor: Executor, random: Random, faults: string[]): Promise<number> {
  const count = 20;
  for (let left = count; left > 0; left--) {
    const frame = toFrame(mutated(random.chance(0.5) ? runMessage(random, 900 + left) : talk(random, [900]), random));
    executor.say(random.chance(0.2) ? damaged(frame, random) : frame);
  }
  executor.say(toFrame({ type: "ping", id: 4_712 }));
  const answers = executor.until((heard) => heard.some((one) => one.type === "pong" && one.id === 4_712));
  // Its other end is trusted, so it may end where it does not understand: by itself, and at once.
  const end = await within(Promise.race([answers, executor.exited]), ANSWER_WITHIN_MS);
  if (end === undefined || (end === false && (await within(executor.exited, 0)) === undefined))
    faults.push("it neither answers a ping nor ends");
  return count;
}

function endsOf(heard: readonly ExecutorMessage[]): readonly Extract<ExecutorMessage, { readonly type: "end" }>[] {
  return heard.filter((message) => message.type === "end");
}

function runMessage(random: Random, run: number): Message {
  const start = {
    limits: { ...BUILT_IN_LIMITS.defaults, timers: random.int(20) },
    tracked: false,
    sameLines: random.chance(0.5),
    seed: [1, 2, 3, 4],
    clockMs: 0,
    seeded: false,
  } as const;
  return {
    type: "run",
    run,
    code: random.pick(SCRIPTS),
    start,
    ...(random.chance(0.5) ? { input: JSON.stringify(anyValue(random, 0)) } : {}),
    names: random.int(5),
    wallMs: WALL_MS,
    cpuMs: 50 + random.int(200),
    memoryMiB: random.pick([16, 32, 32, 64]),
    nowMs: 0,
  } satisfies RunMessage & Message;
}

function failure(random: Random): unknown {
  return {
    code: random.pick(["TOOL_FAILED", "TOOL_TIMEOUT", "x"]),
    message: anyText(random),
    details: anyValue(random, 0),
  };
}

function talk(random: Random, runs: readonly number[]): Message {
  const run = random.chance(0.8) ? random.pick(runs) : random.int(1_000);
  const shapes: readonly Message[] = [
    { type: "reply", run, id: random.int(6), ok: random.chance(0.7), json: JSON.stringify(anyValue(random, 0)) },
    { type: "reply", run, id: random.int(6), ok: false, json: JSON.stringify(failure(random)) },
    { type: "cancel", run },
    { type: "ping", id: random.int(1_000) },
    { type: "names", id: random.int(80), json: random.chance(0.8) ? '{"test":["echo"]}' : "{}" },
  ];
  return random.pick(shapes);
}
