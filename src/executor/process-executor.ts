import { randomFillSync } from "node:crypto";
import type { ExecutionHost } from "../bridge/execution-host.ts";
import { MAX_KEPT_NAMES } from "../bridge/protocol.ts";
import type { ExecutionUsage, ExecutorMessage, RunMessage } from "../bridge/protocol.ts";
import type { Config } from "../config/config.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { errorInfo, RunletError, toErrorInfo } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { runnableText } from "../script/body-wrapper.ts";
import { loadBundles, nativeModulePath } from "./bundles.ts";
import type { ExecutorBundles } from "./bundles.ts";
import { executorCommand } from "./confinement.ts";
import type { ExecutorCommand } from "./confinement.ts";
import type { ExecutorChild } from "./executor-child.ts";
import type { ExecutionRequest, ExecutionResult, Executor, ExecutorStatus } from "./executor.ts";
import { toExecutionResult } from "./outcome.ts";
import { ProcessPool } from "./process-pool.ts";

/** What the executor needs of its surroundings. */
export interface ProcessExecutorOptions {
  readonly executors: Config["executors"];
  /** Heap of the isolates that are kept ready. */
  readonly memoryMiB: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What a process is started with. @default the confined command of `executorCommand` */
  readonly command?: ExecutorCommand;
}

interface ActiveRun {
  readonly number: number;
  readonly request: ExecutionRequest;
  readonly host: ExecutionHost;
  readonly resolve: (result: ExecutionResult) => void;
  readonly onAbort: () => void;
  child: ExecutorChild | undefined;
  deadline: Timer | undefined;
  /** It made a call or emitted a value: running it again could repeat what others saw of it. */
  acted: boolean;
  /** It was moved off a process that died. */
  moved: boolean;
}

/** How long after the wall limit a process may take to end a run by itself. */
const OVERTIME_MS = 1_500;
/** How long a cancelled run may take to end. */
const CANCEL_WITHIN_MS = 1_000;
/** How long the other runs of a process that is stuck may take to end. */
const DRAIN_MS = 5_000;
/** Runs after which a process is replaced. @source measured: an isolate leaks about 3 KiB */
const RECYCLE_AFTER_RUNS = 5_000;
const WARM_PER_CHILD = 4;
const NO_USAGE: ExecutionUsage = { wallMs: 0, cpuMs: 0, heapMiB: 0 };

/**
 * Runs scripts in supervised processes: places each run on the process with the fewest, moves innocent runs off a process
 * that died, and answers for runs whose process did not.
 */
export class ProcessExecutor implements Executor {
  readonly #clock: Clock;
  readonly #command: ExecutorCommand;
  readonly #pool: ProcessPool;
  readonly #runs = new Map<number, ActiveRun>();
  readonly #waiting: ActiveRun[] = [];
  /** Numbers of the names that scripts see; never used again for others. */
  readonly #names = new Map<string, number>();
  #nextNames = 1;
  #nextRun = 1;
  #crashes = 0;
  #closed = false;
  #onCrash: (() => void) | undefined;

