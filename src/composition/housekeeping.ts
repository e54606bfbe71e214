import type { RetentionConfig } from "../config/config.ts";
import type { Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

import type { Parts } from "./parts.ts";

/** How long the learned type of a tool that nobody calls is kept. */
const LEARNED_RETENTION_MS = 90 * 24 * 3_600_000;
const PRUNE_EVERY_MS = 3_600_000;
/** Soon, so that a service that never lives an hour is pruned too; not at once, so that a single run does not pay for it. */
const FIRST_PRUNE_MS = 60_000;

/**
 * Deletes runs that ended long ago, now and then, and what was learned of tools that are not used any more.
 *
 * @param runsMs How long ended runs are kept.
 */
export function keepPruned(
  { stores, runs, clock, log }: Pick<Parts, "stores" | "runs" | "clock" | "log">,
  { runsMs }: RetentionConfig,
): Timer {
  let timer: Timer;
  const prune = (): void => {
    const endedBeforeMs = clock.now() - runsMs;
    runs.forgetEndedBefore(endedBeforeMs);
    stores.prune(endedBeforeMs).then(
      (count) => log.debug({ count }, "deleted runs that ended long ago"),
      (error: unknown) => log.warn({ err: error }, "runs that ended long ago could not be deleted"),
    );
    stores.observations.prune(clock.now() - LEARNED_RETENTION_MS).then(
      (count) => log.debug({ count }, "deleted what was learned of tools that are not used any more"),
      (error: unknown) => log.warn({ err: error }, "what was learned of unused tools could not be deleted"),
    );
    timer = clock.after(PRUNE_EVERY_MS, prune, { background: true });
  };
  timer = clock.after(FIRST_PRUNE_MS, prune, { background: true });
  return { cancel: () => timer.cancel() };
}

/** Runs every step, also when one before it failed. */
export async function inOrder(log: Log, steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      log.error({ err: error }, "a part of the service did not close cleanly");
    }
  }
}
