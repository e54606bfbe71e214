import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { createSemaphore, type Refusal, type Semaphore } from "../../lib/semaphore.ts";
import type { CallTool, Interceptor, ToolResult } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";
import type { QuotaKeeper } from "../quotas.ts";

/** As many and as long as may wait for a server by default. */
const QUEUE_LIMIT = 256;
const QUEUE_WAIT_MS = 30_000;
/** Lines that are kept though nobody is in them: to make one for each call would cost more than all else here. */
const MAX_LINES = 1_000;

/**
 * Bounds the calls that one principal has in flight, over all servers; the rest wait in line, bounded in number and time. A
 * call that is repeated keeps its place between attempts.
 */
export function callerPlaces(clock: Clock, quotas: QuotaKeeper): Interceptor<AdmittedCall> {
  /** By places and id of the principal; of those that hold no place and wait for none, so many at most. */
  const semaphores = new Map<string, Semaphore>();

  function forgetIdle(key: string, semaphore: Semaphore): void {
    const { held, waiting } = semaphore.usage();
    if (held + waiting === 0 && semaphores.get(key) === semaphore) semaphores.delete(key);
  }

  async function inPlace(next: CallTool<AdmittedCall>, call: AdmittedCall, places: number): Promise<ToolResult> {
    const key = `${places}:${call.principal.id}`;
    let semaphore = semaphores.get(key);
    if (semaphore === undefined) {
      semaphore = createSemaphore({ places, queueLimit: QUEUE_LIMIT, queueWaitMs: QUEUE_WAIT_MS, clock });
      semaphores.set(key, semaphore);
    }
    try {
      using place = semaphore.tryAcquire() ?? (await waitInLine(semaphore, call, clock));
      return place && (await next(call));
    } finally {
      if (semaphores.size > MAX_LINES) forgetIdle(key, semaphore);
    }
  }

  return (next) => (call) => {
    const { concurrency } = quotas.of(call.principal);
    return concurrency === undefined ? next(call) : inPlace(next, call, concurrency);
  };
}

async function waitInLine(semaphore: Semaphore, call: AdmittedCall, clock: Clock) {
  const startedMs = clock.monotonic();
  try {
    const answer = await semaphore.acquire(call.signal);
    if (answer.status === "held") return answer;
    throw tooMany(call, answer, semaphore);
  } finally {
    call.trace.queueMs += clock.monotonic() - startedMs;
  }
}

function tooMany(call: AdmittedCall, { status, retryAfterMs }: Refusal, { options }: Semaphore): RunletError {
  const { places, queueLimit, queueWaitMs } = options;
  call.trace.refusal = { reason: "quota", scope: "principal", rule: "limits.concurrency" };
  const now = status === "full" ? `${queueLimit} more wait` : `none ended within ${queueWaitMs} ms`;
  return new RunletError(
    "QUOTA_EXCEEDED",
    `Cannot call ${toolLabel(call)} as its caller may have ${places} calls in flight at once: current value is ${places}, and ${now}.`,
    {
      server: call.server,
      tool: call.tool,
      hint: `Make fewer calls at once, and wait ${retryAfterMs} ms before the next.`,
      details: { scope: "concurrency", limit: places, retryAfterMs },
    },
  );
}
