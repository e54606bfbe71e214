import { setImmediate as turn } from "node:timers/promises";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLog } from "../../../src/lib/log.ts";
import { createLocalQueue, type LocalQueueOptions } from "../../../src/queue/local-queue.ts";
import type { Job, RunQueue } from "../../../src/queue/run-queue.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";

interface Started {
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
}

let clock: ManualClock;
let queue: RunQueue;
let started: Started[];

function open(options: Partial<LocalQueueOptions> = {}): void {
  queue = createLocalQueue({ depth: 100, concurrency: 1, log: silentLog, clock, ...options });
}

/** A handler that ends when the test says so. */
function handle(job: Job, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    started.push({ runId: job.runId, signal, end: resolve, fail: reject });
  });
}

/** Lets everything that can happen without time passing happen. */
async function settle(): Promise<void> {
  for (let at = 0; at < 3; at++) await turn();
}

const enqueue = (runId: string, principal = "ann", priority = 0): Promise<void> =>
  queue.enqueue({ runId, principal, priority, attempt: 1 });
const order = (): string[] => started.map(({ runId }) => runId);

async function end(runId: string): Promise<void> {
  started.find((run) => run.runId === runId)?.end();
  await settle();
}

beforeEach(() => {
  clock = createManualClock();
  started = [];
});
afterEach(async () => {
  const closed = queue.close(0);
  for (const run of started) run.end();
  await closed;
  expect(clock.pending()).toBe(0);
});

describe("delivery", () => {
  it("starts a handler only after what follows its enqueue", async () => {
    open();
    const events: string[] = [];
    queue.start(async ({ runId }) => void events.push(`start ${runId}`));
    await enqueue("1");
    events.push("queued 1");
    await settle();
    expect(events).toEqual(["queued 1", "start 1"]);
  });
});

describe("the bound", () => {
  it("tells a longer wait when runs take longer, a minute at most", async () => {
    open({ depth: 4, concurrency: 2 });
    queue.start(handle);
    const refusalOf = async (id: string): Promise<unknown> =>
      enqueue(id).catch(
        (error: { context: { details: { retryAfterMs: number } } }) => error.context.details.retryAfterMs,
      );
    for (const id of ["1", "2"]) await enqueue(id);
    await settle();
    clock.advance(3_000);
    await end("1");
    for (const id of ["3", "4", "5", "6", "7"]) await enqueue(id);
    await settle();
    expect(await refusalOf("8")).toBe(6_000);
    clock.advance(10_000_000);
    await end("2");
    await enqueue("9");
    expect(await refusalOf("10")).toBe(60_000);
  });

  it("holds whatever happens, and every run that was taken starts once or is removed", async () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("enqueue" as const), principal: fc.constantFrom("a", "b") }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), pick: fc.nat(30) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), pick: fc.nat(30) }) },
    );
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, depth, concurrency) => {
        started = [];
        open({ depth, concurrency });
        queue.start(handle);
        const taken = new Set<string>();
        const removed = new Set<string>();
        for (const [at, action] of steps.entries()) {
          if (action.kind === "enqueue") {
            const full = queue.depth().waiting >= depth && queue.depth().running === concurrency;
            const outcome = await enqueue(String(at), action.principal).then(
              () => taken.add(String(at)),
              (error: unknown) => error,
            );
            if (full) expect(outcome).toMatchObject({ code: "QUEUE_FULL" });
            else expect(outcome).toBe(taken);
          } else if (action.kind === "cancel") {
            const outcome = await queue.cancel(String(action.pick), new Error("cancelled"));
            if (outcome === "removed") removed.add(String(action.pick));
          } else {
            started[action.pick]?.end();
          }
          await settle();
          expect(queue.depth().waiting).toBeLessThanOrEqual(depth);
          expect(queue.depth().running).toBeLessThanOrEqual(concurrency);
          if (queue.depth().waiting > 0) expect(queue.depth().running).toBe(concurrency);
        }
        while (queue.depth().running > 0) {
          for (const run of started) run.end();
          await settle();
        }
        expect(order().toSorted()).toEqual([...taken.difference(removed)].toSorted());
        await queue.close(0);
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });
});

describe("close", () => {
  it("lets running ones end within the grace without telling them", async () => {
    open();
    queue.start(handle);
    await enqueue("1");
    await settle();
    const closed = queue.close(1_000);
    clock.advance(999);
    await settle();
    expect(started[0]?.signal.aborted).toBe(false);
    await end("1");
    await closed;
    expect(started[0]?.signal.aborted).toBe(false);
  });

  it("leaves a handler behind that does not heed its signal, and names its run in the log", async () => {
    const error = vi.fn<(fields: object, message: string) => void>();
    open({ log: { ...silentLog, error } });
    queue.start(handle);
    await enqueue("deaf");
    await settle();
    const closed = queue.close(0);
    clock.advance(0);
    await settle();
    clock.advance(5_000);
    await closed;
    expect(error.mock.calls).toEqual([
      [{ runIds: ["deaf"] }, "Runs did not end after they were aborted; they are left behind."],
    ]);
    await end("deaf");
  });

  it("is safe to call twice, before the start, and with nothing to do", async () => {
    open();
    await enqueue("1");
    const first = queue.close(1_000);
    expect(queue.close(0)).toBe(first);
    await first;
    queue.start(handle);
    await settle();
    expect(started).toEqual([]);
    expect(await queue.cancel("1", new Error("stop"))).toBe("removed");
  });
});
