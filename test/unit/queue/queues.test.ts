import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { QueueOptions } from "../../../src/queue/queue-options.ts";
import type { Job, RunQueue } from "../../../src/queue/run-queue.ts";
import { QUEUE_KINDS, type QueueKind } from "../../support/queue-kinds.ts";

interface Started {
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
}

/** Long enough for what must not happen to have happened. */
const QUIET_MS = 100;

describe.each(QUEUE_KINDS)("%s", (_name, create) => {
  let kind: QueueKind;
  let queue: RunQueue;
  let started: Started[];

  const open = (options: Partial<QueueOptions> = {}): void => {
    queue = kind.open(options);
  };
  /** A handler that ends when the test says so. */
  const handle = (job: Job, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      started.push({ job, signal, end: resolve, fail: reject });
    });
  const enqueue = (runId: string, principal = "ann", more: Partial<Job> = {}): Promise<void> =>
    queue.enqueue({ runId, principal, priority: 0, attempt: 1, ...more });
  const order = (): string[] => started.map(({ job }) => job.runId);
  const end = (runId: string): void => started.findLast(({ job }) => job.runId === runId)?.end();
  const untilStarted = (...runIds: string[]): Promise<void> =>
    vi.waitFor(() => expect(order()).toEqual(runIds), { timeout: 10_000, interval: 5 });
  const untilDepth = (waiting: number, running: number): Promise<void> =>
    vi.waitFor(() => expect(queue.depth()).toEqual({ waiting, running }), { timeout: 10_000, interval: 5 });

  beforeAll(async () => {
    kind = await create();
  });
  afterAll(() => kind.cleanUp());
  beforeEach(() => {
    started = [];
  });
  afterEach(async () => {
    const closed = queue.close(1_000);
    for (const run of started) run.end();
    await closed;
  });

  describe("delivery", () => {
    it("waits for the start, then runs as many at once as it may", async () => {
      open({ concurrency: 2 });
      for (const id of ["1", "2", "3"]) await enqueue(id);
      expect(queue.depth()).toEqual({ waiting: 3, running: 0 });
      queue.start(handle);
      await untilStarted("1", "2");
      await untilDepth(1, 2);
      end("2");
      await untilStarted("1", "2", "3");
      end("1");
      end("3");
      await untilDepth(0, 0);
    });

    it("hands the handler the job as it came", async () => {
      open();
      queue.start(handle);
      await enqueue("run_a", "ann of the east", { priority: -2, attempt: 3 });
      await untilStarted("run_a");
      expect(started[0]?.job).toEqual({ runId: "run_a", principal: "ann of the east", priority: -2, attempt: 3 });
    });

    it("takes turns between principals, however many of one wait", async () => {
      open({ depth: 20_000 });
      await Promise.all(Array.from({ length: 10_000 }, (_, at) => enqueue(`a${at}`)));
      await enqueue("b0", "bob");
      await enqueue("b1", "bob");
      queue.start(handle);
      const expected: string[] = [];
      for (const id of ["a0", "b0", "a1", "b1", "a2"]) {
        expected.push(id);
        await untilStarted(...expected);
        end(id);
      }
    });

    it("serves higher priorities of one principal first, and of one priority who came first", async () => {
      open();
      for (const [id, priority] of [
        ["low", -1],
        ["first", 0],
        ["second", 0],
        ["high", 7],
      ] as const)
        await enqueue(id, "ann", { priority });
      queue.start(handle);
      const expected: string[] = [];
      for (const id of ["high", "first", "second", "low"]) {
        expected.push(id);
        await untilStarted(...expected);
        end(id);
      }
    });

    it("takes the same entry once, while it waits and while it runs", async () => {
      open();
      await enqueue("1");
      await enqueue("1");
      expect(queue.depth().waiting).toBe(1);
      queue.start(handle);
      await untilStarted("1");
      await enqueue("1");
      await untilDepth(0, 1);
      end("1");
      await sleep(QUIET_MS);
      expect(order()).toEqual(["1"]);
    });

    it("takes another attempt of a run that runs, and one that has ended again", async () => {
      open();
      queue.start(handle);
      await enqueue("1");
      await untilStarted("1");
      await enqueue("1", "ann", { attempt: 2 });
      end("1");
      await untilStarted("1", "1");
      expect(started.map(({ job }) => job.attempt)).toEqual([1, 2]);
      end("1");
      await untilDepth(0, 0);
      await vi.waitFor(async () => {
        await enqueue("1", "ann", { attempt: 2 });
        expect(order()).toHaveLength(3);
      });
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
      await untilStarted("rejects");
      started[0]?.fail(broken);
      await untilStarted("rejects", "next");
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
  });

  describe("a job that is put off", () => {
    const inMs = (ms: number): Partial<Job> => ({ notBeforeMs: Date.now() + ms });

    it("starts when its time has come, and takes no place until then", async () => {
      open({ depth: 0 });
      queue.start(handle);
      await enqueue("now");
      await untilStarted("now");
      const due = inMs(300);
      await enqueue("later", "ann", due);
      expect(queue.depth()).toEqual({ waiting: 0, running: 1 });
      end("now");
      await untilStarted("now", "later");
      expect(Date.now()).toBeGreaterThanOrEqual(due.notBeforeMs ?? Infinity);
    });

    it("is one entry however often it comes, and never starts once it is cancelled", async () => {
      open();
      queue.start(handle);
      await enqueue("once", "ann", inMs(200));
      await enqueue("once", "ann", inMs(200));
      await enqueue("never", "ann", inMs(200));
      expect(await queue.cancel("never", new Error("stop"))).toBe("removed");
      await untilStarted("once");
      end("once");
      await sleep(QUIET_MS);
      expect(order()).toEqual(["once"]);
    });
  });

  describe("the bound", () => {
    it("refuses the run that is one too many, says when to come back, and takes it when there is a place", async () => {
      open({ depth: 2 });
      queue.start(handle);
      await enqueue("runs");
      await untilStarted("runs");
      await enqueue("waits1");
      await enqueue("waits2");
      await expect(enqueue("more", "bob")).rejects.toMatchObject({
        code: "QUEUE_FULL",
        message: "Cannot queue a run as at most 2 runs may wait: current value is 2.",
        context: { hint: "Try again later.", details: { depth: 2, retryAfterMs: expect.any(Number) as number } },
      });
      end("runs");
      await untilStarted("runs", "waits1");
      await enqueue("more", "bob");
    });

    it("of 0 takes only what can start at once", async () => {
      open({ depth: 0 });
      queue.start(handle);
      await enqueue("1");
      await untilStarted("1");
      await expect(enqueue("2")).rejects.toMatchObject({ code: "QUEUE_FULL" });
      end("1");
      await vi.waitFor(() => enqueue("3"));
    });

    it("lets a burst take the free places besides those for waiting", async () => {
      open({ depth: 1, concurrency: 3 });
      queue.start(handle);
      const burst = await Promise.allSettled(["1", "2", "3", "4", "5"].map((id) => enqueue(id)));
      expect(burst.map(({ status }) => status)).toEqual([...Array<string>(4).fill("fulfilled"), "rejected"]);
      await untilDepth(1, 3);
    });

    it("of one principal leaves places for others", async () => {
      open({ depth: 10, depthPerPrincipal: 1 });
      queue.start(handle);
      await enqueue("a0");
      await untilStarted("a0");
      await enqueue("a1");
      await expect(enqueue("a2")).rejects.toMatchObject({
        code: "QUEUE_FULL",
        message: "Cannot queue a run as at most 1 runs of one client may wait: current value is 1.",
      });
      await enqueue("b0", "bob");
    });

    it("is passed by nobody who is refused for a reason of their own", async () => {
      const refusal = new RunletError("TOO_MANY_CRASHES", "Cannot take a run.", { details: { retryAfterMs: 5 } });
      open({ refusal: (principal) => (principal === "mallory" ? refusal : undefined) });
      await expect(enqueue("1", "mallory")).rejects.toBe(refusal);
      await enqueue("2");
      expect(queue.depth()).toEqual({ waiting: 1, running: 0 });
    });
  });

  describe("a principal that must be held back", () => {
    it("has no more jobs started than it may have at once; others pass it, and it keeps its turn", async () => {
      open({ concurrency: 3, concurrencyOf: (principal) => (principal === "mallory" ? 1 : Infinity) });
      for (const id of ["m1", "m2", "m3"]) await enqueue(id, "mallory");
      for (const id of ["a1", "a2", "a3"]) await enqueue(id);
      queue.start(handle);
      await untilStarted("m1", "a1", "a2");
      end("a1");
      await untilStarted("m1", "a1", "a2", "a3");
      await sleep(QUIET_MS);
      expect(order()).toEqual(["m1", "a1", "a2", "a3"]);
      end("m1");
      await untilStarted("m1", "a1", "a2", "a3", "m2");
    });

    it("does not keep a job of somebody else from starting that comes later", async () => {
      open({ concurrency: 3, concurrencyOf: (principal) => (principal === "mallory" ? 1 : Infinity) });
      queue.start(handle);
      for (const id of ["m1", "m2", "m3"]) await enqueue(id, "mallory");
      await untilStarted("m1");
      await sleep(QUIET_MS);
      await enqueue("a1");
      await untilStarted("m1", "a1");
    });

    it("is held back no longer when it may have more", async () => {
      let most = 1;
      open({ concurrency: 3, concurrencyOf: () => most });
      queue.start(handle);
      for (const id of ["1", "2", "3"]) await enqueue(id);
      await untilStarted("1");
      most = 3;
      end("1");
      await untilStarted("1", "2", "3");
    });
  });

  describe("cancel", () => {
    it("takes a waiting run out, so that it never starts and its place is free", async () => {
      open({ depth: 1 });
      queue.start(handle);
      await enqueue("1");
      await untilStarted("1");
      await enqueue("2");
      expect(await queue.cancel("2", new Error("stop"))).toBe("removed");
      await enqueue("3");
      end("1");
      await untilStarted("1", "3");
    });

    it("aborts a running one's signal with the reason and keeps its place until its handler ends", async () => {
      open();
      queue.start(handle);
      await enqueue("1");
      await enqueue("2");
      await untilStarted("1");
      const reason = new Error("stop");
      expect(await queue.cancel("1", reason)).toBe("aborted");
      expect(started[0]?.signal.reason).toBe(reason);
      expect(await queue.cancel("1", new Error("again"))).toBe("aborted");
      expect(started[0]?.signal.reason).toBe(reason);
      await sleep(QUIET_MS);
      expect(order()).toEqual(["1"]);
      end("1");
      await untilStarted("1", "2");
    });

    it("knows neither a run that has ended nor one it never had", async () => {
      open();
      queue.start(handle);
      await enqueue("1");
      await untilStarted("1");
      end("1");
      await untilDepth(0, 0);
      await vi.waitFor(async () => expect(await queue.cancel("1", new Error("stop"))).toBe("unknown"));
      expect(await queue.cancel("0", new Error("stop"))).toBe("unknown");
    });
  });

  describe("close", () => {
    it("takes no more runs and starts none that wait", async () => {
      open();
      queue.start(handle);
      await enqueue("1");
      await untilStarted("1");
      await enqueue("2");
      const closed = queue.close(1_000);
      await expect(enqueue("3")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
      end("1");
      await closed;
      expect(order()).toEqual(["1"]);
      expect(started[0]?.signal.aborted).toBe(false);
    });

    it("aborts what still runs after the grace and waits for the handlers", async () => {
      open({ concurrency: 2 });
      queue.start(handle);
      await enqueue("1");
      await enqueue("2");
      await untilStarted("1", "2");
      const onClosed = vi.fn<() => void>();
      const closed = queue.close(10).then(onClosed);
      await vi.waitFor(() =>
        expect(started.map(({ signal }) => signal.reason as unknown)).toEqual([
          expect.objectContaining({ code: "SHUTTING_DOWN" }),
          expect.objectContaining({ code: "SHUTTING_DOWN" }),
        ]),
      );
      end("1");
      await sleep(QUIET_MS);
      expect(onClosed).not.toHaveBeenCalled();
      end("2");
      await closed;
    });

    it("is safe to call twice and before the start, and a start after it starts nothing", async () => {
      open();
      await enqueue("1");
      const first = queue.close(1_000);
      expect(queue.close(0)).toBe(first);
      await first;
      queue.start(handle);
      await sleep(QUIET_MS);
      expect(started).toEqual([]);
    });
  });
});
