import type { Clock } from "./clock.ts";
import { createFairLine, type FairLine } from "./fair-line.ts";

/** A place that is held: disposing gives it to the next in line. Idempotent. */
export interface Lease extends Disposable {
  readonly status: "held";
}

/** Why no place was given. */
export interface Refusal {
  /**
   * `full`: too many wait already, or a place in line went to an owner that had fewer; `timeout`: the wait was longer than
   * allowed.
   */
  readonly status: "full" | "timeout";
  /** Milliseconds after which a place is likely, judged by how long places were held lately. */
  readonly retryAfterMs: number;
}

/** Sizes of a semaphore. */
export interface SemaphoreOptions {
  /** Leases at once, at least 1. */
  readonly places: number;
  /** Callers that may wait, whoever they are; 0 refuses at once when no place is free. */
  readonly queueLimit: number;
  /** Longest wait in ms. */
  readonly queueWaitMs: number;
  readonly clock: Clock;
}

/**
 * Lets a bounded number of holders in at once; the rest wait in line. Owners take turns, each with its own callers first in,
 * first out; in a full line nobody keeps more places than are left to others who come.
 */
export interface Semaphore {
  readonly options: SemaphoreOptions;
  /** A place if one is free and nobody waits for it, without waiting. */
  tryAcquire(): Lease | undefined;
  /**
   * A place, waiting in line for it. A caller that aborts or times out leaves the line at once.
   *
   * @param owner For whom: those of one owner share its turns. @default everybody is one
   * @throws The signal's reason when it aborts before a place was given.
   */
  acquire(signal?: AbortSignal, owner?: string): Promise<Lease | Refusal>;
  usage(): { readonly held: number; readonly waiting: number };
}

interface Waiter {
  /** Ends the wait; it has left the line already. */
  answer(answer: Lease | Refusal): void;
}

/** Weight of the newest hold in the moving average. */
const HOLD_WEIGHT = 0.2;
const LEAST_RETRY_MS = 50;

/** Makes a semaphore. Needs no closing: it owns timers only while callers wait. */
export function createSemaphore(options: SemaphoreOptions): Semaphore {
  const { places, queueLimit, queueWaitMs, clock } = options;
  const line = createFairLine<Waiter>();
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

  /** The place goes to the next in line without becoming free, so that nobody overtakes. */
  function passOn(): void {
    const next = line.takeNext();
    if (next === undefined) held--;
    else next.answer(lease());
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

  async function waitInLine(owner: string, signal: AbortSignal | undefined): Promise<Lease | Refusal> {
    if (line.size >= queueLimit) {
      const excess = line.takeExcess(owner);
      if (excess === undefined) return refuse("full");
      excess.answer(refuse("full"));
    }
    return await joinLine(line, { owner, clock, signal, waitMs: queueWaitMs, tooLong: () => refuse("timeout") });
  }

  return {
    options,
    tryAcquire,
    async acquire(signal, owner = "") {
      signal?.throwIfAborted();
      return tryAcquire() ?? (await waitInLine(owner, signal));
    },
    usage: () => ({ held, waiting: line.size }),
  };
}

/** Waits at the end of the owner's line until it is answered; leaves it at once when time is up or the signal aborts. */
function joinLine(
  line: FairLine<Waiter>,
  how: {
    readonly owner: string;
    readonly clock: Clock;
    readonly signal: AbortSignal | undefined;
    readonly waitMs: number;
    readonly tooLong: () => Refusal;
  },
): Promise<Lease | Refusal> {
  const { owner, clock, signal } = how;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      line.delete(owner, waiter);
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      leave();
      reject(signal?.reason as Error);
    };
    const waiter: Waiter = {
      answer(answer) {
        leave();
        resolve(answer);
      },
    };
    const timer = clock.after(how.waitMs, () => waiter.answer(how.tooLong()));
    line.add(owner, waiter);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
