import { formatRate, periodName } from "../../config/rates.ts";
import type { RateRule } from "../../config/quotas.ts";
import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { matchesGlob } from "../../lib/glob.ts";
import { createTokenBuckets } from "../../lib/token-buckets.ts";
import type { Interceptor } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";

/**
 * Bounds how often each principal calls each tool, as the server's configuration says: a bucket of tokens per principal,
 * server and tool. A call that finds it empty is refused at once. An answer from the cache counts like any other.
 */
export function rateLimit(clock: Clock): Interceptor<AdmittedCall> {
  const buckets = createTokenBuckets(clock);
  return (next) => (call) => {
    const { rateLimits } = call.upstream.config;
    if (rateLimits.length === 0) return next(call);
    const { name } = call.definition;
    const rule = rateLimits.find(({ tools }) => matchesGlob(tools, name));
    if (rule === undefined) return next(call);
    const retryAfterMs = buckets.take(JSON.stringify([call.principal.id, call.server, name]), rule.rate);
    return retryAfterMs === 0 ? next(call) : Promise.reject(limited(call, rule, retryAfterMs));
  };
}

function limited(call: AdmittedCall, { tools, rate }: RateRule, retryAfterMs: number): RunletError {
  const { server, tool } = call;
  call.trace.refusal = { reason: "rate", scope: "tool", rule: `mcpServers.${server}.rateLimit[${tools}]` };
  const { limit, periodMs } = rate;
  return new RunletError(
    "RATE_LIMITED",
    `Cannot call ${toolLabel(call)} as its caller may call it ${limit} times per ${periodName(periodMs)}: current value is ${limit}. The next call is taken in ${retryAfterMs} ms.`,
    {
      server,
      tool,
      hint: `Wait ${retryAfterMs} ms before the next call, or have the operator raise mcpServers.${server}.rateLimit: ${formatRate(rate)}.`,
      details: { scope: "tool", limit, period: periodName(periodMs), retryAfterMs },
    },
  );
}
