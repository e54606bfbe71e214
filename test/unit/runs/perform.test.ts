import { ask } from "../../support/hosts.ts";
import { describe, expect, test } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import type { PlanRequest } from "../../../src/planner/planner.ts";
import type { RunRequest } from "../../../src/runs/run.ts";
import { createFakeCatalogs, fakeTool } from "../../support/fake-catalog.ts";
import { ANN, createRuns, echo, failure, untilCancelled, value } from "./support.ts";
import type { Play, Setup } from "./support.ts";

async function perform(setup: Setup, request: RunRequest) {
  const { service, stores } = createRuns(setup);
  const { id } = await service.submit(ANN, request);
  return { run: await service.wait(ANN, id, { maxWaitMs: 10_000 }), service, stores, id };
}

/** A model that writes one script after the other. */
function writes(...scripts: string[]) {
  const asked: PlanRequest[] = [];
  return {
    asked,
    plan: async (request: PlanRequest) => {
      asked.push(request);
      return { script: scripts[asked.length - 1] ?? "return 0", usage: { inputTokens: 10, outputTokens: 5 } };
    },
  };
}

describe("a script", () => {
  test("its value, logs, calls, emitted values and usage are the outcome", async () => {
    const play: Play = async ({ inputJson, limits }, host) => {
      expect([inputJson, limits.toolCalls]).toEqual(['{"a":1}', 5]);
      host.log("warn", 2, "careful");
      host.emit("[1]");
      await ask(host, '["files","read"]', '[{"path":"/a"}]');
      return value('{"x":1}');
    };
    const { run } = await perform({ play }, { script: "mcp.files.read()", input: { a: 1 }, limits: { toolCalls: 5 } });
    expect(run).toMatchObject({
      status: "succeeded",
      result: { x: 1 },
      resultType: "json",
      truncated: false,
      logs: [{ level: "warn", atMs: 2, text: "careful" }],
      emitted: [[1]],
      calls: [{ seq: 1, server: "files", tool: "read", outcome: "ok" }],
      usage: { cpuMs: 2, heapPeakMiB: 1, toolCalls: 1, modelTokens: null },
    });
    expect("error" in run).toBe(false);
  });

  test("no value is told from null", async () => {
    expect((await perform({ play: async () => value(undefined) }, { script: "1" })).run).toMatchObject({
      result: null,
      resultType: "undefined",
    });
    expect((await perform({ play: async () => value("null") }, { script: "1" })).run).toMatchObject({
      result: null,
      resultType: "json",
    });
  });

  test.each([
    ["const = 1", "SCRIPT_SYNTAX"],
    ["mcp.files.raed({})", "TOOL_NOT_FOUND"],
    [`'${"x".repeat(300 * 1024)}'`, "SCRIPT_TOO_LARGE"],
  ])("%.20s does not reach an executor: %s", async (script, code) => {
    let played = 0;
    const { run } = await perform({ play: async () => (played++, value("1")) }, { script });
    expect([run.status, run.error?.code, run.resultType, played]).toEqual(["failed", code, "none", 0]);
  });

  test("every wrong name is told, the first one as the error", async () => {
    const { run } = await perform({}, { script: "mcp.files.raed();\nmcp.files.wirte()" });
    expect(run.error).toMatchObject({
      code: "TOOL_NOT_FOUND",
      line: 1,
      details: { more: [{ code: "TOOL_NOT_FOUND", line: 2 }] },
    });
  });

  test("without the check wrong names are found by the call", async () => {
    const { run } = await perform({ play: echo }, { script: "mcp.files.raed()", check: "none" });
    expect(run.status).toBe("succeeded");
  });

  test("an executor that fails is a failed run that tells nothing of the inside", async () => {
    const { run } = await perform({ play: () => Promise.reject(new Error("EPIPE /x/y")) }, { script: "1" });
    expect(run).toMatchObject({ status: "failed", error: { code: "INTERNAL" } });
    expect(JSON.stringify(run)).not.toContain("/x/y");
  });

  test("calls it left in flight are cancelled and settled when it has ended", async () => {
    let aborted = false;
    const { run } = await perform(
      {
        play: async (_, host) => {
          void ask(host, '["files","read"]', "[]");
          await new Promise((resolve) => setTimeout(resolve, 10));
          return value("1");
        },
        gateway: ({ signal }) =>
          new Promise((_, reject) =>
            signal.addEventListener("abort", () => {
              aborted = true;
              reject(signal.reason as Error);
            }),
          ),
      },
      { script: "1" },
    );
    expect([run.status, aborted]).toEqual(["succeeded", true]);
    expect(run.calls).toMatchObject([{ outcome: "error", error: "RUN_CANCELLED" }]);
  });

  test("cancelled while it waits for its servers it is cancelled, and is not started", async () => {
    const catalogs = createFakeCatalogs([fakeTool("files", "read")], ["slow"]);
    let played = 0;
    const { service } = createRuns({
      play: async () => (played++, value("1")),
      catalogs: {
        ...catalogs,
        settled: (_, __, { signal } = {}) =>
          new Promise((_resolve, reject) =>
            signal?.addEventListener("abort", () => reject(new Error("waiting stopped"))),
          ),
      },
    });
    const { id } = await service.submit(ANN, { script: "mcp.slow.tool()" });
    await expect.poll(async () => (await service.get(ANN, id)).status).toBe("running");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await service.cancel(ANN, id)).toMatchObject({ status: "cancelled", error: { code: "RUN_CANCELLED" } });
    expect(played).toBe(0);
  });
});

