import { describe, expect, onTestFinished, test } from "vitest";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import { createApp } from "../../../src/http/app.ts";
import { eventStreamResponse, HEARTBEAT_MS } from "../../../src/http/event-stream.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import type { RunEvent } from "../../../src/runs/run.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { createMemoryLog, fakeDeps, FakeRuns, postJson, readJson } from "./fakes.ts";

const ALL = [
  'id: 1\nevent: queued\ndata: {"id":1,"atMs":0,"type":"queued"}\n\n',
  'id: 2\nevent: started\ndata: {"id":2,"atMs":0,"type":"started"}\n\n',
  'id: 3\nevent: log\ndata: {"id":3,"atMs":0,"type":"log","line":{"level":"info","atMs":1,"text":"a\\nb\\r"}}\n\n',
  'id: 4\nevent: ended\ndata: {"id":4,"atMs":0,"type":"ended","run":{"id":"run_1","status":"succeeded","result":null,"calls":[],"createdAt":"2026-01-01T00:00:00.000Z","endedAt":"2026-01-01T00:00:01.000Z"}}\n\n',
];

async function setUp() {
  const runs = new FakeRuns();
  runs.endAtOnce = false;
  const deps = fakeDeps({ runs });
  const app = createApp(deps);
  onTestFinished(() => expect(runs.watching, "watches left open").toBe(0));
  return { runs, deps, app };
}

function goThrough(runs: FakeRuns): void {
  runs.emit("run_1", { type: "started" });
  runs.emit("run_1", { type: "log", line: { level: "info", atMs: 1, text: "a\nb\r" } });
  runs.end("run_1", { status: "succeeded" });
}

describe("GET /runs/{id}/events", () => {
  test("streams all events in order, the end last", async () => {
    const { runs, app } = await setUp();
    await runs.submit(LOCAL_PRINCIPAL, { script: "1" });
    const answer = await app.request("/runs/run_1/events");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    goThrough(runs);
    expect(await answer.text()).toBe(ALL.join(""));
  });

  test("goes on after Last-Event-ID", async () => {
    const { runs, app } = await setUp();
    await runs.submit(LOCAL_PRINCIPAL, { script: "1" });
    goThrough(runs);
    const answer = await app.request("/runs/run_1/events", { headers: { "last-event-id": "2" } });
    expect(await answer.text()).toBe(ALL.slice(2).join(""));
  });

  test("refuses a Last-Event-ID that is none of ours", async () => {
    const { runs, app } = await setUp();
    await runs.submit(LOCAL_PRINCIPAL, { script: "1" });
    const answer = await app.request("/runs/run_1/events", { headers: { "last-event-id": "two" } });
    expect(answer.status).toBe(400);
    expect((await readJson(answer))["problems"]).toMatchObject([{ in: "header", pointer: "/Last-Event-ID" }]);
  });

  test("stops watching, and cancels nothing, when the client goes", async () => {
    const { runs, app } = await setUp();
    await runs.submit(LOCAL_PRINCIPAL, { script: "1" });
    const reader = (await app.request("/runs/run_1/events")).body?.getReader();
    await reader?.read();
    expect(runs.watching).toBe(1);
    await reader?.cancel();
    await expect.poll(() => runs.watching).toBe(0);
    expect(runs.cancelled).toEqual([]);
  });

  test("starts no watch for HEAD", async () => {
    const { runs, app } = await setUp();
    await runs.submit(LOCAL_PRINCIPAL, { script: "1" });
    const answer = await app.request("/runs/run_1/events", { method: "HEAD" });
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(runs.watching).toBe(0);
  });
});

