import { describe, expect, test } from "vitest";
import type { CatalogReader } from "../../../src/catalog/catalog.ts";
import { SANDBOX_DECLARATIONS } from "../../../src/catalog/declarations/sandbox-declarations.ts";
import { createApp } from "../../../src/http/app.ts";
import { fakeCatalog, fakeDeps, fakeTool, readJson } from "./fakes.ts";

describe("GET /tools", () => {
  test("gives each tool with schemas, class and declaration", async () => {
    const answer = await createApp(fakeDeps()).request("/tools", { headers: { "x-client-id": "older-client" } });
    expect(answer.status).toBe(200);
    const { tools, ...rest } = await readJson(answer);
    expect(rest).toEqual({});
    expect(tools).toHaveLength(3);
    expect((tools as unknown[])[0]).toEqual({
      server: "files",
      name: "read_file",
      description: "Does read_file.",
      inputSchema: { type: "object" },
      outputSchema: { type: "object" },
      annotations: { readOnlyHint: true },
      class: "read",
      declaration: "mcp.files.read_file(args: {}): Promise<unknown>",
    });
    expect(Object.keys((tools as object[])[1] ?? {})).toEqual([
      "server",
      "name",
      "description",
      "inputSchema",
      "class",
      "declaration",
    ]);
  });

  test("asks for the catalog of the caller's own access, and waits for servers that are starting", async () => {
    const asked: CatalogReader[] = [];
    const caller = { id: "agent", access: { servers: ["files"] }, admin: false };
    const deps = fakeDeps({
      authenticate: () => caller,
      catalogs: {
        current: () => {
          throw new Error("did not wait");
        },
        settled: async (reader) => (asked.push(reader), fakeCatalog()),
      },
    });
    for (const path of ["/tools", "/tools/search", "/tools/files/read_file", "/declarations"]) {
      expect((await createApp(deps).request(path)).status).toBe(200);
    }
    expect(asked).toEqual([caller, caller, caller, caller]);
  });

  test("pages through all tools once each, whatever the page size", async () => {
    const all = Array.from({ length: 23 }, (_, i) => fakeTool(i < 9 ? "a" : "b", `tool ${i % 9}${i}`));
    const app = createApp(
      fakeDeps({ catalogs: { current: () => fakeCatalog(all), settled: async () => fakeCatalog(all) } }),
    );
    for (const limit of [1, 5, 22, 23, 5_000]) {
      const seen: unknown[] = [];
      for (let cursor: unknown = ""; ;) {
        const after = cursor === "" ? "" : `&cursor=${cursor}`;
        const page = await readJson(await app.request(`/tools?limit=${limit}${after}`));
        seen.push(...(page["tools"] as { name: string }[]).map(({ name }) => name));
        if (page["nextCursor"] === undefined) break;
        cursor = page["nextCursor"];
      }
      expect(seen).toEqual(all.map(({ name }) => name));
    }
  });

  test("keeps to one server where asked, and names the nearest for an unknown one", async () => {
    const app = createApp(fakeDeps());
    expect((await readJson(await app.request("/tools?server=github")))["tools"]).toMatchObject([{ server: "github" }]);
    const answer = await app.request("/tools?server=githib");
    expect(answer.status).toBe(404);
    expect(await readJson(answer)).toMatchObject({ code: "NOT_FOUND", hint: "Did you mean github?" });
  });

  test("names the servers whose tools are missing", async () => {
    const catalog = fakeCatalog([fakeTool("files", "read_file")], ["github"]);
    const app = createApp(fakeDeps({ catalogs: { current: () => catalog, settled: async () => catalog } }));
    expect(await readJson(await app.request("/tools"))).toMatchObject({ unlisted: ["github"] });
    expect(await readJson(await app.request("/tools?server=files"))).not.toHaveProperty("unlisted");
  });

  test.each(["limit=5001", "limit=0", "cursor=abc", "cursor=WyJ4IiwieSJd", "cursor=bnVsbA"])(
    "refuses ?%s",
    async (query) => {
      const answer = await createApp(fakeDeps()).request(`/tools?${query}`);
      expect(answer.status).toBe(400);
      expect((await readJson(answer))["problems"]).toMatchObject([{ in: "query" }]);
    },
  );
});

describe("GET /tools/search", () => {
  test("gives the hits with their declarations and how many there are", async () => {
    const answer = await createApp(fakeDeps()).request("/tools/search?q=file&limit=1");
    expect(await readJson(answer)).toEqual({
      results: [
        {
          server: "files",
          name: "read_file",
          description: "Does read_file.",
          declaration: "mcp.files.read_file(args: {}): Promise<unknown>",
          score: 1,
        },
      ],
      total: 2,
    });
  });

  test("passes offset and server on", async () => {
    const app = createApp(fakeDeps());
    const offset = await readJson(await app.request("/tools/search?q=file&offset=1"));
    expect(offset["results"]).toMatchObject([{ name: "write_file" }]);
    expect(await readJson(await app.request("/tools/search?server=github"))).toMatchObject({ total: 1 });
    expect((await app.request("/tools/search?server=nowhere")).status).toBe(404);
  });

  test("names the servers whose tools are missing", async () => {
    const catalog = fakeCatalog([fakeTool("files", "read_file")], ["github"]);
    const app = createApp(fakeDeps({ catalogs: { current: () => catalog, settled: async () => catalog } }));
    expect(await readJson(await app.request("/tools/search?q=file"))).toMatchObject({ unlisted: ["github"] });
    expect(await readJson(await app.request("/tools/search?q=file&server=files"))).not.toHaveProperty("unlisted");
  });

  test.each(["limit=101", "offset=-1", "query=x"])("refuses ?%s", async (query) => {
    expect((await createApp(fakeDeps()).request(`/tools/search?${query}`)).status).toBe(400);
  });
});

describe("GET /tools/{server}/{tool}", () => {
  test("finds a tool whose name needs escaping", async () => {
    const answer = await createApp(fakeDeps()).request(`/tools/github/${encodeURIComponent("search/issues")}`);
    expect(await readJson(answer)).toMatchObject({ server: "github", name: "search/issues" });
  });

  test("names the nearest of the server's tools for an unknown one", async () => {
    const answer = await createApp(fakeDeps()).request("/tools/files/readfile");
    expect(answer.status).toBe(404);
    expect(await readJson(answer)).toMatchObject({
      code: "TOOL_NOT_FOUND",
      hint: "Did you mean read_file, write_file?",
      details: { nearest: ["read_file", "write_file"] },
    });
  });
});

describe("GET /declarations", () => {
  test("gives TypeScript, of some servers where asked", async () => {
    const app = createApp(fakeDeps());
    const all = await app.request("/declarations");
    expect(all.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await all.text()).toBe(`${SANDBOX_DECLARATIONS}declare const mcp: { /* all */ };\n`);
    const some = await app.request("/declarations?servers=github,%20files");
    expect(await some.text()).toBe(`${SANDBOX_DECLARATIONS}declare const mcp: { /* github files */ };\n`);
    expect((await app.request("/declarations?servers=github,nowhere")).status).toBe(404);
  });
});
