import { parseQuantity } from "./check.ts";
import type { FaultReport } from "./fault-report.ts";
import { LIMIT_NAMES, LIMITS } from "./limits.ts";
import type { LimitName, LimitsConfig } from "./limits.ts";
import type { LimitOption, Options } from "./options.ts";
import { limitQuantity } from "./schema.ts";

/**
 * The operator's limits over the built-in ones. A default above the built-in ceiling raises the ceiling; a ceiling below
 * the built-in default lowers the default; both written and at odds are a fault.
 */
export function compileLimits(options: Options, report: FaultReport): LimitsConfig {
  const pairs = LIMIT_NAMES.map((name) => [name, compileLimit(name, options.limits?.[name], report)] as const);
  const column = (pick: "default" | "max"): Record<LimitName, number> =>
    Object.fromEntries(pairs.map(([name, pair]) => [name, pair[pick]])) as Record<LimitName, number>;
  return { defaults: column("default"), ceilings: column("max") };
}

function compileLimit(name: LimitName, option: LimitOption | undefined, report: FaultReport) {
  const quantity = limitQuantity(name);
  const written: Exclude<LimitOption, number | string> =
    typeof option === "object" ? option : option === undefined ? {} : { default: option };
  const amount = (value: number | string | undefined): number | undefined =>
    value === undefined ? undefined : parseQuantity(value, quantity);
  const asked = amount(written.default);
  const most = amount(written.max);
  if (asked !== undefined && most !== undefined && asked > most) {
    const rule = `must not be over its max of ${most}`;
    report({ path: ["limits", name, "default"], rule, value: written.default, remedy: "Raise max or lower default." });
  }
  const max = most ?? Math.max(LIMITS[name].ceiling, asked ?? 0);
  return { default: asked ?? Math.min(LIMITS[name].default, max), max };
}
