import { describe, expect, it, vi } from "vitest";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { McpDeps } from "../../../src/mcp/mcp-deps.ts";
import { callRunScript } from "../../../src/mcp/run-script.ts";
import type { RunService } from "../../../src/runs/run-service.ts";
import { createFakeCatalogs } from "../../support/fake-catalog.ts";
import { createFakeRuns } from "../../support/fake-runs.ts";

const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
  });

function depsOf(runs: RunService): McpDeps {
  return { runs, catalogs: createFakeCatalogs([]), version: "0", log: silentLog };
}

function exchange(signal: AbortSignal = new AbortController().signal) {
  return { signal, progress: undefined, asking: { kind: "during", asker: undefined } } as const;
}

describe("run_script", () => {
  it("submits what it is given as its principal and answers with the run", async () => {
    const runs = createFakeRuns(async ({ input }) => ({ result: input ?? null }));
    const answer = await callRunScript(
      depsOf(runs),
      LOCAL_PRINCIPAL,
      { script: "return input", input: { a: 1 }, limits: { wallMs: 100 } },
      exchange(),
    );
    expect(answer.structuredContent).toMatchObject({ status: "succeeded", result: { a: 1 } });
    expect(runs.submitted).toEqual([
      {
        principal: LOCAL_PRINCIPAL,
        request: { script: "return input", input: { a: 1 }, limits: { wallMs: 100, replyBytes: 63 * 1024 } },
      },
    ]);
  });

  it("does not submit when the arguments are wrong", async () => {
    const runs = createFakeRuns(async () => ({}));
    await expect(callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { code: "x" }, exchange())).rejects.toMatchObject({
      code: "REQUEST_INVALID",
    });
    expect(runs.submitted).toHaveLength(0);
  });

  it("lets a caller have a larger answer by asking for a larger result", async () => {
    const result = "x".repeat(150_000);
    const runs = createFakeRuns(async () => ({ result }));
    const usual = await callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, exchange());
    expect(usual.structuredContent).toMatchObject({ truncated: true });
    const asked = { script: "x", limits: { replyBytes: 200_000 } };
    const larger = await callRunScript(depsOf(runs), LOCAL_PRINCIPAL, asked, exchange());
    expect(larger.structuredContent).toMatchObject({ result });
  });

  it("reports settled calls, the first at once and then one each 100 ms", async () => {
    const runs = createFakeRuns(async (_, { settleCall }) => {
      for (const atMs of [5, 20, 104, 105, 400]) settleCall("files", "read", atMs);
      return {};
    });
    const progress = vi.fn(async () => undefined);
    const { signal } = new AbortController();
    await callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, { ...exchange(signal), progress });
    expect(progress.mock.calls).toEqual([
      [1, "files.read: ok, 1 ms"],
      [4, "files.read: ok, 1 ms"],
      [5, "files.read: ok, 1 ms"],
    ]);
  });

  it("tells at once that a call waits for somebody to approve it", async () => {
    const runs = createFakeRuns(async (_, { settleCall, askForCall }) => {
      settleCall("files", "read", 5);
      askForCall("files", "write", "2026-01-02T00:00:00.000Z", 6);
      return {};
    });
    const progress = vi.fn(async () => undefined);
    const { signal } = new AbortController();
    await callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, { ...exchange(signal), progress });
    expect(progress.mock.calls).toEqual([
      [1, "files.read: ok, 1 ms"],
      [2, "files.write: waits until 2026-01-02T00:00:00.000Z for somebody to approve it"],
    ]);
  });

  it("cancels the run when the request is cancelled", async () => {
    const runs = createFakeRuns((_, { signal }) => never(signal));
    const abort = new AbortController();
    const called = callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, exchange(abort.signal));
    await vi.waitFor(() => expect(runs.watchers()).toBe(1));
    abort.abort(new Error("gone"));
    expect((await called).structuredContent).toMatchObject({ status: "cancelled", error: { code: "RUN_CANCELLED" } });
    expect(runs.cancelled).toEqual(["run_1"]);
    expect(runs.live()).toBe(0);
  });

  it("cancels the run when the request was cancelled while it was being submitted", async () => {
    const runs = createFakeRuns((_, { signal }) => never(signal));
    const answer = await callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, exchange(AbortSignal.abort()));
    expect(answer.isError).toBe(true);
    expect(runs.live()).toBe(0);
  });

  it("cancels the run also where watching throws the signal's reason", async () => {
    const fake = createFakeRuns((_, { signal }) => never(signal));
    const abort = new AbortController();
    const runs: RunService = {
      ...fake,
      async *watch() {
        yield* [];
        await never(abort.signal);
      },
    };
    const called = callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, exchange(abort.signal));
    await vi.waitFor(() => expect(fake.live()).toBe(1));
    abort.abort(new Error("gone"));
    expect((await called).structuredContent).toMatchObject({ status: "cancelled" });
  });

  it("answers with the run as it ended when its cancellation comes too late", async () => {
    const abort = new AbortController();
    const fake = createFakeRuns(async () => ({ result: 1 }));
    const runs: RunService = {
      ...fake,
      async *watch() {
        yield* [];
        await new Promise((resolve) => setTimeout(resolve, 5));
        abort.abort(new Error("gone"));
      },
    };
    const answer = await callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, exchange(abort.signal));
    expect(answer.structuredContent).toMatchObject({ status: "succeeded", result: 1 });
  });

  it("leaves no run behind that nobody follows", async () => {
    const fake = createFakeRuns((_, { signal }) => never(signal));
    const runs: RunService = {
      ...fake,
      async *watch() {
        yield* [];
        throw new RunletError("INTERNAL", "the store is gone");
      },
    };
    await expect(callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, exchange())).rejects.toMatchObject({
      code: "INTERNAL",
    });
    expect(fake.cancelled).toEqual(["run_1"]);
  });

  it("tells a run that is given back to the queue as it is", async () => {
    const fake = createFakeRuns((_, { signal }) => never(signal));
    const runs: RunService = {
      ...fake,
      async *watch() {
        yield* [];
      },
    };
    const answer = await callRunScript(depsOf(runs), LOCAL_PRINCIPAL, { script: "x" }, exchange());
    expect(answer.structuredContent).toMatchObject({ id: "run_1", status: "running" });
  });
});
