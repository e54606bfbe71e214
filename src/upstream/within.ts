import type { Clock } from "../lib/clock.ts";

/**
 * Runs something that must end within a time. At its end the signal aborts and the promise rejects at once, also when
 * `run` takes no notice.
 *
 * @param timeoutMs Duration in ms.
 * @param expired Makes the error of a run that took too long.
 */
export function within<T>(
  clock: Clock,
  timeoutMs: number,
  expired: () => Error,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const timer = clock.after(timeoutMs, () => {
      const error = expired();
      reject(error);
      controller.abort(error);
    });
    run(controller.signal)
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

/** The promise's outcome, or a rejection with the signal's reason when it aborts first; the promise itself goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
