import { ask } from "../../support/hosts.ts";
import { describe, expect, test } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { RunEvent } from "../../../src/runs/run.ts";
import { createMemoryStores } from "../../../src/store/memory/create-memory-stores.ts";
import { run as record } from "../../support/records.ts";
import { ANN, BOB, createRuns, echo, gate, ROOT, submitAndWait, untilCancelled, value } from "./support.ts";

async function eventsOf(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe("submit and wait", () => {
  test("a run is stored before it is queued, and its end is stored before it is told", async () => {
    const opened = gate();
    const { service, stores, ended } = createRuns({ play: async () => (await opened.opened, value("[1]")) });
    const { id, status } = await service.submit(ANN, { script: "return [1]", metadata: { a: 1 } });
    expect(status).toBe("queued");
    expect(await stores.runs.get(id)).toMatchObject({ principal: "ann", source: "script", metadata: { a: 1 } });
    opened.open();
    const run = await service.wait(ANN, id, { maxWaitMs: 5_000 });
    expect(run).toMatchObject({
      id,
      status: "succeeded",
      result: [1],
      resultType: "json",
      calls: [],
      metadata: { a: 1 },
    });
    expect(await stores.runs.get(id)).toMatchObject({
      status: "succeeded",
      outcomeJson: expect.stringContaining("[1]"),
    });
    expect(ended).toMatchObject([{ status: "succeeded" }]);
  });

  test("waiting stops with its time or its signal, and leaves the run alone", async () => {
    const { service, queue } = createRuns({ play: untilCancelled });
    const { id } = await service.submit(ANN, { script: "1" });
    expect((await service.wait(ANN, id, { maxWaitMs: 20 })).status).toBe("running");
    const signal = AbortSignal.timeout(20);
    expect((await service.wait(ANN, id, { maxWaitMs: 60_000, signal })).status).toBe("running");
    expect((await service.wait(ANN, id, { maxWaitMs: 60_000, signal })).status).toBe("running");
    await queue.close(0);
  });

  test("a task without a model is refused at once", async () => {
    const { service } = createRuns();
    await expect(service.submit(ANN, { task: "do" })).rejects.toMatchObject({ code: "MODEL_NOT_CONFIGURED" });
  });

  test("a run that the queue refuses has ended in the store", async () => {
    const { service, stores } = createRuns({ play: untilCancelled, depth: 0, concurrency: 1 });
    await service.submit(ANN, { script: "1" });
    await expect
      .poll(
        async () =>
          (await stores.runs.list({ principal: undefined, status: "running", limit: 9, before: undefined })).length,
      )
      .toBe(1);
    await expect(service.submit(ANN, { script: "2" })).rejects.toMatchObject({ code: "QUEUE_FULL" });
    const failed = await service.list(ANN, { status: "failed", limit: 10 });
    expect(failed.runs).toMatchObject([{ error: { code: "QUEUE_FULL", retryable: true, details: { depth: 0 } } }]);
  });

  test("where the start cannot be stored the run fails, and nobody waits for ever", async () => {
    const stores = createMemoryStores();
    stores.runs.take = () => Promise.reject(new Error("disk full"));
    const { service } = createRuns({ stores });
    const run = await submitAndWait(service);
    expect(run).toMatchObject({ status: "failed", error: { code: "INTERNAL" } });
    expect((await stores.runs.get(run.id))?.status).toBe("failed");
  });

  test("where the end cannot be stored the run still ends, and that is logged", async () => {
    const stores = createMemoryStores();
    const update = stores.runs.update.bind(stores.runs);
    stores.runs.update = (id, from, change) =>
      change.outcomeJson === undefined ? update(id, from, change) : Promise.reject(new Error("disk full"));
    const logged: string[] = [];
    const { service } = createRuns({ stores, log: { ...silentLog, error: (_, message) => void logged.push(message) } });
    expect(await submitAndWait(service)).toMatchObject({ status: "succeeded" });
    expect(logged).toEqual(["a run ended and its outcome could not be stored"]);
  });

  test("a run that somebody else ended before it could start is not started", async () => {
    let played = 0;
    const { service, stores } = createRuns({ play: async () => (played++, value("1")) });
    const { id } = await service.submit(ANN, { script: "1" });
    await stores.runs.update(id, ["queued"], { status: "cancelled", endedAtMs: 1 });
    expect(await service.wait(ANN, id, { maxWaitMs: 5_000 })).toMatchObject({ status: "failed" });
    expect([played, (await stores.runs.get(id))?.status]).toEqual([0, "cancelled"]);
  });
});

describe("idempotency keys", () => {
  test("the same key and request, at once or later, are one run; another principal's are another", async () => {
    const { service } = createRuns();
    const submit = (who = ANN, script = "1") => service.submit(who, { script }, { idempotencyKey: "k" });
    const [a, b] = await Promise.all([submit(), submit()]);
    expect([b.id, (await submit()).id]).toEqual([a.id, a.id]);
    expect((await submit(BOB)).id).not.toBe(a.id);
    await expect(submit(ANN, "2")).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  test("a key whose request was refused is free again", async () => {
    const { service, queue } = createRuns({ play: untilCancelled, depth: 0, concurrency: 1 });
    const { id } = await service.submit(ANN, { script: "1" });
    await expect.poll(() => queue.depth().running).toBe(1);
    const submit = () => service.submit(ANN, { script: "2" }, { idempotencyKey: "k" });
    await expect(submit()).rejects.toMatchObject({ code: "QUEUE_FULL" });
    await service.cancel(ANN, id);
    await expect.poll(() => queue.depth().running).toBe(0);
    expect((await submit()).status).toBe("queued");
    await queue.close(0);
  });
});

describe("who sees what", () => {
  test("runs of others are not there, except for admins", async () => {
    const { service } = createRuns();
    const { id } = await submitAndWait(service);
    const missing = { code: "NOT_FOUND" };
    await expect(service.get(BOB, id)).rejects.toMatchObject(missing);
    await expect(service.wait(BOB, id, { maxWaitMs: 1 })).rejects.toMatchObject(missing);
    await expect(service.cancel(BOB, id)).rejects.toMatchObject(missing);
    await expect(eventsOf(service.watch(BOB, id))).rejects.toMatchObject(missing);
    expect((await service.list(BOB, { limit: 10 })).runs).toEqual([]);
    expect((await service.get(ROOT, id)).id).toBe(id);
    expect((await service.list(ROOT, { limit: 10 })).runs).toHaveLength(1);
  });

  test("pages go from the newest to the oldest, each run once", async () => {
    const { service } = createRuns();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push((await submitAndWait(service)).id);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await service.list(ANN, { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.runs.map((run) => run.id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids.toReversed());
  });

  test("a page of large runs is short, and no run is left out", async () => {
    const large = value(`"${"x".repeat(6 * 1024 * 1024)}"`);
    const { service } = createRuns({ play: async () => large });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push((await submitAndWait(service, "return 1", ANN, { replyBytes: 16 * 2 ** 20 })).id);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await service.list(ANN, { limit: 50, ...(cursor === undefined ? {} : { cursor }) });
      pages.push(page.runs.map((run) => run.id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(ids.toReversed());
  });
});

describe("cancel", () => {
  test("a queued run that is cancelled never starts", async () => {
    const scripts: string[] = [];
    const { service } = createRuns({
      concurrency: 1,
      play: (request, host) => (scripts.push(request.script.source), untilCancelled(request, host)),
    });
    const first = await service.submit(ANN, { script: "'first'" });
    const second = await service.submit(ANN, { script: "'second'" });
    await expect.poll(() => scripts.length).toBe(1);
    expect(await service.cancel(ANN, second.id)).toMatchObject({
      status: "cancelled",
      error: { code: "RUN_CANCELLED" },
    });
    await service.cancel(ANN, first.id);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(scripts).toEqual(["'first'"]);
  });

  test("a running run ends as cancelled, told in the words of who cancelled", async () => {
    const { service } = createRuns({ play: untilCancelled });
    const { id } = await service.submit(ANN, { script: "1" });
    await expect.poll(async () => (await service.get(ANN, id)).status).toBe("running");
    const [a, b] = await Promise.all([service.cancel(ANN, id), service.cancel(ANN, id)]);
    expect(a).toMatchObject({ status: "cancelled", error: { message: "The run was cancelled by its caller" } });
    expect(b.status).toBe("cancelled");
    await expect(service.cancel(ANN, id)).rejects.toMatchObject({ code: "RUN_ENDED" });
  });

  test("a run that ends while it is cancelled keeps its end", async () => {
    const opened = gate();
    const { service } = createRuns({ play: async () => (await opened.opened, value("1")) });
    const { id } = await service.submit(ANN, { script: "1" });
    await expect.poll(async () => (await service.get(ANN, id)).status).toBe("running");
    const cancelled = service.cancel(ANN, id);
    opened.open();
    expect(await cancelled).toMatchObject({ status: "succeeded", result: 1 });
  });
});

describe("watch", () => {
  test("every watcher has every event once, in order, whenever it comes", async () => {
    const opened = gate();
    const { service } = createRuns({
      play: async (_, host) => {
        host.log("info", 1, "one");
        await ask(host, '["files","read"]', "[]");
        await opened.opened;
        host.emit("2");
        return value("3");
      },
    });
    const { id } = await service.submit(ANN, { script: "1" });
    const early = eventsOf(service.watch(ANN, id));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const late = eventsOf(service.watch(ANN, id));
    opened.open();
    const all = await early;
    expect(all.map(({ type }) => type)).toEqual([
      "queued",
      "started",
      "log",
      "call.started",
      "call.settled",
      "emit",
      "ended",
    ]);
    expect(all.map((event) => event.id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await late).toEqual(all);
    expect(await eventsOf(service.watch(ANN, id, { afterId: 5 }))).toEqual(all.slice(5));
    expect(await eventsOf(service.watch(ANN, id, { afterId: 99 }))).toEqual([]);
  });

  test("a watcher that leaves takes its listener with it", async () => {
    const { service, queue } = createRuns({ play: untilCancelled });
    const { id } = await service.submit(ANN, { script: "1" });
    const stop = new AbortController();
    const watching = eventsOf(service.watch(ANN, id, { signal: stop.signal }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort();
    expect((await watching).map(({ type }) => type)).toEqual(["queued", "started"]);
    await queue.close(0);
  });

  test("of a run that ended long ago the end is told", async () => {
    const stores = createMemoryStores();
    const { service: first } = createRuns({ stores });
    const { id } = await submitAndWait(first);
    const { service } = createRuns({ stores });
    expect(await eventsOf(service.watch(ANN, id))).toMatchObject([{ type: "ended", run: { id, status: "succeeded" } }]);
    expect(await service.get(ANN, id)).toEqual(await first.get(ANN, id));
  });
});

describe("what ended runs hold in memory", () => {
  test("is bounded in bytes: large ones are read from the store soon", async () => {
    const stores = createMemoryStores();
    let reads = 0;
    const get = stores.runs.get.bind(stores.runs);
    stores.runs.get = (id) => (reads++, get(id));
    // As values they may take fourteen times that, of which 128 MiB are held.
    const large = JSON.stringify("x".repeat(2 * 2 ** 20));
    const { service } = createRuns({ stores, play: async () => value(large) });
    const ids: string[] = [];
    for (let i = 0; i < 6; i++)
      ids.push((await submitAndWait(service, "return 1", ANN, { replyBytes: 16 * 2 ** 20 })).id);
    reads = 0;
    for (const id of ids) expect((await service.get(ANN, id)).status).toBe("succeeded");
    expect(reads).toBe(2);
  });

  test("is bounded in number", async () => {
    const { service, stores } = createRuns();
    const first = await submitAndWait(service);
    for (let i = 0; i < 256; i++) await submitAndWait(service);
    expect(await eventsOf(service.watch(ANN, first.id))).toHaveLength(1);
    expect(await stores.runs.get(first.id)).toMatchObject({ status: "succeeded" });
  });
});

describe("recover", () => {
  async function left(...runs: Parameters<typeof record>[]) {
    const stores = createMemoryStores();
    for (const args of runs) await stores.runs.insert(record(...args));
    return stores;
  }

  test("queued runs are run, and running ones go on with another attempt", async () => {
    const stores = await left(["run_1"], ["run_2", { status: "running", startedAtMs: 1, attempt: 1 }]);
    const { service } = createRuns({ stores });
    await service.recover();
    const end = { status: "succeeded", result: "return 1" };
    expect(await service.wait(ANN, "run_1", { maxWaitMs: 5_000 })).toMatchObject(end);
    expect(await service.wait(ANN, "run_2", { maxWaitMs: 5_000 })).toMatchObject({ ...end, attempt: 2 });
  });

  test("more runs than the queue takes are taken up one after the other, in order", async () => {
    const ids = Array.from({ length: 8 }, (_, i) => `run_${i}`);
    const stores = await left(
      ...ids.map((id): [string, object] => [id, { requestJson: JSON.stringify({ script: `'${id}'` }) }]),
    );
    const order: string[] = [];
    const { service } = createRuns({
      stores,
      depth: 1,
      concurrency: 1,
      play: (request, host) => (order.push(request.script.source.slice(1, -1)), echo(request, host)),
    });
    await service.recover();
    expect((await service.get(ANN, "run_7")).status).toBe("queued");
    for (const id of ids) expect((await service.wait(ANN, id, { maxWaitMs: 10_000 })).status).toBe("succeeded");
    expect(order).toEqual(ids);
  });

  test("a run that waits to be taken up can be cancelled, and then never starts", async () => {
    const stores = await left(["run_1"], ["run_2"], ["run_3"]);
    let played = 0;
    const { service, queue } = createRuns({
      stores,
      depth: 0,
      concurrency: 1,
      play: (request, host) => (played++, untilCancelled(request, host)),
    });
    await service.recover();
    expect(await service.cancel(ANN, "run_3")).toMatchObject({ status: "cancelled" });
    expect(await stores.runs.get("run_3")).toMatchObject({ status: "cancelled" });
    await service.close(0);
    await queue.close(0);
    expect(played).toBeLessThanOrEqual(1);
    expect(await stores.runs.get("run_2")).toMatchObject({ status: "queued" });
  });

  test("runs whose client is gone or whose request cannot be read end, and say why", async () => {
    const stores = await left(["run_1", { principal: "carl" }], ["run_2", { requestJson: "{" }]);
    const { service } = createRuns({ stores });
    await service.recover();
    const wait = { maxWaitMs: 5_000 };
    expect(await service.wait(ROOT, "run_1", wait)).toMatchObject({ status: "failed", error: { code: "FORBIDDEN" } });
    expect(await service.wait(ANN, "run_2", wait)).toMatchObject({ status: "failed", error: { code: "INTERNAL" } });
  });
});

describe("close", () => {
  test("a run that the service could not wait for failed because of that, and can be tried again", async () => {
    const { service } = createRuns({ play: untilCancelled });
    const { id } = await service.submit(ANN, { script: "1" });
    await expect.poll(async () => (await service.get(ANN, id)).status).toBe("running");
    await service.close(10);
    expect(await service.get(ANN, id)).toMatchObject({
      status: "failed",
      error: { code: "SHUTTING_DOWN", retryable: true },
    });
    await expect(service.submit(ANN, { script: "1" })).rejects.toBeInstanceOf(RunletError);
  });

  test("whoever waits for a run that will not start any more is let go", async () => {
    const { service } = createRuns({ play: untilCancelled, concurrency: 1 });
    await service.submit(ANN, { script: "1" });
    const { id } = await service.submit(ANN, { script: "2" });
    const waiting = service.wait(ANN, id, { maxWaitMs: 60_000 });
    await service.close(10);
    expect((await waiting).status).toBe("queued");
  });
});
