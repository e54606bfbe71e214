import { randomBytes } from "node:crypto";
import { RunletError } from "../lib/errors.ts";

/**
 * How a script reads time and chance. `coarse`: the machine's, in whole milliseconds. `seeded`, or an object: both follow
 * from a seed, and what happens to the script is told it in an order that does not depend on when it happens.
 */
export type ClockSetting = "coarse" | "seeded" | Partial<SeededClock>;

/** A seeded clock, complete: the same script, input and tool answers with the same clock give the same run. */
export interface SeededClock {
  /** Any text. */
  readonly seed: string;
  /** What the clock reads when the script starts: ISO 8601 in UTC. */
  readonly now: string;
}

const SEED_BYTES = 16;

/**
 * Fills in what a request leaves open of a seeded clock, once, so that what is stored is enough to run the script again.
 *
 * @param acceptedAtMs What the clock reads first when the request does not say, in ms since the epoch.
 * @returns The request; one with a coarse clock as it is.
 * @throws REQUEST_INVALID for a `now` that is no instant.
 */
export function withWholeClock<T extends { readonly clock?: ClockSetting }>(request: T, acceptedAtMs: number): T {
  const { clock } = request;
  if (clock === undefined || clock === "coarse") return request;
  const { seed = randomBytes(SEED_BYTES).toString("hex"), now } = clock === "seeded" ? {} : clock;
  const nowMs = now === undefined ? acceptedAtMs : Date.parse(now);
  if (Number.isNaN(nowMs))
    throw new RunletError(
      "REQUEST_INVALID",
      `Cannot start the clock as clock.now must be an instant: current value is ${JSON.stringify(now)}`,
      { hint: "Write it as 2026-01-31T12:00:00Z." },
    );
  return { ...request, clock: { seed, now: new Date(nowMs).toISOString() } satisfies SeededClock };
}

/** The clock of a stored request; `undefined` for a coarse one. */
export function seededClockOf({ clock }: { readonly clock?: ClockSetting }): SeededClock | undefined {
  if (typeof clock !== "object") return undefined;
  const { seed, now } = clock;
  return seed === undefined || now === undefined ? undefined : { seed, now };
}
