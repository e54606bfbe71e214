import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { catchingScript, PACKS, readBfcl, REFUSED_BY_SCHEMA } from "../support/pack-data.ts";
import type { PackStep, Scenario } from "../support/pack-data.ts";
import { narrowing, play, toBatches } from "../support/pack-run.ts";
import type { Played } from "../support/pack-run.ts";
import { createStage } from "../support/pack-stage.ts";
import type { Stage } from "../support/pack-stage.ts";
import { startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

describe.each(["stdio", "http"] as const)("workflows over %s", (transport) => {
  let stage: Stage;
  let service: RunningService;

  beforeAll(async () => {
    stage = await createStage(
      transport,
      PACKS.flatMap(({ servers }) => servers),
    );
    service = await startService({ mcpServers: stage.mcpServers, log: { level: "warn" } });
  });

  afterAll(async () => {
    await service.remove();
    await stage.close();
  });

  test.each(PACKS)(
    "all $size of $name give the recorded value by the recorded calls",
    async ({ size, servers, read }) => {
      const scenarios = read();
      const wrong: Played[] = [];
      for (const batch of toBatches(scenarios)) wrong.push(...(await play(batch, stage, service, servers)));
      expect(wrong).toEqual([]);
      expect(new Set(scenarios.map(({ id }) => id)).size).toBe(size);
    },
    300_000,
  );

  test("a recorded exception arrives as a ToolError that the script can catch, and the run goes on", async () => {
    const steps: readonly PackStep[] = [
      { server: "apibank", tool: "GetUserToken", args: { username: "Ada" }, exception: "The user does not exist." },
      { server: "apibank", tool: "GetUserToken", args: { username: "Bob" }, result: { token: "t-1" } },
    ];
    const scenario = { id: "made-up", tools: toolsOf(steps), ...catchingScript(steps), steps };
    expect(await play([scenario], stage, service, ["apibank"])).toEqual([]);
    expect(scenario.expected).toEqual([
      {
        exception: {
          name: "ToolError",
          code: "TOOL_FAILED",
          server: "apibank",
          tool: "GetUserToken",
          message: "The user does not exist.",
        },
      },
      { result: { token: "t-1" } },
    ]);
  });

  test("a recorded call that its tool's published schema refuses is found before the workflow's first call", async () => {
    const { id, server, tool } = REFUSED_BY_SCHEMA;
    const [own] = readBfcl("own").filter((scenario) => scenario.id === id);
    if (own === undefined) throw new Error("the workflow is not in the pack");
    const [played] = await play([own], stage, service, [...own.tools.keys()]);
    expect(played?.actual).toMatchObject({
      status: "failed",
      error: { code: "TOOL_ARGUMENTS_INVALID", server, tool },
      calls: [],
      received: { TravelAPI: [], TicketAPI: [] },
    });
  });

  test("a workflow that leaves out a step, or gives another value, is told from one that does as recorded", async () => {
    const steps: readonly PackStep[] = ["a", "b"].map((key) => ({
      server: "apibank",
      tool: "Look",
      args: { key },
      result: { found: key },
    }));
    const whole: Scenario = {
      id: "whole",
      tools: toolsOf(steps),
      script: 'await mcp.apibank.Look({ key: "a" });\nreturn await mcp.apibank.Look({ key: "b" });',
      steps,
      expected: { found: "b" },
    };
    const wrongValue = { ...whole, expected: { found: "c" } };
    const short = { ...whole, script: 'return await mcp.apibank.Look({ key: "a" });', expected: { found: "a" } };
    expect(await play([whole], stage, service, ["apibank"])).toEqual([]);
    expect((await play([wrongValue], stage, service, ["apibank"])).map(({ id }) => id)).toEqual(["whole"]);
    expect((await play([short], stage, service, ["apibank"])).map(({ id }) => id)).toEqual(["whole"]);
    const outOfTurn = { ...whole, script: 'return await mcp.apibank.Look({ key: "b" });' };
    await expect(play([outOfTurn], stage, service, ["apibank"])).rejects.toThrow("calls of no workflow");
  });

  test("a workflow sees its own tools and none of those that other workflows are given", async () => {
    const [first, second] = PACKS.flatMap(({ name, read }) => (name === "NesTools" ? read().slice(0, 2) : []));
    if (first === undefined || second === undefined) throw new Error("the pack is empty");
    const looking = { ...first, script: "return Object.keys(mcp.lib);", steps: [], expected: methodsOf(first) };
    expect(await play([looking, { ...second, id: "other" }], stage, service, ["lib"])).toEqual([]);
    const run = await service.run(second.script, narrowing(first));
    expect(run.error).toMatchObject({ code: "TOOL_NOT_FOUND" });
  });
});

function toolsOf(steps: readonly PackStep[]): Scenario["tools"] {
  const names = [...new Set(steps.map(({ tool }) => tool))];
  return new Map([["apibank", names.map((name) => ({ name, inputSchema: { type: "object" } }))]]);
}

/** Names in camel case, as a script enumerates them. */
function methodsOf({ tools }: Scenario): string[] {
  return [...(tools.get("lib") ?? [])].map(({ name }) =>
    name.replaceAll(/_(\w)/gu, (_, letter: string) => letter.toUpperCase()),
  );
}
