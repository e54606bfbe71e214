import { createSeededClock, installDate } from "./clock.ts";
import type { SeededClock } from "./clock.ts";
import { createEventOrder } from "./event-order.ts";
import type { EventOrder, EventTakers } from "./event-order.ts";
import { pinWeakRefs, replaceMember } from "./harden.ts";
import type { Send } from "./host.ts";
import { createRandom } from "./random.ts";
import type { Seed } from "./random.ts";

/** What a run is given that must be the same each time it is run. */
export interface SeededRun extends EventOrder {
  readonly clock: SeededClock;
}

/**
 * Takes from a script what differs from one run of it to the next: time, chance, the order of what happens, and what the
 * garbage collector has taken. Call before the script runs.
 *
 * @param startMs What the clock reads first, in ms since the epoch.
 */
export function createSeededRun(seed: Seed, startMs: number, send: Send, takers: EventTakers): SeededRun {
  const clock = createSeededClock(startMs);
  installDate(clock);
  replaceMember(Math, "random", createRandom(seed));
  pinWeakRefs();
  return { clock, ...createEventOrder(send, clock, takers) };
}
