import { describe, expect, test } from "vitest";
import { errorInfo } from "../../../src/lib/errors.ts";
import type { RunRequest } from "../../../src/runs/run.ts";
import { ANN, createFakeTypeChecker, createRuns } from "./support.ts";
import type { Setup } from "./support.ts";

const FAULT = errorInfo("SCRIPT_TYPE_ERROR", "Cannot run the script as its types show that it must fail: no", {
  line: 1,
});

async function perform(setup: Setup, request: RunRequest) {
  const { service } = createRuns(setup);
  const { id } = await service.submit(ANN, request);
  return service.wait(ANN, id, { maxWaitMs: 10_000 });
}

/** A model that always writes the same script. */
function writes(script: string): NonNullable<Setup["plan"]> {
  return async () => ({ script, usage: { inputTokens: 1, outputTokens: 1 } });
}

describe("the types of a script", () => {
  test.each([["none"], ["names"], [undefined]] as const)("are not checked with check %s", async (check) => {
    const typeChecker = createFakeTypeChecker({ status: "checked", error: FAULT });
    const run = await perform({ typeChecker }, { script: "return 1", ...(check === undefined ? {} : { check }) });
    expect([run.status, typeChecker.checked]).toEqual(["succeeded", []]);
  });

  test("are checked on request, and a fault of them is the run's: nothing is executed", async () => {
    const typeChecker = createFakeTypeChecker({ status: "checked", error: FAULT });
    let executed = 0;
    const play: Setup["play"] = async () => {
      executed++;
      throw new Error("must not run");
    };
    const run = await perform({ typeChecker, play }, { script: "return 1", check: "types" });
    expect([run.status, run.error, executed, typeChecker.checked]).toEqual(["failed", FAULT, 0, ["return 1"]]);
  });

  test("are checked after its names, whose faults come first", async () => {
    const typeChecker = createFakeTypeChecker({ status: "checked", error: FAULT });
    const run = await perform({ typeChecker }, { script: "return await mcp.files.raed({})", check: "types" });
    expect([run.error?.code, typeChecker.checked]).toEqual(["TOOL_NOT_FOUND", []]);
  });

  test("that could not be checked let the run go on, which its log says", async () => {
    const typeChecker = createFakeTypeChecker({ status: "givenUp", reason: "it takes longer than 3000 ms" });
    const run = await perform({ typeChecker }, { script: "return 1", check: "types" });
    const text = "The script's types were not checked as it takes longer than 3000 ms";
    expect([run.status, run.logs]).toEqual(["succeeded", [{ level: "warn", atMs: 0, text }]]);
  });

  test("of a script that a model wrote are checked without being asked for, unless nothing is to be checked", async () => {
    const typeChecker = createFakeTypeChecker();
    await perform({ typeChecker, plan: writes("return 'a'") }, { task: "a" });
    await perform({ typeChecker, plan: writes("return 'b'") }, { task: "b", check: "none" });
    await perform({ typeChecker, plan: writes("return 'c'") }, { task: "c", check: "names" });
    expect(typeChecker.checked).toEqual(["return 'a'"]);
  });

  test("go back to the model that wrote it, with the fault, until its attempts are over", async () => {
    const typeChecker = createFakeTypeChecker({ status: "checked", error: FAULT });
    const failures: unknown[] = [];
    const plan: Setup["plan"] = async ({ failed }) => {
      failures.push(failed?.error);
      return { script: `return ${failures.length}`, usage: { inputTokens: 1, outputTokens: 1 } };
    };
    const run = await perform({ typeChecker, plan, planAttempts: 2 }, { task: "a" });
    expect(failures).toEqual([undefined, FAULT]);
    expect(run).toMatchObject({ status: "failed", error: FAULT, attempts: [{ error: FAULT }, { error: FAULT }] });
  });
});
