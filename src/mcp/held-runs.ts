import { randomUUID } from "node:crypto";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { FollowedRun } from "./followed-run.ts";

/** How long a caller may take to come back with answers before its run is cancelled. */
export const HOLD_MS = 600_000;

/** Runs whose callers were asked something, until they come back with the answer. */
export class HeldRuns {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #held = new Map<string, { readonly run: FollowedRun; readonly timer: Timer }>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Holds a run. @returns What its caller comes back with; it means something to that caller only. */
  hold(run: FollowedRun): string {
    const state = randomUUID();
    const timer = this.#clock.after(HOLD_MS, () => void this.#abandon(state), { background: true });
    this.#held.set(state, { run, timer });
    return state;
  }

  /** Gives a held run back to its caller, once. */
  take(principalId: string, state: string): FollowedRun | undefined {
    const held = this.#held.get(state);
    if (held?.run.options.principal.id !== principalId) return undefined;
    this.#held.delete(state);
    held.timer.cancel();
    return held.run;
  }

  /** Cancels every run that is held: their callers are gone. */
  async close(): Promise<void> {
    await Promise.all([...this.#held.keys()].map((state) => this.#abandon(state)));
  }

  /** Never rejects. */
  async #abandon(state: string): Promise<void> {
    const held = this.#held.get(state);
    if (held === undefined) return;
    this.#held.delete(state);
    held.timer.cancel();
    try {
      await held.run.cancel();
    } catch (error) {
      this.#log.error(
        { runId: held.run.options.id, err: error },
        "a run whose caller did not come back could not be cancelled",
      );
    }
  }
}
