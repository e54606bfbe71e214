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
  it("waits for the start, then runs as many at once as it may", async () => {
    open({ concurrency: 2 });
    for (const id of ["1", "2", "3"]) await enqueue(id);
    await settle();
    expect(started).toEqual([]);
    expect(queue.depth()).toEqual({ waiting: 3, running: 0 });
    queue.start(handle);
    await settle();
    expect(order()).toEqual(["1", "2"]);
    expect(queue.depth()).toEqual({ waiting: 1, running: 2 });
    await end("2");
    expect(order()).toEqual(["1", "2", "3"]);
    await end("1");
    await end("3");
    expect(queue.depth()).toEqual({ waiting: 0, running: 0 });
  });

  it("starts a handler only after what follows its enqueue", async () => {
    open();
    const events: string[] = [];
    queue.start(async ({ runId }) => void events.push(`start ${runId}`));
    await enqueue("1");
    events.push("queued 1");
    await settle();
    expect(events).toEqual(["queued 1", "start 1"]);
  });

  it("takes turns between principals while one has thousands waiting", async () => {
    open({ depth: 20_000 });
    queue.start(handle);
    for (let at = 0; at < 10_000; at++) await enqueue(`a${at}`);
    await settle();
    await enqueue("b0", "bob");
    await enqueue("b1", "bob");
    for (const id of ["a0", "a1", "b0", "a2"]) await end(id);
    expect(order()).toEqual(["a0", "a1", "b0", "a2", "b1"]);
  });

  it("goes on after a handler rejects or throws, and tells the log which run it was", async () => {
    const error = vi.fn<(fields: object, message: string) => void>();
    open({ log: { ...silentLog, error } });
    const broken = new Error("defect");
    queue.start((job, signal) => {
      if (job.runId === "throws") throw broken;
      return handle(job, signal);
    });
    for (const id of ["throws", "rejects", "next"]) await enqueue(id);
    await settle();
    started[0]?.fail(broken);
    await settle();
    expect(order()).toEqual(["rejects", "next"]);
    expect(error.mock.calls.map(([fields]) => fields)).toEqual([
      { runId: "throws", err: broken },
      { runId: "rejects", err: broken },
    ]);
  });

  it("is started once", () => {
    open();
    queue.start(handle);
    expect(() => queue.start(handle)).toThrow("Cannot start the queue as it must be started once: it has a handler.");
  });

  it("refuses a run that waits or runs already, and takes it again once it has ended", async () => {
    open();
    queue.start(handle);
    const refused = { code: "INTERNAL" };
    await enqueue("1");
    await expect(enqueue("1")).rejects.toMatchObject(refused);
    await settle();
    await expect(enqueue("1")).rejects.toMatchObject(refused);
    await end("1");
    await enqueue("1");
    await settle();
    expect(order()).toEqual(["1", "1"]);
    started[1]?.end();
  });
});

describe("the bound", () => {
  it("refuses the run that is one too many and says when to come back", async () => {
    open({ depth: 2 });
    queue.start(handle);
    await enqueue("runs");
    await settle();
    await enqueue("waits 1");
    await enqueue("waits 2");
    await expect(enqueue("too many", "bob")).rejects.toMatchObject({
      code: "QUEUE_FULL",
      message: "Cannot queue a run as at most 2 runs may wait: current value is 2.",
      context: { hint: "Try again later.", details: { depth: 2, retryAfterMs: 1_000 } },
    });
    await end("runs");
    await enqueue("now there is a place");
  });

  it("lets a burst take the free places besides those for waiting", async () => {
    open({ depth: 1, concurrency: 3 });
    queue.start(handle);
    const burst = await Promise.allSettled(["1", "2", "3", "4", "5"].map((id) => enqueue(id)));
    expect(burst.map(({ status }) => status)).toEqual([...Array<string>(4).fill("fulfilled"), "rejected"]);
    await settle();
    expect(queue.depth()).toEqual({ waiting: 1, running: 3 });
  });

  it("of 0 takes only what can start at once", async () => {
    open({ depth: 0 });
    queue.start(handle);
    await enqueue("1");
    await settle();
    await expect(enqueue("2")).rejects.toMatchObject({ code: "QUEUE_FULL" });
    await end("1");
    await enqueue("3");
  });

  it("of one principal leaves places for others", async () => {
    open({ depth: 10, depthPerPrincipal: 1 });
    queue.start(handle);
    await enqueue("a0");
    await settle();
    await enqueue("a1");
    await expect(enqueue("a2")).rejects.toMatchObject({
      code: "QUEUE_FULL",
      message: "Cannot queue a run as at most 1 runs of one client may wait: current value is 1.",
    });
    await enqueue("b0", "bob");
    await end("a0");
    expect(order()).toEqual(["a0", "a1"]);
  });

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

describe("cancel", () => {
  it("takes a waiting run out, so that it never starts and its place is free", async () => {
    open({ depth: 1 });
    queue.start(handle);
    await enqueue("1");
    await settle();
    await enqueue("2");
    expect(await queue.cancel("2", new Error("stop"))).toBe("removed");
    await enqueue("3");
    await end("1");
    expect(order()).toEqual(["1", "3"]);
  });

  it("aborts a running one's signal with the reason and keeps its place until its handler ends", async () => {
    open();
    queue.start(handle);
    await enqueue("1");
    await enqueue("2");
    await settle();
    const reason = new Error("stop");
    expect(await queue.cancel("1", reason)).toBe("aborted");
    expect(started[0]?.signal.reason).toBe(reason);
    expect(await queue.cancel("1", new Error("again"))).toBe("aborted");
    expect(started[0]?.signal.reason).toBe(reason);
    await settle();
    expect(order()).toEqual(["1"]);
    await end("1");
    expect(order()).toEqual(["1", "2"]);
  });

  it("knows neither a run that has ended nor one it never had", async () => {
    open();
    queue.start(handle);
    await enqueue("1");
    await settle();
    await end("1");
    expect(await queue.cancel("1", new Error("stop"))).toBe("unknown");
    expect(await queue.cancel("0", new Error("stop"))).toBe("unknown");
  });
});

describe("close", () => {
  it("takes no more runs and starts none that wait", async () => {
    open();
    queue.start(handle);
    await enqueue("1");
    await settle();
    await enqueue("2");
    const closed = queue.close(1_000);
    await expect(enqueue("3")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    await end("1");
    await closed;
    expect(order()).toEqual(["1"]);
    expect(queue.depth()).toEqual({ waiting: 1, running: 0 });
  });

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

  it("aborts them after the grace and waits for their handlers", async () => {
    open({ concurrency: 2 });
    queue.start(handle);
    await enqueue("1");
    await enqueue("2");
    await settle();
    const onClosed = vi.fn<() => void>();
    const closed = queue.close(1_000).then(onClosed);
    clock.advance(1_000);
    await settle();
    expect(started.map(({ signal }) => signal.reason as unknown)).toEqual([
      expect.objectContaining({ code: "SHUTTING_DOWN" }),
      expect.objectContaining({ code: "SHUTTING_DOWN" }),
    ]);
    await end("1");
    expect(onClosed).not.toHaveBeenCalled();
    await end("2");
    await closed;
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