  private constructor(options: ProcessExecutorOptions, bundles: ExecutorBundles) {
    const { executors, memoryMiB, clock, log } = options;
    this.#clock = clock;
    this.#command = options.command ?? executorCommand(executors, nativeModulePath());
    this.#pool = new ProcessPool(
      {
        command: this.#command,
        bundles,
        warm: WARM_PER_CHILD,
        memoryMiB,
        places: executors.processes,
        runsPerProcess: executors.isolatesPerProcess,
        clock,
        log,
      },
      {
        message: (child, message, body) => this.#receive(child, message, body),
        ready: () => this.#placeWaiting(),
        died: (child) => this.#died(child),
        cannotStart: (error) => this.#giveUpWaiting(error),
      },
    );
  }

  /** Starts the processes; they become ready in the background. */
  static async create(options: ProcessExecutorOptions): Promise<ProcessExecutor> {
    return new ProcessExecutor(options, await loadBundles());
  }

  execute(request: ExecutionRequest, host: ExecutionHost): Promise<ExecutionResult> {
    const { promise, resolve } = Promise.withResolvers<ExecutionResult>();
    if (this.#closed)
      return Promise.reject(new RunletError("SHUTTING_DOWN", "Cannot run the script as the service is stopping"));
    const run: ActiveRun = {
      number: this.#nextRun++,
      request,
      host,
      resolve,
      onAbort: () => this.#cancel(run),
      child: undefined,
      deadline: undefined,
      acted: false,
      moved: false,
    };
    if (request.signal.aborted) return Promise.resolve(cancelled());
    request.signal.addEventListener("abort", run.onAbort, { once: true });
    this.#runs.set(run.number, run);
    this.#place(run);
    return promise;
  }

  status(): ExecutorStatus {
    return { ...this.#pool.counts(), running: this.#runs.size, crashes: this.#crashes };
  }

  /** What holds the processes, see `executorCommand`. */
  measures(): readonly string[] {
    return this.#command.measures;
  }

  /** Calls `listener` for each process that died with runs in it. */
  onCrash(listener: () => void): void {
    this.#onCrash = listener;
  }

  /** Process ids, for tests and diagnostics. */
  pids(): number[] {
    return this.#pool.pids();
  }

  ready(): Promise<void> {
    return this.#pool.ready();
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const run of Array.from(this.#runs.values())) this.#settle(run, cancelled());
    return this.#pool.close();
  }

  #died(child: ExecutorChild): void {
    if (child.runs.size > 0) {
      this.#crashes++;
      this.#onCrash?.();
    }
    const toBlame = child.runs.size === 1 && !child.drained;
    for (const number of child.runs) {
      const run = this.#runs.get(number);
      if (run?.child === child) this.#orphaned(run, toBlame);
    }
  }

  #giveUpWaiting(error: RunletError): void {
    for (const run of this.#waiting.splice(0)) {
      this.#settle(run, { status: "failed", error: toErrorInfo(error), usage: NO_USAGE });
    }
  }

  /** A run's process died. Innocent runs are run again once, if that can repeat no side effect. */
  #orphaned(run: ActiveRun, toBlame: boolean): void {
    run.deadline?.cancel();
    if (run.request.signal.aborted) {
      this.#settle(run, cancelled());
      return;
    }
    if (!toBlame && !run.acted && !run.moved) {
      run.moved = true;
      run.child = undefined;
      run.host.log("warn", 0, "The executor process ended while this script ran in it; the script is run again");
      this.#place(run);
      return;
    }
    const message = toBlame
      ? "The executor process died while this script alone ran in it: the script most likely exhausted its memory or crashed the engine"
      : "The executor process that ran this script died, and the script cannot be run again safely";
    this.#settle(run, { status: "failed", error: errorInfo("EXECUTOR_LOST", message), usage: NO_USAGE });
  }

  #place(run: ActiveRun): void {
    const child = this.#pool.freest();
    if (child === undefined) this.#waiting.push(run);
    else this.#start(run, child);
  }

  #placeWaiting(): void {
    for (const run of this.#waiting.splice(0)) if (this.#runs.has(run.number)) this.#place(run);
  }

  #start(run: ActiveRun, child: ExecutorChild): void {
    const { request } = run;
    const { limits } = request;
    run.child = child;
    run.deadline = this.#clock.after(limits.wallMs + OVERTIME_MS, () => this.#overdue(run));
    const seed = randomFillSync(new Uint32Array(4));
    const message: RunMessage = {
      type: "run",
      run: run.number,
      code: runnableText(request.script),
      start: {
        limits,
        tracked: request.script.tracker !== undefined,
        sameLines: request.script.sameLines,
        seed: [seed[0] ?? 1, seed[1] ?? 2, seed[2] ?? 3, seed[3] ?? 4],
      },
      ...(request.inputJson === undefined ? {} : { input: request.inputJson }),
      names: this.#numberOf(request.namesJson),
      wallMs: limits.wallMs,
      cpuMs: limits.cpuMs,
      memoryMiB: limits.memoryMiB,
    };
    child.run(message, request.namesJson);
    if (child.taken >= RECYCLE_AFTER_RUNS) child.drain(this.#longestMs(child));
  }

  /** The same number for the same names, for as long as they are in use. */
  #numberOf(namesJson: string): number {
    let number = this.#names.get(namesJson);
    if (number === undefined) {
      if (this.#names.size >= MAX_KEPT_NAMES) this.#names.clear();
      number = this.#nextNames++;
      this.#names.set(namesJson, number);
    }
    return number;
  }

  /** How long the runs of a process may still take. */
  #longestMs(child: ExecutorChild): number {
    const wallMs = [...child.runs].map((number) => this.#runs.get(number)?.request.limits.wallMs ?? 0);
    return Math.max(0, ...wallMs) + OVERTIME_MS;
  }

  #receive(child: ExecutorChild, message: ExecutorMessage, body: Uint8Array | undefined): void {
    if (message.type === "tainted") child.drain(this.#longestMs(child));
    if (message.type === "tainted" || message.type === "ready" || message.type === "pong") return;
    const run = this.#runs.get(message.run);
    if (run === undefined || run.child !== child) {
      if (message.type === "end") this.#released(child, message.run);
      return;
    }
    switch (message.type) {
      case "call":
        run.acted = true;
        void this.#call(run, child, message.id, message.path, message.args);
        return;
      case "log":
        run.host.log(message.level, message.atMs, message.text);
        return;
      case "emit":
        run.acted = true;
        run.host.emit(message.json);
        return;
      case "end":
        if (message.reason === "refused") {
          child.runs.delete(run.number);
          this.#orphaned(run, false);
          child.releaseIfDrained();
          return;
        }
        this.#settle(run, toExecutionResult(message.reason, body ?? message.text, message.usage, run.request));
        this.#released(child, message.run);
        return;
      default:
        message satisfies never;
    }
  }

  async #call(run: ActiveRun, child: ExecutorChild, id: number, path: string, args: string): Promise<void> {
    const reply = await run.host.call(id, path, args);
    if (this.#runs.has(run.number) && run.child === child)
      child.send({ type: "reply", run: run.number, id, ok: reply.ok, json: reply.json });
  }

  #released(child: ExecutorChild, number: number): void {
    child.runs.delete(number);
    child.releaseIfDrained();
    if (this.#waiting.length > 0) this.#placeWaiting();
  }

  /** The process did not end a run in time: the caller gets its answer now, the process goes. */
  #overdue(run: ActiveRun): void {
    const { request, child } = run;
    this.#settle(
      run,
      toExecutionResult("wall", "", { ...NO_USAGE, wallMs: request.limits.wallMs + OVERTIME_MS }, request),
    );
    child?.drain(DRAIN_MS);
  }

  #cancel(run: ActiveRun): void {
    const { child } = run;
    if (child === undefined) {
      this.#settle(run, cancelled());
      return;
    }
    child.send({ type: "cancel", run: run.number });
    run.deadline?.cancel();
    run.deadline = this.#clock.after(CANCEL_WITHIN_MS, () => {
      this.#settle(run, cancelled());
      child.drain(DRAIN_MS);
    });
  }

  #settle(run: ActiveRun, result: ExecutionResult): void {
    if (!this.#runs.delete(run.number)) return;
    run.deadline?.cancel();
    run.request.signal.removeEventListener("abort", run.onAbort);
    run.resolve(result);
  }
}

function cancelled(): ExecutionResult {
  return { status: "failed", error: errorInfo("RUN_CANCELLED", "The run was cancelled"), usage: NO_USAGE };
}
