import { compileRateLimit } from "./compile-quotas.ts";
import type { BreakerPolicy, CacheLimits, CachePolicy, CallPolicies, RetryPolicy } from "./call-policies.ts";
import type { FaultReport } from "./fault-report.ts";
import type { CallPolicyOptions, Options } from "./options.ts";
import { CACHE_KEYS, POLICY_KEYS } from "./policy-schema.ts";
import type { KeyPath } from "./problem.ts";
import { parseBytes, parseDuration } from "./units.ts";

/** What the gateway does around one server's calls; what the server leaves open is as the whole configuration says. */
export function compilePolicies(
  server: CallPolicyOptions,
  options: Options,
  path: KeyPath,
  report: FaultReport,
): CallPolicies {
  return {
    rateLimits: compileRateLimit(server.rateLimit, [...path, "rateLimit"], report),
    cache: compileCache(server.cache, compileCacheLimits(options)),
    coalesce: server.coalesce ?? options.coalesce ?? POLICY_KEYS.coalesce.default,
    retry: compileRetry(server.retry, [...path, "retry"], report),
    breaker: compileBreaker(server.breaker),
  };
}

/** Bounds of the whole cache. */
export function compileCacheLimits({ cache }: Options): CacheLimits {
  return {
    maxBytes: parseBytes(cache?.maxBytes ?? "") ?? CACHE_KEYS.maxBytes.default,
    maxEntries: cache?.maxEntries ?? CACHE_KEYS.maxEntries.default,
  };
}

function compileCache(cache: CallPolicyOptions["cache"], whole: CacheLimits): CachePolicy | undefined {
  if (cache === undefined || cache === false) return undefined;
  const written = typeof cache === "object" ? cache : cache === true ? {} : { ttl: cache };
  return {
    ttlMs: parseDuration(written.ttl ?? "") ?? POLICY_KEYS.cache.properties.ttl.default,
    tools: written.tools,
    maxBytes: Math.min(whole.maxBytes, parseBytes(written.maxBytes ?? "") ?? Infinity),
    maxEntries: Math.min(whole.maxEntries, written.maxEntries ?? Infinity),
  };
}

function compileRetry(retry: CallPolicyOptions["retry"], path: KeyPath, report: FaultReport): RetryPolicy {
  const { attempts, base, max } = POLICY_KEYS.retry.properties;
  const written = toRetryObject(retry);
  const baseMs = parseDuration(written.base ?? "") ?? base.default;
  const maxMs = parseDuration(written.max ?? "") ?? Math.max(baseMs, max.default);
  if (baseMs > maxMs) {
    const rule = `must not be over its max of ${maxMs} ms`;
    report({ path: [...path, "base"], rule, value: baseMs, remedy: "Raise max or lower base." });
  }
  return { retries: written.attempts ?? attempts.default, baseMs, maxMs };
}

function toRetryObject(retry: CallPolicyOptions["retry"]): Exclude<CallPolicyOptions["retry"], boolean | number> & {} {
  if (typeof retry === "number") return { attempts: retry };
  if (typeof retry === "object") return retry;
  return retry === false ? { attempts: 0 } : {};
}

function compileBreaker(breaker: CallPolicyOptions["breaker"]): BreakerPolicy | undefined {
  if (breaker === false) return undefined;
  const { failures, errorRate, minCalls, window, open } = POLICY_KEYS.breaker.properties;
  const written = typeof breaker === "object" ? breaker : {};
  return {
    failures: written.failures ?? failures.default,
    errorRate: written.errorRate ?? errorRate.default,
    minCalls: written.minCalls ?? minCalls.default,
    windowMs: parseDuration(written.window ?? "") ?? window.default,
    openMs: parseDuration(written.open ?? "") ?? open.default,
  };
}
