import type { RunEvent, RunView } from "../runs/run.ts";

/** Whether a run has ended: its status will not change any more. */
export function hasEnded(run: Pick<RunView, "status">): boolean {
  return run.status === "succeeded" || run.status === "failed" || run.status === "cancelled";
}

/**
 * A run as JSON data, its members in the order people read them. Members without a value are `undefined`, which JSON leaves
 * out; `result` is `null` at least once the run has ended.
 */
export function toRunJson(run: RunView): Readonly<Record<string, unknown>> {
  const { id, status, result, resultType, truncated, error, logs, calls, emitted, usage, ...rest } = run;
  return {
    id,
    status,
    result: hasEnded(run) ? (result ?? null) : result,
    resultType,
    truncated,
    error,
    logs,
    calls,
    emitted,
    usage,
    ...rest,
  };
}

/** An event as JSON data. */
export function toEventJson(event: RunEvent): unknown {
  return event.type === "ended" ? { ...event, run: toRunJson(event.run) } : event;
}
