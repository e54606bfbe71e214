import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PackStep, PackTool } from "../support/pack-data.ts";
import { listed } from "../support/pack-run.ts";
import { createStage } from "../support/pack-stage.ts";
import type { Stage } from "../support/pack-stage.ts";
import { startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

/** The guide's tools, each on a server of its own kind, where a script means it by server and tool in one word or by tool. */
const SPLIT: Readonly<Record<string, readonly PackTool[]>> = {
  web: [tool("search", ["query"]), tool("summarize", ["text"])],
  files: [tool("write_file", ["path", "content"])],
  github: [tool("search", ["query"], ["sort", "limit"])],
  database: [tool("query", ["sql"], ["params"])],
  api: [tool("call", ["url"], ["method"])],
};

/** The same tools on one server, under names that become the guide's in camel case. */
const FLAT: Readonly<Record<string, readonly PackTool[]>> = {
  hub: [
    tool("search", ["query"]),
    tool("summarize", ["text"]),
    tool("write-file", ["path", "content"]),
    tool("github_search", ["query"], ["sort", "limit"]),
    tool("database.query", ["sql"], ["params"]),
    tool("apiCall", ["url"], ["method"]),
  ],
};

function tool(name: string, required: readonly string[], optional: readonly string[] = []): PackTool {
  const properties = Object.fromEntries([...required, ...optional].map((property) => [property, {}]));
  return {
    name,
    description: name,
    inputSchema: { type: "object", properties, required, additionalProperties: false },
  };
}

/** Where a layout has a tool of the guide's. */
const LAYOUTS = {
  "a server for each kind of tool": {
    servers: SPLIT,
    search: ["web", "search"],
    summarize: ["web", "summarize"],
    writeFile: ["files", "write_file"],
    githubSearch: ["github", "search"],
    databaseQuery: ["database", "query"],
    apiCall: ["api", "call"],
  },
  "one server": {
    servers: FLAT,
    search: ["hub", "search"],
    summarize: ["hub", "summarize"],
    writeFile: ["hub", "write-file"],
    githubSearch: ["hub", "github_search"],
    databaseQuery: ["hub", "database.query"],
    apiCall: ["hub", "apiCall"],
  },
} as const;

type GuideTool = Exclude<keyof (typeof LAYOUTS)["one server"], "servers">;
type Call = Omit<PackStep, "server" | "tool"> & { readonly tool: GuideTool };

let stage: Stage;
let service: RunningService;

beforeAll(async () => {
  stage = await createStage("stdio", [...Object.keys(SPLIT), ...Object.keys(FLAT)]);
  service = await startService({ mcpServers: stage.mcpServers, log: { level: "warn" } });
});

afterAll(async () => {
  await service.remove();
  await stage.close();
});

async function attach(servers: Readonly<Record<string, readonly PackTool[]>>): Promise<void> {
  for (const [server, tools] of Object.entries(servers)) {
    await stage.load(server, { tools, scenarios: [] });
    await listed(server, tools, service);
  }
}

function scriptOf(name: string): string {
  return readFileSync(new URL(`../fixtures/data/guide/${name}.txt`, import.meta.url), "utf8");
}

describe.each(Object.entries(LAYOUTS))("the guide's scripts with %s", (_, layout) => {
  beforeAll(() => attach(layout.servers));

  /**
   * Runs a script of the guide, as it is printed, over servers that answer these calls.
   *
   * @param calls All that it may make, in order.
   */
  async function play(name: string, calls: readonly Call[]) {
    const steps = calls.map(({ tool: of, ...step }): PackStep => ({
      ...step,
      server: layout[of][0],
      tool: layout[of][1],
    }));
    const servers = [...new Set(steps.map(({ server }) => server))];
    const of = (server: string): PackStep[] => steps.filter((step) => step.server === server);
    for (const server of servers) {
      const tools = Object.entries(layout.servers).find(([key]) => key === server)?.[1] ?? [];
      await stage.load(server, { tools, scenarios: [{ id: name, steps: of(server), order: "any" }] });
    }
    const run = await service.run(scriptOf(name), { servers });
    for (const server of servers) {
      const received = of(server).map(({ tool: called, args }) => ({ tool: called, args }));
      expect(await stage.report(server)).toEqual({ received: { [name]: received }, strays: [] });
    }
    expect(run.calls.map((call) => [call.server, call.tool, call.outcome])).toEqual(
      steps.map((step) => [step.server, step.tool, step.exception === undefined ? "ok" : "error"]),
    );
    const { status, result, resultType, error } = run;
    return { status, result, resultType, error, logs: run.logs.map(({ level, text }) => [level, text]) };
  }

  const value = (result: unknown, ...logs: string[]): object => ({
    status: "succeeded",
    result,
    resultType: "json",
    error: undefined,
    logs: logs.map((text) => ["info", text]),
  });

  test("6.1 searches, summarises the first three in parallel and writes one file", async () => {
    const pages = ["one", "two", "three", "four"].map((content) => ({ title: content.toUpperCase(), content }));
    const summaries = pages.slice(0, 3).map(({ content }): Call => ({
      tool: "summarize",
      args: { text: content },
      result: `about ${content}`,
    }));
    const ran = await play("6.1-code-mode-approach", [
      { tool: "search", args: { query: "React tutorials" }, result: pages },
      ...summaries,
      {
        tool: "writeFile",
        args: { path: "summaries.txt", content: "about one\n\nabout two\n\nabout three" },
        result: "written",
      },
    ]);
    expect(ran).toEqual(value("written"));
  });

  test("6.1 writes an empty file when nothing is found", async () => {
    const ran = await play("6.1-code-mode-approach", [
      { tool: "search", args: { query: "React tutorials" }, result: [] },
      { tool: "writeFile", args: { path: "summaries.txt", content: "" }, result: "written" },
    ]);
    expect(ran).toEqual(value("written"));
  });

  test("6.2 writes what it found as JSON", async () => {
    const cats = [{ name: "Tom" }, { name: "Kitty" }];
    const ran = await play("6.2-prompt-example", [
      { tool: "search", args: { query: "cats" }, result: cats },
      { tool: "writeFile", args: { path: "cats.json", content: JSON.stringify(cats) }, result: "written" },
    ]);
    expect(ran).toEqual(value("written"));
  });

  const github = { query: "docker", sort: "stars", limit: 5 };

  test("6.3 example 1 computes over what one call found", async () => {
    const repos = [
      { name: "compose", stargazers_count: 3_000, age_days: 1_000 },
      { name: "buildx", stargazers_count: 1_000, age_days: 400 },
    ];
    const ran = await play("6.3-example-1-multi-step", [{ tool: "githubSearch", args: github, result: repos }]);
    expect(ran).toEqual(
      value({
        total_stars: 4_000,
        avg_stars_per_day: 2.75,
        top_repo: { name: "compose", stars: 3_000, starsPerDay: 3 },
      }),
    );
  });

  test("6.3 example 2 seeds an empty table in order, and says so", async () => {
    const insert = "INSERT INTO users (name, email) VALUES ($1, $2)";
    const ran = await play("6.3-example-2-conditional", [
      { tool: "databaseQuery", args: { sql: "SELECT COUNT(*) as count FROM users" }, result: { rows: [{ count: 0 }] } },
      { tool: "databaseQuery", args: { sql: insert, params: ["Alice", "alice@example.com"] }, result: { rows: [] } },
      { tool: "databaseQuery", args: { sql: insert, params: ["Bob", "bob@example.com"] }, result: { rows: [] } },
    ]);
    expect(ran).toEqual(value("Seeded 2 users", "No users found, seeding database..."));
  });

  test("6.3 example 2 leaves a table with users alone", async () => {
    const ran = await play("6.3-example-2-conditional", [
      { tool: "databaseQuery", args: { sql: "SELECT COUNT(*) as count FROM users" }, result: { rows: [{ count: 7 }] } },
    ]);
    expect(ran).toEqual(value("Database already has 7 users"));
  });

  const request = { url: "https://api.example.com/user/123", method: "GET" };

  test("6.3 example 3 gives the profile that the tool found", async () => {
    const profile = { id: 123, name: "Ada", email: "ada@example.com" };
    const ran = await play("6.3-example-3-error-handling", [{ tool: "apiCall", args: request, result: profile }]);
    expect(ran).toEqual(value(profile));
  });

  test("6.3 example 3 falls back to its default when the tool fails", async () => {
    const ran = await play("6.3-example-3-error-handling", [
      { tool: "apiCall", args: request, exception: "404 Not Found" },
    ]);
    expect(ran).toEqual(
      value({ id: 123, name: "Guest User", email: "guest@example.com" }, "API call failed, using default profile"),
    );
  });
});

test("a tool name of the guide's that two servers have is refused before any call, and both are named", async () => {
  await attach(SPLIT);
  const run = await service.run(scriptOf("6.2-prompt-example"), { servers: ["web", "files", "github"] });
  expect(run).toMatchObject({ status: "failed", error: { code: "TOOL_NOT_FOUND", line: 1 }, calls: [] });
  expect(run.error?.message).toContain("mcp.github.search, mcp.web.search");
});
