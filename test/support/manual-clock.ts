import type { Clock, Timer } from "../../src/lib/clock.ts";

interface Wake {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Goes on, waking what is due in order of time, then of registration. */
  advance(ms: number): void;
  /** How many wake-ups are pending. */
  pending(): number;
}

/** @param startMs Milliseconds since the epoch at the start; `monotonic` starts at 0. */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let elapsedMs = 0;
  const wakes = new Set<Wake>();
  const nextUntil = (limitMs: number): Wake | undefined =>
    [...wakes].filter(({ atMs }) => atMs <= limitMs).toSorted((a, b) => a.atMs - b.atMs)[0];
  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    after(delayMs, wake): Timer {
      const entry = { atMs: elapsedMs + delayMs, wake };
      wakes.add(entry);
      return { cancel: () => void wakes.delete(entry) };
    },
    advance(ms) {
      const limitMs = elapsedMs + ms;
      for (let due = nextUntil(limitMs); due !== undefined; due = nextUntil(limitMs)) {
        wakes.delete(due);
        elapsedMs = due.atMs;
        due.wake();
      }
      elapsedMs = limitMs;
    },
    pending: () => wakes.size,
  };
}
