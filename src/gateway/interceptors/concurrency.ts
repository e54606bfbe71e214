import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { createSemaphore, type Refusal, type Semaphore } from "../../lib/semaphore.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { Interceptor } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";

/**
 * Bounds the calls in flight of each upstream; the rest wait in line, bounded in number and time. Principals take turns, and
 * share a full line evenly: one that floods a server delays itself. A place is held until the upstream has let go of the call,
 * also when its caller gave up.
 */
export function concurrency(clock: Clock): Interceptor<AdmittedCall> {
  const semaphores = new WeakMap<Upstream, Semaphore>();

  function semaphoreOf(upstream: Upstream): Semaphore {
    let semaphore = semaphores.get(upstream);
    if (semaphore === undefined) {
      const { concurrency: places, queueLimit, queueWaitMs } = upstream.config;
      semaphores.set(upstream, (semaphore = createSemaphore({ places, queueLimit, queueWaitMs, clock })));
    }
    return semaphore;
  }

  return (next) => async (call) => {
    const semaphore = semaphoreOf(call.upstream);
    using place = semaphore.tryAcquire() ?? (await waitInLine(semaphore, call, clock));
    return place && (await next(call));
  };
}

async function waitInLine(semaphore: Semaphore, call: AdmittedCall, clock: Clock) {
  const startedMs = clock.monotonic();
  try {
    const answer = await semaphore.acquire(call.signal, call.principal.id);
    if (answer.status === "held") return answer;
    throw overloaded(call, answer, semaphore);
  } finally {
    call.trace.queueMs += clock.monotonic() - startedMs;
  }
}

function overloaded(call: AdmittedCall, refusal: Refusal, semaphore: Semaphore): RunletError {
  const { places, queueLimit, queueWaitMs } = semaphore.options;
  const { retryAfterMs } = refusal;
  const full = refusal.status === "full";
  call.trace.refusal = { reason: full ? "queue_full" : "queue_wait", scope: "server" };
  const rule = full
    ? `at most ${queueLimit} calls may wait for this server's ${places} places: current value is ${queueLimit} waiting`
    : `a call may wait ${queueWaitMs} ms for one of this server's ${places} places: current value is ${queueWaitMs} ms`;
  return new RunletError("UPSTREAM_OVERLOADED", `Cannot call ${toolLabel(call)} as ${rule}.`, {
    server: call.server,
    tool: call.tool,
    hint: `Try again in ${retryAfterMs} ms with fewer calls at once, or raise mcpServers.${call.server}.concurrency.`,
    details: { reason: full ? "queue full" : "wait", retryAfterMs },
  });
}
