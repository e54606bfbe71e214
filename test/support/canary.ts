import type { EndedRun, ServiceClient } from "./service-client.ts";
import { pause } from "./service.ts";

/** What a canary has seen. */
export interface CanaryReport {
  readonly runs: number;
  /** Runs that were not right, bounded, with the time they ended at (`performance.now()`). */
  readonly wrong: readonly { readonly atMs: number; readonly saw: string }[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A loop of honest runs beside attacks. */
export interface Canary {
  report(): CanaryReport;
  /** Ends the loop when its last run has ended. */
  stop(): Promise<CanaryReport>;
}

const EVERY_MS = 100;
const MAX_WRONG = 20;

/**
 * Starts to run, one after another, a script with one call and one right answer. What disturbs a run without making it wrong
 * shows too: nothing may be in its logs.
 */
export function startCanary(client: ServiceClient): Canary {
  const times: number[] = [];
  const wrong: { atMs: number; saw: string }[] = [];
  const over = new AbortController();
  const turn = async (number: number): Promise<void> => {
    const startedAt = performance.now();
    const saw = await client
      .run(`return (await mcp.test.echo({ canary: ${number} })).canary + 1`)
      .then((run) => faultOf(run, number + 1), String);
    times.push(performance.now() - startedAt);
    if (saw !== undefined && wrong.length < MAX_WRONG) wrong.push({ atMs: performance.now(), saw });
  };
  const live = async (): Promise<void> => {
    for (let number = 0; !over.signal.aborted; number++) {
      await turn(number);
      await pause(EVERY_MS);
    }
  };
  const living = live();
  const report = (): CanaryReport => {
    const sorted = times.toSorted((a, b) => a - b);
    const at = (part: number): number => sorted[Math.ceil(sorted.length * part) - 1] ?? 0;
    return { runs: times.length, wrong, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  };
  return {
    report,
    stop: async () => {
      over.abort();
      await living;
      return report();
    },
  };
}

function faultOf({ status, result, logs, error }: EndedRun, wanted: number): string | undefined {
  if (status === "succeeded" && result === wanted && logs.length === 0) return undefined;
  return JSON.stringify({ status, result, logs, error }).slice(0, 500);
}
