import type { CacheLimits, CachePolicy } from "../../config/call-policies.ts";
import type { CatalogTool } from "../../catalog/catalog.ts";
import type { Clock } from "../../lib/clock.ts";
import { cancellation } from "../../lib/deadline.ts";
import { matchesAnyGlob } from "../../lib/glob.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { callKey } from "../call-key.ts";
import type { Interceptor, ToolResult } from "../call.ts";
import type { AdmittedCall } from "../policy.ts";
import { createResultCache } from "../result-cache.ts";
import { checkResultSize } from "../result-size.ts";

/**
 * Gives an answer again that the same principal got for equal arguments of the same version of the tool, where the server's
 * configuration says so: of tools that only read, or of those it names. Such a call costs the server nothing and takes no
 * place; the caller's own limit of size holds for it too. Failures are not kept, and a write in between forgets nothing.
 */
export function cache(parts: {
  readonly limits: CacheLimits;
  readonly clock: Clock;
  readonly metrics: Metrics;
}): Interceptor<AdmittedCall> {
  const { limits, clock, metrics } = parts;
  const count = (result: "hit" | "miss" | "evicted"): void => metrics.add("runlet_gateway_cache_total", { result });
  const answers = createResultCache(limits, clock, () => count("evicted"));

  return (next) => {
    async function answer(call: AdmittedCall, key: string, policy: CachePolicy): Promise<ToolResult> {
      if (call.signal.aborted) throw cancellation(call.signal);
      const kept = answers.get(key);
      count(kept === undefined ? "miss" : "hit");
      if (kept !== undefined) {
        checkResultSize(call, kept.bytes);
        return kept;
      }
      const result = await next({ ...call, key });
      if (result.outcome === "ok") answers.set(key, result, { upstream: call.upstream, policy });
      return result;
    }

    return (call) => {
      const { cache: policy } = call.upstream.config;
      if (policy === undefined || !isKept(call.definition, policy)) return next(call);
      const key = callKey(call);
      return key === undefined ? next(call) : answer(call, key, policy);
    };
  };
}

function isKept(tool: CatalogTool, { tools }: CachePolicy): boolean {
  return tools === undefined ? tool.class === "read" : matchesAnyGlob(tools, tool.name);
}
