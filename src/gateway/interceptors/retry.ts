import { fullJitterMs } from "../../lib/backoff.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { wasNotSent } from "../../upstream/failures.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { Interceptor } from "../call.ts";
import type { AdmittedCall } from "../policy.ts";
import { isRepeatable } from "./again.ts";
import { RetryBudget } from "../retry-budget.ts";

/**
 * Tries a call again that failed for a reason that may pass: one that was never sent, and else only a read, or a call that its
 * trusted server says is safe to repeat. Waits between attempts with full jitter, or as long as the failure asks for if
 * that is no longer than the longest wait; the wait counts as waiting in line and ends at once with the call. Each server's
 * retries are bounded by its calls, and there are none while the call's breaker is open.
 */
export function retry(parts: {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Whether such calls are refused now. */
  readonly isOpen: (call: AdmittedCall) => boolean;
}): Interceptor<AdmittedCall> {
  const { clock, metrics, random, isOpen } = parts;
  const budgets = new WeakMap<Upstream, RetryBudget>();

  function budgetOf(upstream: Upstream): RetryBudget {
    let budget = budgets.get(upstream);
    if (budget === undefined) budgets.set(upstream, (budget = new RetryBudget()));
    return budget;
  }

  /** @returns How long to wait before the next attempt; `undefined` when there is none. */
  function nextWaitMs(call: AdmittedCall, thrown: unknown, failures: number): number | undefined {
    const { upstream, signal } = call;
    const { retries, baseMs, maxMs } = upstream.config.retry;
    if (failures > retries || signal.aborted || !isWorthwhile(call, thrown) || isOpen(call)) return undefined;
    const askedMs = retryAfterMs(thrown);
    if (askedMs > maxMs || !budgetOf(upstream).take()) return undefined;
    return Math.max(askedMs, fullJitterMs(failures, { baseMs, maxMs }, random));
  }

  async function wait(call: AdmittedCall, waitMs: number): Promise<void> {
    const startedMs = clock.monotonic();
    try {
      await sleep(clock, waitMs, call.signal);
    } finally {
      call.trace.queueMs += clock.monotonic() - startedMs;
    }
    metrics.add("runlet_gateway_retries_total", { server: call.upstream.config.name });
  }

  return (next) => async (call) => {
    const { upstream } = call;
    if (upstream.config.retry.retries === 0) return next(call);
    budgetOf(upstream).earn();
    for (let failures = 1; ; failures++) {
      try {
        return await next(call);
      } catch (thrown) {
        const waitMs = nextWaitMs(call, thrown, failures);
        if (waitMs === undefined) throw thrown;
        await wait(call, waitMs);
      }
    }
  };
}

function isWorthwhile(call: AdmittedCall, thrown: unknown): boolean {
  if (!(thrown instanceof RunletError)) return false;
  if (thrown.code === "TOOL_TIMEOUT") return call.definition.class === "read";
  return thrown.code === "UPSTREAM_UNAVAILABLE" && (isRepeatable(call) || wasNotSent(thrown));
}

function retryAfterMs(thrown: unknown): number {
  const details = thrown instanceof RunletError ? thrown.context.details : undefined;
  const ms = isRecord(details) ? details["retryAfterMs"] : undefined;
  return typeof ms === "number" ? ms : 0;
}
