import { Worker } from "node:worker_threads";
import type { ResourceLimits } from "node:worker_threads";
import type { Clock, Timer } from "./clock.ts";

/** How a thread is started and how long it lives. */
export interface ThreadOptions {
  /** Module whose code answers, see `threadModule`. */
  readonly entry: URL;
  /** For diagnostics. */
  readonly name: string;
  /** How long it is kept without a question. */
  readonly idleMs: number;
  readonly resourceLimits: ResourceLimits;
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

/**
 * Work for a thread of its own: it is started at the first question, answers one at a time in order, and does not keep the
 * process alive. One that breaks or takes too long is ended, and another answers the next question.
 */
export class Thread<Question, Answer> {
  readonly #options: ThreadOptions;
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: Timer | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** Questions that are not answered yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Asks.
   *
   * @param timeoutMs For this question alone, the start of the thread included.
   * @returns `undefined` when the thread broke, took too long or was closed.
   * @throws Error when no thread can be started, or the question cannot be sent to one.
   */
  ask(question: Question, timeoutMs: number): Promise<Answer | undefined> {
    this.#waiting++;
    const answer = this.#last.then(() => this.#ask(question, timeoutMs));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Ends the thread. Safe to call twice; a later question starts another. */
  async close(): Promise<void> {
    this.#idle?.cancel();
    const ending = this.#worker;
    this.#worker = undefined;
    await ending?.terminate();
  }

  async #ask(question: Question, timeoutMs: number): Promise<Answer | undefined> {
    const { clock, idleMs } = this.#options;
    this.#idle?.cancel();
    try {
      this.#worker ??= this.#start();
      const answer = await exchange<Answer>(this.#worker, question, clock, timeoutMs);
      if (answer === undefined) await this.close();
      return answer;
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) this.#idle = clock.after(idleMs, () => void this.close(), { background: true });
    }
  }

  #start(): Worker {
    const { entry, name, resourceLimits } = this.#options;
    const worker = new Worker(entry, {
      // What it works on may be hostile: it gets nothing of the service's environment or flags.
      env: {},
      execArgv: ["--disable-warning=ExperimentalWarning"],
      name,
      resourceLimits,
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
