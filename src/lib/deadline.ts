import type { Clock } from "./clock.ts";
import { RunletError } from "./errors.ts";
import { startPausableTimer } from "./pausable-timer.ts";

/** Work that must end: by its own time, or when somebody no longer wants it. */
export interface Deadline extends Disposable {
  /** Aborts when time is up or the parent aborts; its reason is a `RunletError`. */
  readonly signal: AbortSignal;
  /**
   * Settles as `work` does, or rejects with the signal's reason as soon as it aborts. What `work` does after that is
   * ignored, its rejection included.
   */
  race<T>(work: Promise<T>): Promise<T>;
  /** Lets its time stand still until what is returned is disposed. */
  pause(): Disposable;
}

/** What a deadline needs. */
export interface DeadlineOptions {
  readonly clock: Clock;
  /** Time from now, ms. */
  readonly timeoutMs: number;
  /** Aborts the deadline early. */
  readonly parent: AbortSignal;
  /** Makes the reason when time is up. */
  readonly timeoutError: () => RunletError;
}

/**
 * Starts the clock on a piece of work. Disposing stops the timer and lets go of the parent; it does not abort.
 *
 * @throws RUN_CANCELLED, or the parent's own `RunletError`, when the parent aborted already.
 */
export function startDeadline({ clock, timeoutMs, parent, timeoutError }: DeadlineOptions): Deadline {
  if (parent.aborted) throw cancellation(parent);
  const controller = new AbortController();
  const { signal } = controller;
  const onParent = (): void => {
    timer.cancel();
    controller.abort(cancellation(parent));
  };
  const timer = startPausableTimer(clock, timeoutMs, () => controller.abort(timeoutError()));
  parent.addEventListener("abort", onParent, { once: true });

  return {
    signal,
    pause: () => timer.pause(),
    race: (work) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) reject(signal.reason as Error);
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        work.then(resolve, reject);
      }),
    [Symbol.dispose]() {
      timer.cancel();
      parent.removeEventListener("abort", onParent);
    },
  };
}

/** The failure that an aborted signal stands for: its reason if that is one of ours, else RUN_CANCELLED. */
export function cancellation(signal: AbortSignal): RunletError {
  const reason: unknown = signal.reason;
  if (reason instanceof RunletError) return reason;
  return new RunletError("RUN_CANCELLED", "The call was cancelled by its caller.", { cause: reason });
}
