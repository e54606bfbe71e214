import type { FaultReport } from "./fault-report.ts";
import type { QuotaOptions, RateLimitOption } from "./options.ts";
import type { KeyPath } from "./problem.ts";
import type { QuotaKind, Quotas, RateRule } from "./quotas.ts";
import { parseRate } from "./rates.ts";
import type { Rate, RateUnit } from "./rates.ts";

const KINDS: readonly QuotaKind[] = ["runs", "calls", "bytes", "tokens"];

/** What a principal may use; a rate that cannot be read is a fault. @param path Of the object that holds the rates. */
export function compileQuotas(options: QuotaOptions | undefined, path: KeyPath, report: FaultReport): Quotas {
  if (options === undefined) return {};
  const rates = new Map<QuotaKind, Rate>();
  for (const kind of KINDS) {
    const text = options[kind];
    const unit = kind === "bytes" ? "bytes" : "count";
    const rate = text === undefined ? undefined : compileRate(text, unit, [...path, kind], report);
    if (rate !== undefined) rates.set(kind, rate);
  }
  const { concurrency } = options;
  return { ...Object.fromEntries(rates), ...(concurrency === undefined ? {} : { concurrency }) };
}

/** How often the tools of a server may be called, in the order as written. */
export function compileRateLimit(limit: RateLimitOption | undefined, path: KeyPath, report: FaultReport): RateRule[] {
  const rules = limit === undefined ? [] : typeof limit === "string" ? [["*", limit] as const] : Object.entries(limit);
  return rules.flatMap(([tools, text]) => {
    const rate = compileRate(text, "count", typeof limit === "string" ? path : [...path, tools], report);
    return rate === undefined ? [] : [{ tools, rate }];
  });
}

function compileRate(text: string, unit: RateUnit, path: KeyPath, report: FaultReport): Rate | undefined {
  const rate = parseRate(text, unit);
  if (rate === undefined) {
    const example = unit === "bytes" ? "100m/hour" : "100/minute";
    const rule = `must be a rate such as ${JSON.stringify(example)}, of at least 1`;
    report({ path, rule, value: text, remedy: "Write a number, a slash, and second, minute, hour or day." });
  }
  return rate;
}
