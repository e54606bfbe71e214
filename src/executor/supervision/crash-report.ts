import type { Log } from "../../lib/log.ts";
import type { DeathReason, ExecutorChild } from "./executor-child.ts";

/** Why a process died that was not to. */
export type CrashReason = Exclude<DeathReason, "asked">;

/** Principals that one line of the log names. */
const MAX_NAMED = 16;

/**
 * Tells the log once of a process that died and was not to.
 *
 * @param runs Those it held, as far as they had no answer yet.
 * @returns Why it died when it had been ready before; `undefined` for one that was to go, or was never of use.
 */
export function tellDeath(
  child: ExecutorChild,
  runs: readonly { readonly principal: string }[],
  log: Log,
): CrashReason | undefined {
  const { pid, death, wasReady } = child;
  if (death === undefined || death.reason === "asked") return undefined;
  const { reason, code, signal, fault, rssMiB, stderr } = death;
  const how = { pid, reason, code, signal, err: fault, rssMiB, stderr };
  if (!wasReady) {
    log.warn(how, "an executor process ended before it was ready");
    return undefined;
  }
  const principals = Array.from(new Set(runs.map(({ principal }) => principal)));
  log.warn({ ...how, runs: runs.length, principals: principals.slice(0, MAX_NAMED) }, "an executor process crashed");
  return reason;
}
