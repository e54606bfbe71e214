import type { ExecutionHost } from "../bridge/execution-host.ts";
import type { EndReason, ExecutorMessage } from "../bridge/protocol.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { startPausableTimer } from "../lib/pausable-timer.ts";
import { askHost, askTick } from "./ask-host.ts";
import type { AskHostParts } from "./ask-host.ts";
import { blame } from "./supervision/blame.ts";
import type { Blame } from "./supervision/blame.ts";
import { loadBundles, nativeModulePath } from "./bundles.ts";
import type { ExecutorBundles } from "./bundles.ts";
import { executorCommand } from "./confinement/executor-command.ts";
import type { ExecutorCommand } from "./confinement/executor-command.ts";
import { CrashLedger, TAINT_POINTS } from "./supervision/crash-ledger.ts";
import { tellDeath } from "./supervision/crash-report.ts";
import type { CrashReason } from "./supervision/crash-report.ts";
import type { ExecutorChild } from "./supervision/executor-child.ts";
import { hasActed } from "./executor-run.ts";
import type { ExecutorRun } from "./executor-run.ts";
import type { ExecutionRequest, ExecutionResult, Executor, ExecutorStatus } from "./executor.ts";
import { lostError } from "./supervision/lost-run.ts";
import { cancelled, failed, NO_USAGE, toExecutionResult } from "./outcome.ts";
import { choosePlace } from "./supervision/placement.ts";
import { ProcessPool } from "./supervision/process-pool.ts";
import { RunMessages } from "./run-messages.ts";
import { WaitingRuns } from "./supervision/waiting-runs.ts";

/** What the executor needs of its surroundings. */
export interface ProcessExecutorOptions {
  readonly executors: Config["executors"];
  /** Heap of the isolates that are kept ready. */
  readonly memoryMiB: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What a process is started with. @default the confined command of `executorCommand` */
  readonly command?: ExecutorCommand;
  /**
   * Whether principals share the processes: then those whose scripts keep crashing them are kept alone, slowed and refused.
   * Where there is only one, nobody else is protected by that, and its good scripts would pay for a bad one.
   *
   * @default true
   */
  readonly shared?: boolean;
  /** Processes kept ready to replace another; each costs about 60 MiB. @default 1; with `dedicated` as many as processes */
  readonly spares?: number;
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
/** Processes for runs that must be alone, at least: with one, a run that waits for a tool would hold up all others. */
const MIN_CELLS = 2;
/** How often a run is moved off a process that died: the first time beside others, unless it is suspect, then alone. */
const MAX_MOVES = 2;
/** How long a run must have been in a process for its death to say something of the run: it is noticed a moment late. */
const FRESH_MS = 100;
/** What a run costs its principal at least that was in two processes when they died. */
const TWICE_THERE_POINTS = 0.5;
/** Ends after which a script may go on for a moment. */
const WAS_STOPPED: ReadonlySet<EndReason> = new Set(["wall", "cpu", "memory", "catastrophe", "quota", "cancelled"]);

/**
 * Runs scripts in supervised processes: places each run so that a crash costs few others, answers for runs whose process
 * died, moves those off it that were not to blame, and keeps who crashes processes from doing so again and again.
 */
export class ProcessExecutor implements Executor {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #command: ExecutorCommand;
  readonly #pool: ProcessPool;
  readonly #ledger: CrashLedger | undefined;
  readonly #messages = new RunMessages();
  readonly #runs = new Map<number, ExecutorRun>();
  readonly #waiting = new WaitingRuns<ExecutorRun>();
  /** Those that must be alone. */
  readonly #waitingAlone = new WaitingRuns<ExecutorRun>();
  readonly #room: number;
  readonly #dedicated: boolean;
  readonly #cellsPerPrincipal: number;
  #nextRun = 1;
  #crashes = 0;
  #closed = false;
  #onCrash: ((reason: CrashReason) => void) | undefined;

