import type { Clock } from "./clock.ts";

/** A place that is held: disposing gives it to the next in line. Idempotent. */
export interface Lease extends Disposable {
  readonly status: "held";
}

/** Why no place was given. */
export interface Refusal {
  /** `full`: too many wait already; `timeout`: the wait was longer than allowed. */
  readonly status: "full" | "timeout";
  /** Milliseconds after which a place is likely, judged by how long places were held lately. */
  readonly retryAfterMs: number;
}

/** Sizes of a semaphore. */
export interface SemaphoreOptions {
  /** Leases at once, at least 1. */
  readonly places: number;
  /** Callers that may wait; 0 refuses at once when no place is free. */
  readonly queueLimit: number;
  /** Longest wait in ms. */
  readonly queueWaitMs: number;
  readonly clock: Clock;
}

/** Lets a bounded number of holders in at once; the rest wait in line, first in, first out. */
export interface Semaphore {
  readonly options: SemaphoreOptions;
  /** A place if one is free and nobody waits for it, without waiting. */
  tryAcquire(): Lease | undefined;
  /**
   * A place, waiting in line for it. A caller that aborts or times out leaves the line at once.
   * @throws The signal's reason when it aborts before a place was given.
   */
  acquire(signal?: AbortSignal): Promise<Lease | Refusal>;
  usage(): { readonly held: number; readonly waiting: number };
}

interface Waiter {
  grant(lease: Lease): void;
}

/** Weight of the newest hold in the moving average. */
const HOLD_WEIGHT = 0.2;
const LEAST_RETRY_MS = 50;

/** Makes a semaphore. Needs no closing: it owns timers only while callers wait. */
export function createSemaphore(options: SemaphoreOptions): Semaphore {
  const { places, queueLimit, queueWaitMs, clock } = options;
  const line = new Set<Waiter>();
  let held = 0;
  let averageHoldMs = 0;

  function lease(): Lease {
    const since = clock.monotonic();
    let open = true;
    return {
      status: "held",
      [Symbol.dispose]() {
        if (!open) return;
        open = false;
        const holdMs = clock.monotonic() - since;
        averageHoldMs += (averageHoldMs === 0 ? 1 : HOLD_WEIGHT) * (holdMs - averageHoldMs);
        passOn();
      },
    };
  }

  /** The place goes to the first in line without becoming free, so that nobody overtakes. */
  function passOn(): void {
    for (const first of line) {
      line.delete(first);
      first.grant(lease());
      return;
    }
    held--;
  }

  function refuse(status: Refusal["status"]): Refusal {
    const expectedMs = Math.ceil((averageHoldMs * (line.size + 1)) / places);
    return { status, retryAfterMs: Math.max(LEAST_RETRY_MS, Math.min(expectedMs, queueWaitMs)) };
  }

  function tryAcquire(): Lease | undefined {
    if (held >= places) return undefined;
    held++;
    return lease();
  }

  function waitInLine(signal: AbortSignal | undefined): Promise<Lease | Refusal> {
    return joinLine(line, { clock, signal, waitMs: queueWaitMs, tooLong: () => refuse("timeout") });
  }

  return {
    options,
    tryAcquire,
    async acquire(signal) {
      signal?.throwIfAborted();
      return tryAcquire() ?? (line.size >= queueLimit ? refuse("full") : waitInLine(signal));
    },
    usage: () => ({ held, waiting: line.size }),
  };
}

/** Waits at the end of the line until a place is granted; leaves it at once when time is up or the signal aborts. */
function joinLine(
  line: Set<Waiter>,
  how: {
    readonly clock: Clock;
    readonly signal: AbortSignal | undefined;
    readonly waitMs: number;
    readonly tooLong: () => Refusal;
  },
): Promise<Lease | Refusal> {
  const { clock, signal } = how;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      line.delete(waiter);
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      leave();
      reject(signal?.reason as Error);
    };
    const waiter: Waiter = {
      grant(granted) {
        leave();
        resolve(granted);
      },
    };
    const timer = clock.after(how.waitMs, () => {
      leave();
      resolve(how.tooLong());
    });
    line.add(waiter);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
