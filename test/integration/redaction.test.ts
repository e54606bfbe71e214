import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServerOptions } from "../../src/config/options.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { Problem } from "../support/service-client.ts";

const SECRET = "correct-horse-battery";
const BLOB = Buffer.from(`---${SECRET}`).toString("base64");

const leaks = (change: ServerOptions = {}): ServerOptions => ({
  ...fixtureServer("leaks"),
  env: { LEAK_TOKEN: SECRET },
  ...change,
});

/** What callers get of each tool of a server that tells its secret. */
const ANSWERS: readonly (readonly [tool: string, value: unknown])[] = [
  ["text", "the token is ***, and *** it stays"],
  // Numbers are what the script's own parser makes of them.
  ["json", { id: 1, login: { user: "ada", hash: "***" } }],
  ["structured", { found: ["***"], n: 1 }],
  ["resource", [{ type: "resource", resource: { uri: "file:///etc/app.json", text: "key ***", blob: BLOB } }]],
  ["picture", [{ type: "image", data: BLOB, mimeType: "image/png", _meta: { by: "***" } }]],
  ["meta", "said"],
  ["shaped", { password: "***", key: "***", nextPageToken: "page-2" }],
];
const TOOLS = ANSWERS.map(([tool]) => tool);

interface Answered {
  readonly result: unknown;
  readonly content?: unknown;
}

describe("with redaction.results, a secret that its server tells", () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({
      mcpServers: { leaks: leaks({ cache: true }) },
      redaction: { results: true },
    });
  });
  afterAll(() => service.remove());

  const invoke = <Body = Answered>(tool: string) =>
    service.post<Body>("/invoke", { server: "leaks", tool, arguments: {} });

  test.each(ANSWERS)("does not reach who calls %s by /invoke, the second time neither", async (tool, value) => {
    for (let time = 0; time < 2; time++) {
      const { body } = await invoke(tool);
      expect(body.result).toEqual(value);
      expect(JSON.stringify(body)).not.toContain(SECRET);
    }
  });

  test("is taken out of a text that is JSON where it stands", async () => {
    const { body } = await invoke("json");
    const text = `{ "id": 12345678901234567890, "login": {"user": "ada", "hash": "***"},\n "id": 1 }`;
    expect(body.content).toEqual([{ type: "text", text }]);
  });

  test("is not in what the server says beside its answer", async () => {
    const { body } = await invoke("meta");
    expect(body).toMatchObject({ result: "said", _meta: { "example.com/by": "***" } });
  });

  test("does not reach a script", async () => {
    const script = `
      const said = [];
      for (const tool of ${JSON.stringify(TOOLS)}) said.push(await mcp.leaks[tool]({}));
      for (const tool of ["fail", "refuse"])
        said.push(await mcp.leaks[tool]({}).then(() => "went well", (error) => error.message.slice(-40)));
      return said;`;
    const { result } = await service.run(script, { check: "none" });
    const [fail, refuse] = (result as unknown[]).splice(TOOLS.length);
    expect(result).toEqual(ANSWERS.map(([, value]) => value));
    expect([fail, refuse]).toEqual([
      expect.stringMatching(/x \*\*\*$/u),
      expect.stringContaining("no rights with ***"),
    ]);
  });

  test("does not reach a slot of a batch", async () => {
    const calls = [...TOOLS, "fail", "refuse"].map((tool) => ({ server: "leaks", tool, arguments: {} }));
    const { body } = await service.post<{ readonly results: readonly object[] }>("/batch", { calls });
    expect(body.results.slice(0, TOOLS.length)).toMatchObject(ANSWERS.map(([, result]) => ({ ok: true, result })));
    expect(JSON.stringify(body)).not.toContain(SECRET);
    expect(body.results.slice(TOOLS.length)).toMatchObject([{ ok: false }, { ok: false }]);
  });

  test.each(["fail", "refuse"])("is not in a failure of %s", async (tool) => {
    const { body } = await invoke<Problem>(tool);
    expect(["TOOL_FAILED", "UPSTREAM_PROTOCOL"]).toContain(body.code);
    expect(JSON.stringify(body)).not.toContain(SECRET);
    expect(JSON.stringify(body)).toContain("***");
  });

  // The last of all: what is kept is read when the service has ended.
  test("is in nothing that is kept", async () => {
    await service.stop();
    expect(service.logs()).not.toContain(SECRET);
    const data = join(service.folder, "data");
    const files = readdirSync(data, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(1);
    for (const { parentPath, name } of files)
      expect([name, readFileSync(join(parentPath, name)).includes(SECRET)]).toEqual([name, false]);
  });
});

describe("a server's own redactResults", () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await startService({
      mcpServers: { open: leaks({ redactResults: false }), known: leaks({ redactResults: "known" }), rest: leaks() },
      redaction: { results: true },
    });
  });
  afterAll(() => service.remove());

  test("counts before that of all, in one run", async () => {
    const { result } = await service.run(
      `
      const said = {};
      for (const server of ["open", "known", "rest"])
        said[server] = [await mcp[server].text({}), (await mcp[server].shaped({})).password];
      return said;`,
      { check: "none" },
    );
    const hidden = "the token is ***, and *** it stays";
    expect(result).toEqual({
      open: [`the token is ${SECRET}, and ${SECRET} it stays`, "hunter2"],
      known: [hidden, "hunter2"],
      rest: [hidden, "***"],
    });
  });
});
