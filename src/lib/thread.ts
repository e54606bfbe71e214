import { Worker } from "node:worker_threads";
import type { ResourceLimits } from "node:worker_threads";
import type { Clock, Timer } from "./clock.ts";
import { Turns } from "./turns.ts";

/** How a thread is started and how long it lives. */
export interface ThreadOptions<Answer> {
  /** Module whose code answers, see `threadModule`. */
  readonly entry: URL;
  /** For diagnostics. */
  readonly name: string;
  /** How long it is kept without a question. @default until it is closed */
  readonly idleMs?: number;
  /** @default as Node has them */
  readonly resourceLimits?: ResourceLimits;
  /** Whether the thread that gave this answer is not to be asked again. @default it always is */
  readonly isLast?: (answer: Answer) => boolean;
  readonly clock: Clock;
}

/**
 * The module that a thread runs.
 *
 * @param name Relative to the asking module, without an extension: sources run as they are, and compiled.
 * @param base `import.meta.url` of the asking module.
 */
export function threadModule(name: string, base: string): URL {
  return new URL(`${name}.${base.endsWith(".ts") ? "ts" : "js"}`, base);
}

/** Who asks. */
export interface Asker {
  /** @default one that all share who do not say */
  readonly owner?: string;
  /** Takes a question back that waits; one that is being answered goes on. */
  readonly signal?: AbortSignal;
}

interface WaitingQuestion {
  readonly owner: string;
  /** Settles the promise of the one who asked. Never rejects. */
  readonly answer: () => Promise<void>;
  /** Leaves it without an answer. */
  readonly drop: () => void;
}

/**
 * Work for a thread of its own: it is started at the first question, answers one at a time, and does not keep the process
 * alive. Owners take turns, each in the order it asked, so that nobody waits for more than one question of another. One that
 * breaks or takes too long is ended, and another answers the next question.
 */
export class Thread<Question, Answer> {
  readonly #options: ThreadOptions<Answer>;
  #worker: Worker | undefined;
  readonly #waiting = new Turns<WaitingQuestion>();
  #isAnswering = false;
  /** The question that is being answered. */
  #current: WaitingQuestion | undefined;
  #idle: Timer | undefined;

  constructor(options: ThreadOptions<Answer>) {
    this.#options = options;
  }

  /** Questions of an owner that are not answered yet. */
  waiting(owner = ""): number {
    const own = this.#waiting.count(owner);
    return this.#current?.owner === owner ? own + 1 : own;
  }

  /**
   * Asks.
   *
   * @param timeoutMs For this question alone, the start of the thread included.
   * @returns `undefined` when the thread broke, took too long or was closed.
   * @throws The signal's reason when it aborts before its turn; Error when no thread can be started, or the question cannot be
   *   sent to one.
   */
  ask(question: Question, timeoutMs: number, { owner = "", signal }: Asker = {}): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        signal?.removeEventListener("abort", leave);
        this.#waiting.remove(job);
        if (signal?.aborted === true) reject(toError(signal.reason));
      };
      const job: WaitingQuestion = {
        owner,
        answer: async () => {
          signal?.removeEventListener("abort", leave);
          await this.#ask(question, timeoutMs)
            .finally(() => (this.#current = undefined))
            .then(resolve, reject);
        },
        drop: () => {
          signal?.removeEventListener("abort", leave);
          resolve(undefined);
        },
      };
      if (signal?.aborted === true) leave();
      else {
        signal?.addEventListener("abort", leave);
        this.#waiting.add(job);
        void this.#answerAll();
      }
    });
  }

  /** Ends the thread; questions that wait have no answer. Safe to call twice; a later question starts another. */
  async close(): Promise<void> {
    for (const question of this.#waiting.clear()) question.drop();
    this.#idle?.cancel();
    await this.#end();
  }

  async #end(): Promise<void> {
    const ending = this.#worker;
    this.#worker = undefined;
    await ending?.terminate();
  }

  async #answerAll(): Promise<void> {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    this.#idle?.cancel();
    for (let next = this.#waiting.take(); next !== undefined; next = this.#waiting.take()) {
      this.#current = next;
      await next.answer();
    }
    this.#isAnswering = false;
    const { clock, idleMs } = this.#options;
    if (idleMs !== undefined) this.#idle = clock.after(idleMs, () => void this.close(), { background: true });
  }

  async #ask(question: Question, timeoutMs: number): Promise<Answer | undefined> {
    const { clock, isLast } = this.#options;
    this.#worker ??= this.#start();
    const answer = await exchange<Answer>(this.#worker, question, clock, timeoutMs);
    if (answer === undefined || isLast?.(answer) === true) await this.#end();
    return answer;
  }

  #start(): Worker {
    const { entry, name, resourceLimits } = this.#options;
    const worker = new Worker(entry, {
      // What it works on may be hostile: it gets nothing of the service's environment or flags.
      env: {},
      execArgv: ["--disable-warning=ExperimentalWarning"],
      name,
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    });
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    // One that dies between two questions, when nobody waits for it, is replaced at the next one.
    worker.on("error", forget);
    worker.on("exit", forget);
    worker.unref();
    return worker;
  }
}

function exchange<Answer>(
  worker: Worker,
  question: unknown,
  clock: Clock,
  timeoutMs: number,
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    // First, as it is refused before there is anything to undo.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(question);
    const finish = (answer: Answer | undefined): void => {
      timer.cancel();
      worker.off("message", finish);
      worker.off("error", onEnd);
      worker.off("exit", onEnd);
      worker.unref();
      resolve(answer);
    };
    const onEnd = (): void => finish(undefined);
    const timer = clock.after(timeoutMs, onEnd);
    worker.on("message", finish);
    worker.on("error", onEnd);
    worker.on("exit", onEnd);
    worker.ref();
  });
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}