describe("a task", () => {
  const task: RunRequest = { task: "read it", input: 7 };

  test("of a thousand tools the model has an index and the signatures of those that a search for the task finds", async () => {
    const model = writes("return 7");
    const found = fakeTool("files", "readFile", { signature: "mcp.files.readFile(): Promise<string>" });
    const others = Array.from({ length: 1_000 }, (_, at) => fakeTool("files", `other${at}`, { description: "Else." }));
    const catalogs = createFakeCatalogs([...others, found]);
    await perform({ play: echo, plan: model.plan, catalogs }, { task: "readFile" });
    const declarations = model.asked[0]?.declarations ?? "";
    expect(declarations).toMatch(/^\/\/ \d+ of 1001 tools, 1 of 1 servers\n/u);
    expect(declarations).toContain("\n// Does readFile on files\nmcp.files.readFile(): Promise<string>\n");
    expect(declarations).not.toContain("mcp.files.other1(");
  });

  test("the model has the declarations and the input, and its script is part of the answer", async () => {
    const model = writes("return 7");
    const { run } = await perform({ play: echo, plan: model.plan }, task);
    expect(model.asked).toMatchObject([{ task: "read it", inputJson: "7", failed: undefined }]);
    expect(model.asked[0]?.declarations).toContain("files");
    expect(run).toMatchObject({
      status: "succeeded",
      script: "return 7",
      attempts: [{ attempt: 1, script: "return 7" }],
      usage: { modelTokens: { input: 10, output: 5 } },
    });
  });

  test("a failed script is mended with its error; what both used is added up", async () => {
    const model = writes("bad()", "return 1");
    const play: Play = async ({ script }) =>
      script.source === "bad()" ? failure("SCRIPT_ERROR", "bad is not defined") : value("1");
    const { run } = await perform({ play, plan: model.plan }, task);
    expect(model.asked[1]?.failed).toMatchObject({ script: "bad()", error: { code: "SCRIPT_ERROR" } });
    expect(run).toMatchObject({
      status: "succeeded",
      script: "return 1",
      attempts: [{ error: { code: "SCRIPT_ERROR" } }, { attempt: 2 }],
      usage: { cpuMs: 4, heapPeakMiB: 1, modelTokens: { input: 20, output: 10 } },
    });
  });

  test("values that a failed script emitted are not part of the answer", async () => {
    const model = writes("first()", "second()");
    const play: Play = async ({ script }, host) => {
      host.emit(JSON.stringify(script.source));
      return script.source === "first()" ? failure("SCRIPT_ERROR") : value("1");
    };
    expect((await perform({ play, plan: model.plan }, task)).run.emitted).toEqual(["second()"]);
  });

  test.each([
    ["write", undefined, 1],
    ["read", undefined, 2],
    ["write", "TOOL_ARGUMENTS_INVALID", 2],
    ["write", "TOOL_TIMEOUT", 1],
  ] as const)("after a call of %s that ended with %s the model wrote %i script(s)", async (tool, code, count) => {
    const model = writes("a()", "b()");
    const play: Play = async (_, host) => {
      await ask(host, JSON.stringify(["files", tool]), "[]");
      return failure("SCRIPT_ERROR");
    };
    const gateway = async () => {
      if (code !== undefined) throw new RunletError(code, "no");
      return { value: 1, content: [], outcome: "ok", bytes: 1 } as const;
    };
    const { run } = await perform({ play, gateway, plan: model.plan }, task);
    expect([run.status, run.attempts?.length]).toEqual(["failed", count]);
  });

  test.each(["EXECUTOR_LOST", "UPSTREAM_UNAVAILABLE", "INTERNAL"] as const)(
    "%s is not the script's fault: it is not mended",
    async (code) => {
      const model = writes("a()", "b()");
      expect((await perform({ play: async () => failure(code), plan: model.plan }, task)).run.attempts).toHaveLength(1);
    },
  );

  test("a model that fails at the mending keeps the first script in the answer", async () => {
    let asked = 0;
    const plan = async () => {
      if (++asked > 1) throw new RunletError("MODEL_UNAVAILABLE", "down");
      return { script: "bad()", usage: { inputTokens: 1, outputTokens: 1 } };
    };
    const { run } = await perform({ play: async () => failure("SCRIPT_ERROR"), plan }, task);
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "MODEL_UNAVAILABLE" },
      script: "bad()",
      attempts: [{ error: { code: "SCRIPT_ERROR" } }],
      usage: { modelTokens: { input: 1, output: 1 }, cpuMs: 2 },
    });
  });

  test("the attempts are bounded by the configuration", async () => {
    const model = writes();
    const { run } = await perform(
      { play: async () => failure("SCRIPT_ERROR"), plan: model.plan, planAttempts: 3 },
      task,
    );
    expect([run.attempts?.length, model.asked.length]).toEqual([3, 3]);
  });

  test.each(["planning", "running"])("cancelled while %s it is cancelled", async (stage) => {
    const { service } = createRuns({
      play: untilCancelled,
      plan: ({ signal }) =>
        stage === "running"
          ? Promise.resolve({ script: "1", usage: { inputTokens: 0, outputTokens: 0 } })
          : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    });
    const { id } = await service.submit(ANN, task);
    await expect.poll(async () => (await service.get(ANN, id)).status).toBe("running");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await service.cancel(ANN, id)).toMatchObject({ status: "cancelled", error: { code: "RUN_CANCELLED" } });
  });
});

