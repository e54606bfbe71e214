import type { Clock } from "./clock.ts";

/** A timer that can stand still. */
export interface PausableTimer {
  /** Stops its time until what is returned is disposed, once; several pauses may overlap. */
  pause(): Disposable;
  /** Time that it still has to run, ms. */
  leftMs(): number;
  /** Ends it. Safe to call twice. */
  cancel(): void;
}

/** Calls `callback` when the timer has run for `delayMs`, pauses not counted. */
export function startPausableTimer(clock: Clock, delayMs: number, callback: () => void): PausableTimer {
  let leftMs = delayMs;
  let startedMs = clock.monotonic();
  let pauses = 0;
  let ended = false;
  const fire = (): void => {
    ended = true;
    callback();
  };
  let timer = clock.after(leftMs, fire);

  function resume(): void {
    pauses -= 1;
    if (pauses > 0 || ended) return;
    startedMs = clock.monotonic();
    timer = clock.after(leftMs, fire);
  }

  return {
    pause() {
      pauses += 1;
      if (pauses === 1 && !ended) {
        timer.cancel();
        leftMs = Math.max(0, leftMs - (clock.monotonic() - startedMs));
      }
      let resumed = false;
      return {
        [Symbol.dispose]() {
          if (!resumed) resume();
          resumed = true;
        },
      };
    },
    leftMs: () => (pauses > 0 || ended ? leftMs : Math.max(0, leftMs - (clock.monotonic() - startedMs))),
    cancel() {
      ended = true;
      timer.cancel();
    },
  };
}
