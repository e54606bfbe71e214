import { createSeededClock, installDate } from "./clock.ts";
import type { SeededClock } from "./clock.ts";
import { createEventOrder } from "./event-order.ts";
import type { EventOrder, EventTakers } from "./event-order.ts";
import { createToldOrder } from "./told-order.ts";
import { pinWeakRefs, replaceMember } from "./harden.ts";
import type { Send } from "./host.ts";
import { createRandom } from "./random.ts";
import type { SandboxStart } from "../src/bridge/protocol.ts";

type SeededStart = Pick<SandboxStart, "seed" | "clockMs" | "seeded">;

/** What a script is given that must be the same each time it is run. */
export interface SeededRun extends EventOrder {
  readonly clock: SeededClock;
}

/**
 * Takes from a script what differs from one run of it to the next: time, chance, the order of what happens, and what the
 * garbage collector has taken. Call before the script runs.
 */
export function createSeededRun({ seed, clockMs, seeded }: SeededStart, send: Send, takers: EventTakers): SeededRun {
  const clock = createSeededClock(clockMs);
  installDate(clock);
  replaceMember(Math, "random", createRandom(seed));
  pinWeakRefs();
  const createOrder = seeded ? createEventOrder : createToldOrder;
  return { clock, ...createOrder(send, clock, takers) };
}