  private constructor(options: ProcessExecutorOptions, bundles: ExecutorBundles) {
    const { executors, memoryMiB, clock, log, shared = true } = options;
    const { processes, profile } = executors;
    const dedicated = profile === "dedicated";
    const cells = dedicated ? 0 : Math.max(MIN_CELLS, processes);
    this.#clock = clock;
    this.#log = log;
    this.#ledger = shared ? new CrashLedger(clock) : undefined;
    this.#command = options.command ?? executorCommand(executors, nativeModulePath());
    this.#dedicated = dedicated;
    this.#room = dedicated ? 1 : executors.isolatesPerProcess;
    this.#cellsPerPrincipal = dedicated ? processes : Math.ceil(cells / 2);
    this.#pool = new ProcessPool(
      {
        command: this.#command,
        bundles,
        warm: dedicated ? 1 : WARM_PER_CHILD,
        memoryMiB,
        places: processes,
        spares: options.spares ?? (dedicated ? processes : 1),
        cells,
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
    const { principal, signal } = request;
    if (this.#closed)
      return Promise.reject(new RunletError("SHUTTING_DOWN", "Cannot run the script as the service is stopping"));
    if (signal.aborted) return Promise.resolve(cancelled());
    const refusal = this.refusal(principal);
    if (refusal !== undefined) return Promise.resolve(failed(refusal));
    const run: ExecutorRun = {
      number: this.#nextRun++,
      principal,
      request,
      host,
      resolve,
      onAbort: () => this.#cancel(run),
      child: undefined,
      timer: undefined,
      asked: 0,
      stillUntilMs: undefined,
      startedAtMs: 0,
      calls: 0,
      ticks: 0,
      emitted: 0,
      moves: 0,
      isSuspect: false,
    };
    signal.addEventListener("abort", run.onAbort, { once: true });
    this.#runs.set(run.number, run);
    const delayMs = this.#ledger?.delayMs(principal) ?? 0;
    if (delayMs === 0) this.#place(run);
    else run.timer = this.#clock.after(delayMs, () => this.#place(run));
    return promise;
  }

  status(): ExecutorStatus {
    return { ...this.#pool.counts(), running: this.#runs.size, crashes: this.#crashes };
  }

  /** Why no run of a principal is taken now: TOO_MANY_CRASHES; `undefined` when they are. */
  refusal(principal: string): RunletError | undefined {
    return this.#ledger?.refusal(principal);
  }

  /** How many runs of a principal can be executed at once: few where each must be alone, any number else. */
  concurrencyOf(principal: string): number {
    return this.#ledger?.isAlone(principal) === true ? this.#cellsPerPrincipal : Infinity;
  }

  /** What holds the processes, see `executorCommand`. */
  measures(): readonly string[] {
    return this.#command.measures;
  }

  /** Calls `listener` for each process that died after it had been ready and was not to. */
  onCrash(listener: (reason: CrashReason) => void): void {
    this.#onCrash = listener;
  }

  /** Ids of the processes that take runs or hold some, for tests and diagnostics. @param spares The spares, too. */
  pids(options: { readonly spares?: boolean } = {}): number[] {
    return this.#pool.pids(options);
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
    const numbers = child.runs.numbers();
    const runs = numbers.flatMap((number) => {
      const run = this.#runs.get(number);
      return run?.child === child ? [run] : [];
    });
    const reason = tellDeath(child, runs, this.#log);
    if (reason !== undefined) {
      this.#crashes++;
      this.#onCrash?.(reason);
    }
    const asked = child.death?.reason === "asked";
    const suspects = child.runs.suspects();
    const unheard = runs.filter((run) => run.moves === 0 && !hasActed(run));
    const startedAtMs = Math.max(...unheard.map((run) => run.startedAtMs));
    const isFresh = this.#clock.monotonic() - startedAtMs < FRESH_MS;
    // Those that were answered already and are still in it count: one of them may be why it died.
    const toBlame = blame({ asked, isSpoilt: child.isSpoilt, isFresh, runs: numbers, suspects });
    for (const run of runs) this.#orphaned(run, toBlame(run.number));
    this.#placeWaiting();
  }

  #giveUpWaiting(error: RunletError): void {
    for (const run of [...this.#waiting.clear(), ...this.#waitingAlone.clear()]) this.#settle(run, failed(error));
  }

  /**
   * A run's process died. Runs that may be innocent are run again if that can repeat nothing others saw: those that may be
   * not are alone then, and so are those that it happened to twice. Alone it shows.
   */
  #orphaned(run: ExecutorRun, { verdict, share }: Blame): void {
    run.timer?.cancel();
    run.child = undefined;
    if (run.request.signal.aborted) {
      this.#settle(run, cancelled());
      return;
    }
    if (verdict !== "guilty" && run.moves < MAX_MOVES && !hasActed(run)) {
      run.isSuspect = verdict === "suspect" || run.moves > 0;
      run.moves++;
      run.host.log("warn", 0, "The executor process ended while this script ran in it; the script is run again");
      this.#place(run);
      return;
    }
    if (share > 0) this.#ledger?.charge(run.principal, run.moves > 0 ? Math.max(share, TWICE_THERE_POINTS) : share);
    const { calls, emitted, moves } = run;
    this.#settle(run, { status: "failed", error: lostError({ verdict, calls, emitted, moves }), usage: NO_USAGE });
  }

  /** Whether a run must have a process of its own; where all have one, none is special. */
  #mustBeAlone(run: ExecutorRun): boolean {
    return !this.#dedicated && (run.isSuspect || this.#ledger?.isAlone(run.principal) === true);
  }

  #place(run: ExecutorRun): void {
    if (!this.#runs.has(run.number)) return;
    const alone = this.#mustBeAlone(run);
    if (alone ? this.#startAlone(run) : this.#startBeside(run)) return;
    (alone ? this.#waitingAlone : this.#waiting).add(run);
  }

  #placeWaiting(): void {
    if (this.#closed) return;
    // A principal that crashed a process while its runs waited has them started alone, or not at all.
    this.#waiting.serve((run) => {
      if (this.#refused(run)) return true;
      if (!this.#mustBeAlone(run)) return this.#startBeside(run);
      this.#waitingAlone.add(run);
      return true;
    });
    this.#waitingAlone.serve((run) => this.#refused(run) || this.#startAlone(run));
  }

  #refused(run: ExecutorRun): boolean {
    const refusal = this.refusal(run.principal);
    if (refusal !== undefined) this.#settle(run, failed(refusal));
    return refusal !== undefined;
  }

  #startBeside(run: ExecutorRun): boolean {
    const child = choosePlace(this.#pool.places(), run.principal, this.#room);
    if (child === undefined) return false;
    this.#start(run, child);
    return true;
  }

  #startAlone(run: ExecutorRun): boolean {
    if (this.#pool.cellsOf(run.principal) >= this.#cellsPerPrincipal) return false;
    const child = this.#pool.cell();
    if (child === undefined) return false;
    this.#start(run, child);
    return true;
  }

  #start(run: ExecutorRun, child: ExecutorChild): void {
    const { request, number, principal } = run;
    run.child = child;
    run.startedAtMs = this.#clock.monotonic();
    run.timer = startPausableTimer(this.#clock, request.limits.wallMs + OVERTIME_MS, () => this.#overdue(run));
    child.run(this.#messages.of(number, request, this.#clock.now()), { namesJson: request.namesJson, principal });
    if (child.taken >= RECYCLE_AFTER_RUNS) this.#pool.replace(child);
  }

  #receive(child: ExecutorChild, message: ExecutorMessage, body: Uint8Array | undefined): void {
    if (message.type === "ready" || message.type === "pong") return;
    if (message.type === "tainted") {
      // Of a run that has not ended its end tells: `catastrophe`. One that has ended never stopped computing. Said again it
      // says nothing: a process that was taken over could blame others by it.
      const owner = message.run === undefined || child.isSpoilt ? undefined : child.runs.ownerOfEnded(message.run);
      if (owner !== undefined) this.#ledger?.charge(owner, TAINT_POINTS);
      child.stray();
      child.drain({ isSpoilt: true });
      return;
    }
    const run = this.#runs.get(message.run);
    if (run === undefined || run.child !== child) {
      if (message.type === "end") this.#released(child, message.run, message.usage.cpuMs);
      child.stray();
      return;
    }
    switch (message.type) {
      case "call":
        askHost(run, child, message, this.#askParts(run, child));
        return;
      case "tick":
        askTick(run, child, message, this.#askParts(run, child));
        return;
      case "log":
        run.host.log(message.level, message.atMs, message.text);
        return;
      case "emit":
        run.emitted++;
        run.host.emit(message.json);
        return;
      case "end":
        if (WAS_STOPPED.has(message.reason)) child.stopped(run.principal);
        if (message.reason === "catastrophe") this.#ledger?.charge(run.principal, TAINT_POINTS);
        if (message.reason === "refused") this.#orphaned(run, { verdict: "innocent", share: 0 });
        else this.#settle(run, toExecutionResult(message.reason, body ?? message.text, message.usage, run.request));
        this.#released(child, message.run, message.usage.cpuMs);
        return;
      default:
        message satisfies never;
    }
  }

  #askParts(run: ExecutorRun, child: ExecutorChild): AskHostParts {
    return { clock: this.#clock, isThere: () => this.#runs.has(run.number) && run.child === child };
  }

  #released(child: ExecutorChild, number: number, cpuMs: number): void {
    child.release(number, cpuMs);
    if (this.#dedicated) child.drain();
    else if (child.load === 0) this.#pool.rest(child);
    this.#placeWaiting();
  }

  /** The process did not end a run in time: the caller gets its answer now, the process goes. */
  #overdue(run: ExecutorRun): void {
    const { request, child } = run;
    this.#ledger?.charge(run.principal, TAINT_POINTS);
    this.#settle(
      run,
      toExecutionResult("wall", "", { ...NO_USAGE, wallMs: request.limits.wallMs + OVERTIME_MS }, request),
    );
    child?.drain({ graceMs: DRAIN_MS, isSpoilt: true });
  }

  #cancel(run: ExecutorRun): void {
    const { child } = run;
    if (child === undefined) {
      this.#settle(run, cancelled());
      return;
    }
    child.send({ type: "cancel", run: run.number });
    run.timer?.cancel();
    run.timer = this.#clock.after(CANCEL_WITHIN_MS, () => {
      this.#settle(run, cancelled());
      child.drain({ graceMs: DRAIN_MS, isSpoilt: true });
    });
  }

  #settle(run: ExecutorRun, result: ExecutionResult): void {
    if (!this.#runs.delete(run.number)) return;
    run.timer?.cancel();
    this.#waiting.delete(run);
    this.#waitingAlone.delete(run);
    run.request.signal.removeEventListener("abort", run.onAbort);
    run.resolve(result);
  }
}
