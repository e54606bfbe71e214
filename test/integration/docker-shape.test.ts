import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import { packageProgram } from "../support/upstreams.ts";
import type { Problem, ServiceClient } from "../support/service-client.ts";
import { openClient } from "../support/service-client.ts";

const block = (name: string): Record<string, unknown> =>
  parse(readFileSync(new URL(`../fixtures/data/configuration/${name}.yaml`, import.meta.url), "utf8")) as Record<
    string,
    unknown
  >;

const everything = {
  command: process.execPath,
  args: [packageProgram("@modelcontextprotocol/server-everything")],
};

let service: RunningService;
let stop: () => Promise<unknown>;

const as = (name: string): ServiceClient => openClient(service.url, { "x-client-id": name });

/** What a call by name is answered: the tool's word, or the code of the refusal. */
async function call(name: string, server: string, tool: string): Promise<unknown> {
  const { body } = await as(name).post<{ readonly result?: unknown } & Problem>("/invoke", {
    server,
    tool,
    arguments: {},
  });
  return body.code ?? "called";
}

describe("the published gateway block", () => {
  beforeAll(async () => {
    const mcpServers = {
      duckduckgo: fixtureServer("tiny"),
      filesystem: fixtureServer("tiny"),
      lab: fixtureServer("tiny"),
    };
    service = await startService({ ...block("docker-gateway"), mcpServers });
    stop = () => service.remove();
  });
  afterAll(() => stop());

  test.each([
    ["claude-desktop", "duckduckgo", "called"],
    ["claude-desktop", "filesystem", "called"],
    ["claude-desktop", "lab", "TOOL_NOT_FOUND"],
    ["custom-agent", "lab", "called"],
    ["stranger", "lab", "UNAUTHENTICATED"],
    ["", "lab", "UNAUTHENTICATED"],
  ])("%j calling a tool of %s is answered with %s", async (name, server, answer) => {
    expect(await call(name, server, "echo")).toBe(answer);
  });

  test("a client sees its own servers, its own runs, and no administration", async () => {
    const claude = as("claude-desktop");
    const { body } = await claude.get<{ servers: { name: string }[] }>("/servers");
    expect(body.servers.map(({ name }) => name)).toEqual(["duckduckgo", "filesystem"]);
    const run = await claude.run("return await mcp.duckduckgo.echo({a: 1})");
    expect([run.status, run.result]).toEqual(["succeeded", { a: 1 }]);
    expect((await as("custom-agent").get(`/runs/${run.id}`)).status).toBe(404);
    expect((await claude.post("/servers/duckduckgo/restart", {})).status).toBe(403);
  });

  test("its start tells that names are no authentication", () => {
    expect(service.logs()).toContain("anyone on this machine can claim to be it");
  });
});

describe("the published security blocks", () => {
  beforeAll(async () => {
    const mcpServers = { github: everything, postgres: fixtureServer("tiny") };
    const env = { GITHUB_TOKEN: "ghp_of_a_test_service", DATABASE_URL: "postgres://u:pass-word@db" };
    service = await startService({ ...block("docker-security"), mcpServers, env });
    stop = () => service.remove();
  });
  afterAll(() => stop());

  test.each([
    ["production-agent", "github", "echo", "TOOL_NOT_FOUND"],
    ["production-agent", "postgres", "echo", "TOOL_NOT_FOUND"],
    ["admin-client", "github", "get-env", "called"],
    ["admin-client", "postgres", "echo", "called"],
  ])("%s calling %s.%s is answered with %s", async (name, server, tool, answer) => {
    expect(await call(name, server, tool)).toBe(answer);
  });

  test("a credential reaches the process of its server, and no log", async () => {
    const call = { server: "github", tool: "get-env", arguments: {} };
    const { body } = await as("admin-client").post("/invoke", call);
    expect(JSON.stringify(body)).toContain("GITHUB_API_TOKEN");
    expect(JSON.stringify(body)).not.toContain("POSTGRES_CONNECTION_STRING");
    expect(service.logs()).not.toContain("ghp_of_a_test_service");
  });
});
