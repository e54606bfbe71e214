import { buffer } from "node:stream/consumers";
import { LOCAL_PRINCIPAL } from "../config/principal.ts";
import type { JsonValue } from "../lib/guards.ts";
import type { RunService } from "../runs/run-service.ts";
import type { RunView } from "../runs/run.ts";

/**
 * A run with its whole result, where only a part came with it.
 *
 * @returns The run as it is when the whole was not kept.
 */
export async function readWhole(runs: RunService, run: RunView): Promise<RunView> {
  if (run.truncated !== true || run.wholeKept !== true) return run;
  const whole = await runs.result(LOCAL_PRINCIPAL, run.id);
  const json = await buffer(whole.parts());
  return { ...run, truncated: false, result: JSON.parse(json.toString("utf8")) as JsonValue };
}
