/**
 * Entry of an executor process: holds isolates and nothing else. Its only way out is the pipe to the service.
 */
import { writeSync } from "node:fs";
import { MAX_BUSY, MAX_KEPT_NAMES } from "../../bridge/protocol.ts";
import type { ExecutionUsage, ExecutorMessage, RunMessage, ServiceMessage } from "../../bridge/protocol.ts";
import { systemClock } from "../../lib/clock.ts";
import { CpuShares } from "./cpu-shares.ts";
import { IsolateRun } from "./isolate-run.ts";
import { IsolatePool } from "./isolate-pool.ts";
import { DirectPipe } from "../pipe/direct-pipe.ts";
import { INLINE_UNITS } from "../pipe/message-frames.ts";

/** Descriptor of the pipe to the service. */
const PIPE_FD = 3;
const STDERR_FD = 2;

const runs = new Map<number, IsolateRun>();
const names = new Map<number, string>();
/** Runs for which no isolate was ready, in the order they came. */
const waiting = new Map<number, { readonly message: RunMessage; readonly namesJson: string }>();
const NO_USAGE: ExecutionUsage = { wallMs: 0, cpuMs: 0, heapMiB: 0 };
const shares = new CpuShares({
  clock: systemClock,
  readCpuMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
});
let pool: IsolatePool | undefined;

/** Runs that were told something in this turn. */
const told = new Set<IsolateRun>();

// The service is the trusted side of this pipe, and the only other end: without it there is nobody to answer to.
const pipe = new DirectPipe({
  fd: PIPE_FD,
  onMessage: (message) => receive(message as ServiceMessage),
  onTurn: () => {
    for (const run of told) run.flush();
    told.clear();
  },
  onBroken: die,
});

function send(message: ExecutorMessage): void {
  if (message.type === "end" && message.reason === "value" && message.text.length > INLINE_UNITS)
    pipe.send({ ...message, text: "" }, Buffer.from(message.text));
  else pipe.send(message);
}

/** Ends this process by a signal: `exit` would run destructors that may never return. */
function die(): void {
  process.kill(process.pid, "SIGKILL");
}

/** @param run Whose isolate it was, if anybody's. */
function taint(run?: number): void {
  pool?.close();
  send(run === undefined ? { type: "tainted" } : { type: "tainted", run });
}

/** Starts a run where an isolate is ready; else it waits for its turn to have one made. */
function accept(message: RunMessage): void {
  if (pool === undefined) return;
  const namesJson = names.get(message.names) ?? "{}";
  if (waiting.size === 0 && pool.hasReady(message.memoryMiB)) begin(pool, message, namesJson);
  else {
    waiting.set(message.run, { message, namesJson });
    if (waiting.size === 1) setImmediate(beginNext);
  }
}

/** One a turn: making an isolate holds up all that goes on here. */
function beginNext(): void {
  const [first] = waiting.values();
  if (pool === undefined || first === undefined) return;
  waiting.delete(first.message.run);
  begin(pool, first.message, first.namesJson);
  if (waiting.size > 0) setImmediate(beginNext);
}

function begin(from: IsolatePool, message: RunMessage, namesJson: string): void {
  const ended = (id: number): void => {
    runs.delete(id);
    from.released();
  };
  let started: IsolateRun;
  try {
    started = new IsolateRun(message, namesJson, {
      pool: from,
      shares,
      port: { send, ended, tainted: () => taint(message.run) },
      clock: systemClock,
    });
  } catch (error) {
    // What runs here already is not disturbed; this run can be had by another process.
    writeSync(STDERR_FD, `cannot make an isolate: ${String(error)}\n`);
    send({ type: "end", run: message.run, reason: "refused", text: "", usage: NO_USAGE });
    taint();
    return;
  }
  runs.set(message.run, started);
  started.start();
}

function cancel(run: number): void {
  if (waiting.delete(run)) send({ type: "end", run, reason: "cancelled", text: "", usage: NO_USAGE });
  else runs.get(run)?.cancel();
}

/** Runs that compute right now: should this process die, one of the first is likely to be why. */
function busyRuns(): number[] {
  return Array.from(runs)
    .filter(([, run]) => run.computing)
    .toSorted(([, a], [, b]) => b.cpuMs - a.cpuMs)
    .slice(0, MAX_BUSY)
    .map(([number]) => number);
}

function receive(message: ServiceMessage): void {
  switch (message.type) {
    case "init":
      pool = new IsolatePool({
        runtime: message.runtime,
        warm: message.warm,
        memoryMiB: message.memoryMiB,
        clock: systemClock,
        onIdleCatastrophe: () => taint(),
      });
      send({ type: "ready" });
      return;
    case "run":
      accept(message);
      return;
    case "names":
      if (names.size >= MAX_KEPT_NAMES) names.clear();
      names.set(message.id, message.json);
      return;
    case "reply": {
      const replied = runs.get(message.run);
      if (replied === undefined) return;
      replied.reply(message);
      told.add(replied);
      return;
    }
    case "ticked": {
      const ticked = runs.get(message.run);
      if (ticked === undefined) return;
      ticked.ticked(message.atMs);
      told.add(ticked);
      return;
    }
    case "cancel":
      cancel(message.run);
      return;
    case "still":
      runs.get(message.run)?.standStill(message.on);
      return;
    case "ping":
      send({ type: "pong", id: message.id, busy: busyRuns() });
      return;
    default:
      message satisfies never;
  }
}

process.on("uncaughtException", (error: unknown) => {
  writeSync(STDERR_FD, `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  die();
});
