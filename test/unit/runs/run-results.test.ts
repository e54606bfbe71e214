import { ask } from "../../support/hosts.ts";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Log } from "../../../src/lib/log.ts";
import type { PlanRequest } from "../../../src/planner/planner.ts";
import type { QueuedRunService } from "../../../src/runs/queued-run-service.ts";
import { createMemoryStores } from "../../../src/store/memory/create-memory-stores.ts";
import { ANN, BOB, createRuns, failure, gate, ROOT, submitAndWait, untilCancelled, value } from "./support.ts";

const LONG = "x".repeat(3_000_000);
const LONG_JSON = JSON.stringify(LONG);

async function wholeOf(service: QueuedRunService, id: string, principal = ANN): Promise<string> {
  const whole = await service.result(principal, id);
  const json = await buffer(whole.parts());
  expect(json.byteLength).toBe(whole.bytes);
  return json.toString("utf8");
}

describe("a result larger than what an answer carries", () => {
  test("is cut in the run and kept whole, for its owner and for admins", async () => {
    const { service } = createRuns({ play: async () => value(LONG_JSON) });
    const run = await submitAndWait(service);
    expect(run).toMatchObject({ status: "succeeded", truncated: true, wholeKept: true, resultBytes: 3_000_002 });
    expect(Buffer.byteLength(JSON.stringify(run.result))).toBeLessThanOrEqual(2 ** 20);
    expect((await wholeOf(service, run.id)) === LONG_JSON).toBe(true);
    expect(await service.result(ROOT, run.id)).toMatchObject({ type: "json", bytes: 3_000_002 });
    await expect(service.result(BOB, run.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("that cannot be kept costs the run nothing but the rest, and is logged", async () => {
    const stores = createMemoryStores();
    const full = new Error("the disk is full");
    stores.results.put = () => Promise.reject(full);
    const warned: unknown[] = [];
    const log: Log = {
      debug() {},
      info() {},
      error() {},
      warn: (fields, message) => void warned.push([fields, message]),
    };
    const { service } = createRuns({ stores, log, play: async () => value(LONG_JSON) });
    const run = await submitAndWait(service);
    expect(run).toMatchObject({ status: "succeeded", truncated: true, wholeKept: false });
    expect(run.result).toMatch(/^x+… \[\d+ bytes cut\]$/u);
    expect(warned).toEqual([
      [{ runId: run.id, bytes: 3_000_002, err: full }, "the whole result of a run could not be kept"],
    ]);
    await expect(service.result(ANN, run.id)).rejects.toMatchObject({ code: "RESULT_GONE" });
  });

  test("that is kept no longer is told to be gone; its part is still there", async () => {
    const stores = createMemoryStores({ resultBytes: 4_000_000 });
    const { service } = createRuns({ stores, play: async () => value(LONG_JSON) });
    const first = await submitAndWait(service);
    const second = await submitAndWait(service);
    await expect(service.result(ANN, first.id)).rejects.toMatchObject({
      code: "RESULT_GONE",
      message: expect.stringContaining("not kept any more"),
    });
    expect(await service.get(ANN, first.id)).toMatchObject({ truncated: true });
    expect(await wholeOf(service, second.id)).toHaveLength(3_000_002);
  });

  test("of what claims to be JSON and is none fails the run", async () => {
    const { service } = createRuns({ play: async () => value(new Uint8Array(1_000_000)) });
    const run = await submitAndWait(service);
    expect(run).toMatchObject({ status: "failed", resultType: "none", error: { code: "RESULT_INVALID" } });
    await expect(service.result(ANN, run.id)).rejects.toMatchObject({
      code: "RUN_WITHOUT_RESULT",
      context: { details: { error: { code: "RESULT_INVALID" } } },
    });
  });
});

describe("the result of a run", () => {
  test("is there when it fits too, null for none", async () => {
    const { service } = createRuns({
      play: async ({ script }) => value(script.source === "1" ? '{"é":[]}' : undefined),
    });
    expect(await wholeOf(service, (await submitAndWait(service, "1")).id)).toBe('{"é":[]}');
    const none = await submitAndWait(service, "2");
    expect(await wholeOf(service, none.id)).toBe("null");
    expect(await service.result(ANN, none.id)).toMatchObject({ type: "undefined", bytes: 4 });
  });

  test("is not there before the end, nor for a run that failed or was cancelled", async () => {
    const { service } = createRuns({
      play: async (request, host) =>
        request.script.source === "1" ? failure("SCRIPT_ERROR") : untilCancelled(request, host),
    });
    const failed = await submitAndWait(service, "1");
    await expect(service.result(ANN, failed.id)).rejects.toMatchObject({ code: "RUN_WITHOUT_RESULT" });
    const { id } = await service.submit(ANN, { script: "2" });
    await expect(service.result(ANN, id)).rejects.toMatchObject({ code: "RUN_NOT_ENDED" });
    await service.cancel(ANN, id);
    await expect(service.result(ANN, id)).rejects.toMatchObject({ code: "RUN_WITHOUT_RESULT" });
    await expect(service.result(ANN, "run_0")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("an output schema", () => {
  const outputSchema = { type: "object", required: ["total"] };

  test("that cannot be used is refused, and no run is stored", async () => {
    const { service } = createRuns();
    await expect(service.submit(ANN, { script: "1", outputSchema: { type: "text" } })).rejects.toMatchObject({
      code: "REQUEST_INVALID",
    });
    expect((await service.list(ANN, { limit: 10 })).runs).toEqual([]);
  });

  test("fails a run whose result is of another shape; what it returned is kept", async () => {
    const { service } = createRuns({ play: async () => value('{"sum":1}') });
    const { id } = await service.submit(ANN, { script: "1", outputSchema });
    expect(await service.wait(ANN, id, { maxWaitMs: 20_000 })).toMatchObject({
      status: "failed",
      result: { sum: 1 },
      resultType: "json",
      error: {
        code: "RESULT_SCHEMA_MISMATCH",
        fault: "script",
        message: expect.stringMatching(
          /^Cannot accept the result as it must satisfy outputSchema: \/total is required/u,
        ),
        details: { problems: [{ pointer: "/total", message: expect.stringContaining("is required") }] },
      },
    });
    expect(await wholeOf(service, id)).toBe('{"sum":1}');
  });

  test("is told to the model, which may repair a script whose result does not satisfy it", async () => {
    const asked: PlanRequest[] = [];
    const { service } = createRuns({
      plan: async (request) => {
        asked.push(request);
        return { script: `return ${asked.length}`, usage: { inputTokens: 1, outputTokens: 1 } };
      },
      play: async ({ script }) => value(script.source === "return 1" ? '{"sum":1}' : '{"total":2}'),
    });
    const { id } = await service.submit(ANN, { task: "add up", outputSchema });
    expect(await service.wait(ANN, id, { maxWaitMs: 20_000 })).toMatchObject({
      status: "succeeded",
      result: { total: 2 },
      attempts: [{ attempt: 1, error: { code: "RESULT_SCHEMA_MISMATCH" } }, { attempt: 2 }],
    });
    expect(asked.map(({ outputSchemaJson, failed }) => [outputSchemaJson, failed?.error.code])).toEqual([
      [JSON.stringify(outputSchema), undefined],
      [JSON.stringify(outputSchema), "RESULT_SCHEMA_MISMATCH"],
    ]);
  });

  test("whose check takes long does not hold up the cancellation of its run", async () => {
    const returned = gate();
    const { service } = createRuns({
      play: async () => {
        returned.open();
        return value(JSON.stringify("x".repeat(5_000)));
      },
    });
    const { id } = await service.submit(ANN, {
      script: "1",
      outputSchema: { type: "string", pattern: "^.*.*.*.*.*!$" },
    });
    await returned.opened;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await service.cancel(ANN, id)).toMatchObject({ status: "cancelled", error: { code: "RUN_CANCELLED" } });
  });
});

describe("the calls of a run", () => {
  test("come in pages, bounded in number and size, to its owner only", async () => {
    const { service } = createRuns({
      gateway: async (call) => ({ value: "x".repeat(6_000_000), content: [], outcome: "ok", bytes: call.tool.length }),
      play: async (_, host) => {
        for (let id = 1; id <= 5; id++) await ask(host, '["files","read"]', `[{"n":${id}}]`);
        return value("1");
      },
    });
    const { id } = await submitAndWait(service);
    const pages: number[][] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const page: Awaited<ReturnType<typeof service.calls>> = await service.calls(ANN, id, { limit: 50, after });
      pages.push(page.calls.map(({ seq }) => seq));
      after = page.next;
    }
    expect(pages).toEqual([[1, 2], [3, 4], [5]]);
    expect((await service.calls(ANN, id, { limit: 1, after: 4 })).calls).toMatchObject([
      { seq: 5, argumentsJson: '{"n":5}', outcome: "ok" },
    ]);
    await expect(service.calls(BOB, id, { limit: 1 })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
