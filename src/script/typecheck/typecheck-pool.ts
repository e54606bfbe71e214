import type { Clock, Timer } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { Turns } from "../../lib/turns.ts";
import { compilerCommand } from "./typecheck-command.ts";
import type { CompilerCommand } from "./typecheck-command.ts";
import { CompilerProjects, PROJECTS_FOLDER } from "./typecheck-projects.ts";
import type { CompilerDiagnostic, CompilerInput } from "./typecheck-projects.ts";

/** How a check ended; `diagnostics` is `undefined` when TypeScript could not read the text. */
export type Diagnosed =
  | { readonly status: "checked"; readonly diagnostics: readonly CompilerDiagnostic[] | undefined }
  /** `reason` goes after "as". */
  | { readonly status: "givenUp"; readonly reason: string };

/** Options of a pool of compilers. */
export interface CompilerPoolOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For one check, the start of a process included. @default 3000 */
  readonly timeoutMs?: number;
  /** For one check to be started. @default 3000 */
  readonly maxWaitMs?: number;
  /** Processes at most. @default 2 */
  readonly processes?: number;
}

interface Job {
  readonly input: CompilerInput;
  readonly owner: string;
  /** It waits no longer. */
  readonly begin: () => void;
  readonly settle: (outcome: Diagnosed) => void;
}

/** A place for one process. */
interface Slot {
  projects: CompilerProjects | undefined;
  /** Made by this process. */
  checks: number;
  busy: boolean;
}

const STOPPING = { status: "givenUp", reason: "the service is stopping" } as const;
const DEFAULTS = { timeoutMs: 3_000, maxWaitMs: 3_000, processes: 2 };
/** A process is replaced after so many checks, whatever they left in it. */
const MAX_CHECKS = 2_000;

/**
 * A few compiler processes, each started when it is first needed and replaced when it dies. Of one owner one check is made
 * at a time, and owners take turns, so that whoever sends what takes long waits for it and nobody else does for more than
 * one check's time.
 */
export class CompilerPool {
  readonly #options: Required<CompilerPoolOptions>;
  readonly #slots: readonly Slot[];
  readonly #waiting = new Turns<Job>();
  readonly #running = new Set<string>();
  #command: CompilerCommand | undefined;
  #closed = false;

  constructor(options: CompilerPoolOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#slots = Array.from({ length: this.#options.processes }, (): Slot => ({
      projects: undefined,
      checks: 0,
      busy: false,
    }));
  }

  /** Ids of the processes there are. */
  pids(): readonly number[] {
    return this.#slots.flatMap(({ projects }) => (projects?.alive === true ? (projects.pid ?? []) : []));
  }

  /** Checks one text. @throws The signal's reason when it aborts first. */
  diagnose(input: CompilerInput, owner: string, signal: AbortSignal): Promise<Diagnosed> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        this.#waiting.remove(job);
      };
      const settle = (outcome: Diagnosed): void => {
        leave();
        resolve(outcome);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason instanceof Error ? signal.reason : new Error("aborted", { cause: signal.reason }));
      };
      const { clock, maxWaitMs } = this.#options;
      const timer: Timer = clock.after(maxWaitMs, () =>
        settle({ status: "givenUp", reason: "other checks took too long" }),
      );
      const job: Job = { input, owner, begin: () => timer.cancel(), settle };
      if (signal.aborted) onAbort();
      else if (this.#closed) settle(STOPPING);
      else {
        signal.addEventListener("abort", onAbort, { once: true });
        this.#waiting.add(job);
        this.#startNext();
      }
    });
  }

  /** Ends the processes; checks that are left are given up. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#waiting.clear()) job.settle(STOPPING);
    await Promise.all(this.#slots.map(async (slot) => slot.projects?.kill(new Error(STOPPING.reason))));
  }

  #startNext(): void {
    for (const slot of this.#slots) {
      if (slot.busy) continue;
      const job = this.#waiting.take(({ owner }) => !this.#running.has(owner));
      if (job === undefined) return;
      slot.busy = true;
      this.#running.add(job.owner);
      job.begin();
      void this.#run(slot, job);
    }
  }

  async #run(slot: Slot, job: Job): Promise<void> {
    const { clock, timeoutMs, log } = this.#options;
    let timer: Timer | undefined;
    let tookTooLong = false;
    try {
      const projects = this.#projectsOf(slot);
      timer = clock.after(timeoutMs, () => {
        tookTooLong = true;
        void projects.kill(new Error(`it takes longer than ${timeoutMs} ms`));
      });
      slot.checks++;
      job.settle({ status: "checked", diagnostics: await projects.diagnose(job.input) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#closed) log.warn({ owner: job.owner, reason }, "a type check was given up");
      await slot.projects?.kill(new Error(reason));
      const told = tookTooLong ? reason : "the compiler failed";
      job.settle(this.#closed ? STOPPING : { status: "givenUp", reason: told });
    } finally {
      timer?.cancel();
      slot.busy = false;
      this.#running.delete(job.owner);
      this.#startNext();
    }
  }

  #projectsOf(slot: Slot): CompilerProjects {
    if (slot.projects?.alive === true && slot.checks < MAX_CHECKS) return slot.projects;
    void slot.projects?.kill(new Error("replaced"));
    this.#command ??= compilerCommand(PROJECTS_FOLDER);
    slot.projects = new CompilerProjects(this.#command);
    slot.checks = 0;
    return slot.projects;
  }
}
