import type { SandboxStart } from "../src/bridge/protocol.ts";
import type { SeededClock } from "./clock.ts";
import type { EventOrder, EventTakers } from "./event-order.ts";
import type { Send } from "./host.ts";
import { later, NumberCtor } from "./primordials.ts";
import { createSeededRun } from "./seeded-run.ts";

/** What reaches a script, and what the script sends. */
export interface Events extends EventOrder {
  /** Of a seeded run. */
  readonly clock: SeededClock | undefined;
}

/** The events of a run: of a seeded one in the order that its clock asks for, else as they come. Call before the script runs. */
export function createEvents({ seed, clockMs }: SandboxStart, send: Send, takers: EventTakers): Events {
  if (clockMs !== undefined) return createSeededRun(seed, clockMs, send, takers);
  return {
    clock: undefined,
    send,
    deliver(events) {
      for (let i = 0; i < events.length; i += 3) {
        const id = NumberCtor(events[i + 1]);
        if (events[i] === "timer") later(() => takers.fire(id));
        else takers.reply(id, events[i] === "ok", events[i + 2] ?? "null");
      }
    },
  };
}
