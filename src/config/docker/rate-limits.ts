import type { KeyPath } from "../problem.ts";
import type { Translation } from "./translation.ts";

const RATE = /^(requests|calls|tokens)_per_(second|minute|hour|day)$/u;

/**
 * Translates a client's `rate_limit: 100/minute` and `rate_limits: {requests_per_minute, tokens_per_day}` into its
 * `limits`: requests are calls of tools. A plain number of `rate_limit` is a minute's.
 */
export function translateRates(work: Translation, path: KeyPath): void {
  const one = [...path, "rate_limit"];
  const rate = work.take(one);
  if (rate !== undefined && rate !== null) {
    put(work, path, { name: "calls", value: typeof rate === "number" ? `${rate}/minute` : rate, from: one });
  }
  const many = [...path, "rate_limits"];
  const rates = work.record(many, work.take(many));
  for (const [key, value] of Object.entries(rates ?? {})) {
    const from = [...many, key];
    const [, unit, period] = RATE.exec(key) ?? [];
    if (unit === undefined) {
      const rule = "is not a known key, and a limit that is not understood is not kept";
      work.fault(from, rule, "set", "Write requests_per_minute, tokens_per_day or their like.");
    } else if (typeof value !== "number" && typeof value !== "string") {
      work.fault(from, "must be a number", value === null ? "nothing" : typeof value, "Write how many.");
    } else {
      put(work, path, { name: unit === "tokens" ? "tokens" : "calls", value: `${value}/${period}`, from });
    }
  }
}

function put(
  work: Translation,
  path: KeyPath,
  { name, value, from }: { readonly name: string; readonly value: unknown; readonly from: KeyPath },
): void {
  const to = [...path, "limits", name];
  if (work.get(to) === undefined) work.put(to, value, from);
  else work.fault(from, `must be the only limit of ${name}, and there is another`, "both", "Keep one of them.");
}
