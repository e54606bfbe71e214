import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { createLocalQueue } from "../../../src/queue/local-queue.ts";
import type { LocalQueueOptions } from "../../../src/queue/local-queue.ts";
import type { Job, RunQueue } from "../../../src/queue/run-queue.ts";
import { createManualClock } from "../../support/manual-clock.ts";

let queue: RunQueue;
/** What ends each job that has started, by its id, in order. */
let started: Map<string, () => void>;

function open(options: Partial<LocalQueueOptions>): void {
  queue = createLocalQueue({ depth: 100, concurrency: 1, log: silentLog, clock: createManualClock(), ...options });
}

function handle({ runId }: Job): Promise<void> {
  return new Promise((resolve) => started.set(runId, resolve));
}

async function settle(): Promise<void> {
  for (let at = 0; at < 3; at++) await turn();
}

const enqueue = (runId: string, principal = "ann"): Promise<void> =>
  queue.enqueue({ runId, principal, priority: 0, attempt: 1 });
const order = (): string[] => Array.from(started.keys());

async function end(runId: string): Promise<void> {
  started.get(runId)?.();
  await settle();
}

beforeEach(() => {
  started = new Map();
});
afterEach(async () => {
  const closed = queue.close(0);
  for (const finish of started.values()) finish();
  await closed;
});

describe("a principal that must be held back", () => {
  it("has no more jobs started than it may have at once; others pass it, and it keeps its turn", async () => {
    open({ concurrency: 3, concurrencyOf: (principal) => (principal === "mallory" ? 1 : Infinity) });
    queue.start(handle);
    for (const id of ["m1", "m2", "m3"]) await enqueue(id, "mallory");
    for (const id of ["a1", "a2", "a3"]) await enqueue(id, "ann");
    await settle();
    expect(order()).toEqual(["m1", "a1", "a2"]);
    await end("a1");
    expect(order()).toEqual(["m1", "a1", "a2", "a3"]);
    await end("m1");
    expect(order()).toEqual(["m1", "a1", "a2", "a3", "m2"]);
  });

  it("is held back no longer when it may have more", async () => {
    let most = 1;
    open({ concurrency: 3, concurrencyOf: () => most });
    queue.start(handle);
    for (const id of ["1", "2", "3"]) await enqueue(id);
    await settle();
    expect(order()).toEqual(["1"]);
    most = 3;
    await end("1");
    expect(order()).toEqual(["1", "2", "3"]);
  });

  it("is refused with the reason there is", async () => {
    const refusal = new RunletError("TOO_MANY_CRASHES", "Cannot take a run.", { details: { retryAfterMs: 5 } });
    open({ refusal: (principal) => (principal === "mallory" ? refusal : undefined) });
    await expect(enqueue("1", "mallory")).rejects.toBe(refusal);
    await enqueue("2", "ann");
    expect(queue.depth()).toEqual({ waiting: 1, running: 0 });
  });
});
