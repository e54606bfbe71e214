import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileTypes } from "../support/compile-types.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

const LONG = "x".repeat(200);
let service: RunningService;

beforeAll(async () => {
  service = await startService({
    mcpServers: {
      "front-desk": { ...fixtureServer("desk"), concurrency: 16 },
      lab: fixtureServer("lab"),
      otherLab: fixtureServer("lab"),
    },
  });
  // A catalog has the tools of servers that have started.
  await service.run("await mcp.frontDesk.meet({ count: 1 }); await mcp.lab.echo({}); await mcp.otherLab.echo({})");
});

afterAll(() => service.remove());

/** The tools that expressions called, or how their calls failed. */
async function called(...expressions: string[]): Promise<unknown> {
  const calls = expressions.map((expression) => `async () => (await ${expression}).name`).join(",\n");
  const { result } = await service.run(
    `const told = []; for (const call of [${calls}]) told.push(await call().catch((error) => error.code)); return told`,
    { check: "none" },
  );
  return result;
}

describe("a tool is called", () => {
  test("by names that are identifiers, and by those its server gave it", async () => {
    expect(
      await called(
        "mcp.frontDesk.apiV2Search()",
        'mcp.frontDesk["api.v2.search"]()',
        "mcp.frontDesk.api.v2.search()",
        'mcp["front-desk"]["api.v2.search"]()',
        "mcp.frontDesk._3drender()",
        'mcp.frontDesk["3drender"]()',
        "mcp.frontDesk.class_()",
        "mcp.frontDesk.class()",
        `mcp.frontDesk.${LONG}()`,
        "mcp.apiV2Search()",
        "mcp.frontDeskApiV2Search()",
      ),
    ).toEqual([
      ...Array.from({ length: 4 }, () => "api.v2.search"),
      "3drender",
      "3drender",
      "class",
      "class",
      LONG,
      "api.v2.search",
      "api.v2.search",
    ]);
  });

  test("by its original name alone when another's converts to the same identifier, and declarations and errors say so", async () => {
    expect(
      await called(
        'mcp.frontDesk["get-weather"]()',
        "mcp.frontDesk.get_weather()",
        "mcp.get_weather()",
        "mcp.frontDesk.getWeather()",
        "mcp.getWeather()",
      ),
    ).toEqual(["get-weather", "get_weather", "get_weather", "TOOL_NOT_FOUND", "TOOL_NOT_FOUND"]);
    const { error } = await service.run("return await mcp.frontDesk.getWeather()");
    expect(error?.hint).toContain('mcp.frontDesk["get-weather"]');
    expect(error?.hint).toContain("mcp.frontDesk.get_weather");
    const { body } = await service.get<string>("/declarations");
    expect(body.match(/Only by this name/gu)).toHaveLength(2);
  });

  test("directly on `mcp` only where one server has it", async () => {
    expect(await called("mcp.labEcho({ name: 'lab' })", "mcp.otherLabEcho({ name: 'other' })", "mcp.echo({})")).toEqual(
      ["lab", "other", "TOOL_NOT_FOUND"],
    );
    const { error, calls } = await service.run("await mcp.lab.write(); return await mcp.echo({})");
    expect(error).toMatchObject({ code: "TOOL_NOT_FOUND", message: expect.stringContaining("several servers") });
    expect(error?.hint).toContain("mcp.lab.echo");
    expect(error?.hint).toContain("mcp.otherLab.echo");
    expect(calls).toEqual([]);
  });
});

describe("the names that a script finds", () => {
  test("by enumerating, searching and describing are those it can call", async () => {
    const { result, calls } = await service.run(`
      const listed = Object.keys(mcp.frontDesk);
      const each = []; for (const name in mcp.frontDesk) each.push(name);
      const [hit] = (await mcp.$search("3drender", { limit: 1 })).results;
      const described = await mcp.$describe("frontDesk.get_weather");
      const servers = await mcp.$servers();
      return { top: Object.keys(mcp), listed, same: listed.join() === each.join(), hit: [hit.server, hit.name, hit.signature],
        described: [described.server, described.name, described.signature], servers: servers.map(({ name, listed, tools }) => [name, listed, tools.length]) }`);
    expect(result).toEqual({
      top: ["frontDesk", "lab", "otherLab"],
      listed: ["get-weather", "get_weather", "apiV2Search", "_3drender", "class_", LONG, "meet", "write", "revoke"],
      same: true,
      hit: ["front-desk", "3drender", expect.stringMatching(/^mcp\.frontDesk\._3drender\(/u)],
      described: ["front-desk", "get_weather", expect.stringMatching(/^mcp\.frontDesk\.get_weather\(/u)],
      servers: [
        ["front-desk", true, 9],
        ["lab", true, 8],
        ["otherLab", true, 8],
      ],
    });
    expect(calls).toEqual([]);
  });

  test("in the declarations compile, whatever the tools are called, and are the same each time", async () => {
    const [one, two] = await Promise.all([1, 2].map(() => service.get<string>("/declarations")));
    expect(one?.body).toBe(two?.body);
    const calls = ["_3drender()", "class_()", "get_weather()", '["get-weather"]()', "apiV2Search()", `${LONG}()`];
    const program = calls.map((call) => `void mcp.frontDesk${call.startsWith("[") ? "" : "."}${call};`).join("\n");
    expect(await compileTypes({ "mcp.d.ts": one?.body ?? "", "use.ts": program })).toBe("");
  });
});

describe("calls made together", () => {
  test("are made at once: ten that wait for each other all come back", async () => {
    const run = await service.run(
      "return await Promise.all(Array.from({ length: 10 }, () => mcp.frontDesk.meet({ count: 10 })))",
    );
    expect(run).toMatchObject({ status: "succeeded", result: Array.from({ length: 10 }, () => "met 10") });
    expect(run.calls.map(({ seq, tool, outcome }) => [seq, tool, outcome])).toEqual(
      Array.from({ length: 10 }, (_, at) => [at + 1, "meet", "ok"]),
    );
  });
});