describe("POST /run with Accept: text/event-stream", () => {
  const body = postJson({ script: "1" }, { accept: "text/event-stream" });

  test("streams the run's events, the run last", async () => {
    const { runs, app } = await setUp();
    const answer = await app.request("/run", body);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("location")).toBe("/runs/run_1");
    goThrough(runs);
    expect(await answer.text()).toBe(ALL.join(""));
    expect(runs.cancelled).toEqual([]);
  });

  test("cancels the run when the client goes, pending read or not", async () => {
    for (const reads of [1, 2]) {
      const { runs, app } = await setUp();
      const client = new AbortController();
      const answer = await app.request("/run", { ...body, signal: client.signal });
      const reader = answer.body?.getReader();
      for (let read = 1; read < reads; read++) await reader?.read();
      const pending = reader?.read();
      client.abort();
      await pending;
      await expect.poll(() => runs.cancelled).toEqual(["run_1"]);
    }
  });

  test("does not cancel a queued run when the client goes", async () => {
    const { runs, app } = await setUp();
    const answer = await app.request("/run", postJson({ script: "1", mode: "queue" }, { accept: "text/event-stream" }));
    await answer.body?.cancel();
    expect(runs.cancelled).toEqual([]);
  });

  test("refuses before it streams", async () => {
    const { runs, app } = await setUp();
    runs.refusal = new RunletError("SHUTTING_DOWN", "Cannot take the run as the service is stopping.");
    const answer = await app.request("/run", body);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.headers.get("retry-after")).toBe("1");
  });
});

describe("an event stream", () => {
  function streamOf(watch: (signal: AbortSignal) => AsyncIterable<RunEvent>) {
    const clock = createManualClock();
    const log = createMemoryLog();
    const client = new AbortController();
    const ends: boolean[] = [];
    const answer = eventStreamResponse({
      watch,
      onEnd: (gone) => ends.push(gone),
      signal: client.signal,
      clock,
      log,
      requestId: "req_1",
    });
    return { answer, clock, log, client, ends };
  }

  test("holds back the next event until the client has taken the one before", async () => {
    let made = 0;
    const { answer } = streamOf(async function* () {
      for (;;) yield { id: (made += 1), atMs: 0, type: "started" };
    });
    const reader = answer.body?.getReader();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(made).toBe(0);
    for (const expected of [1, 2, 3]) {
      await reader?.read();
      expect(made).toBe(expected);
    }
    await reader?.cancel();
  });

  test("sends a comment when nothing happens for a while, and loses no event by it", async () => {
    const next = Promise.withResolvers<RunEvent>();
    const { answer, clock, ends } = streamOf(async function* () {
      yield await next.promise;
    });
    const reader = answer.body?.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
    for (let beat = 0; beat < 2; beat++) {
      const read = reader?.read();
      await expect.poll(() => clock.pending()).toBe(1);
      clock.advance(HEARTBEAT_MS);
      expect(await read).toEqual({ done: false, value: ": still here\n\n" });
    }
    next.resolve({ id: 1, atMs: 0, type: "started" });
    expect((await reader?.read())?.value).toContain("id: 1\nevent: started\n");
    expect((await reader?.read())?.done).toBe(true);
    expect(clock.pending()).toBe(0);
    expect(ends).toEqual([false]);
  });

  test("tells a failure of the watch as a problem, and ends", async () => {
    const { answer, log, ends } = streamOf(async function* () {
      yield { id: 1, atMs: 0, type: "started" };
      throw new Error("secret inside");
    });
    const text = await answer.text();
    expect(text).toContain('event: error\ndata: {"type":"about:blank","title":"Internal","status":500');
    expect(text).not.toContain("secret");
    expect(log.lines).toMatchObject([{ level: "error", fields: { requestId: "req_1", code: "INTERNAL" } }]);
    expect(ends).toEqual([false]);
  });

  test("runs the clean-up of a watch that stands between two events when the client goes", async () => {
    let cleaned = 0;
    const { answer, client, ends } = streamOf(async function* () {
      try {
        for (;;) yield { id: 1, atMs: 0, type: "started" };
      } finally {
        cleaned += 1;
      }
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    client.abort();
    await expect.poll(() => cleaned).toBe(1);
    expect(await reader?.read()).toEqual({ done: true, value: undefined });
    expect(ends).toEqual([true]);
  });

  test("to a client that is gone already never starts watching", async () => {
    let watched = 0;
    const client = new AbortController();
    client.abort();
    const ends: boolean[] = [];
    const answer = eventStreamResponse({
      async *watch() {
        watched += 1;
        yield { id: 1, atMs: 0, type: "started" };
      },
      onEnd: (gone) => ends.push(gone),
      signal: client.signal,
      clock: createManualClock(),
      log: createMemoryLog(),
      requestId: "req_1",
    });
    expect(await answer.text()).toBe("");
    expect([watched, ends]).toEqual([0, [true]]);
  });
});