describe("the tokens of a principal", () => {
  const quotas = { tokens: { limit: 10, periodMs: 86_400_000 } };

  test("are charged as the model reports them, and no model is asked once they are spent", async () => {
    const model = writes("return 1", "return 2");
    const { run, service } = await perform(
      { quotas, plan: model.plan, play: async () => value("1") },
      { task: "count" },
    );
    expect(run).toMatchObject({ status: "succeeded", usage: { modelTokens: { input: 10, output: 5 } } });
    const { id } = await service.submit(ANN, { task: "count again" });
    const second = await service.wait(ANN, id, { maxWaitMs: 10_000 });
    expect(second).toMatchObject({
      status: "failed",
      error: { code: "QUOTA_EXCEEDED", details: { scope: "tokens", limit: 10, period: "day" } },
    });
    expect(model.asked).toHaveLength(1);
  });

  test("that are spent leave a script that did not go well without a repair", async () => {
    const model = writes("return x", "return 1");
    const play: Play = async () => failure("SCRIPT_ERROR", "x is not defined");
    const { run } = await perform({ quotas, plan: model.plan, play }, { task: "count" });
    expect(run).toMatchObject({ status: "failed", error: { code: "QUOTA_EXCEEDED" }, attempts: [{ attempt: 1 }] });
    expect(model.asked).toHaveLength(1);
  });
});
