import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { optionsJsonSchema } from "../../../src/config/json-schema.ts";
import { createApp } from "../../../src/http/app.ts";
import { docsPage, escapeHtml } from "../../../src/http/docs-page.ts";
import type { ApiDocument } from "../../../src/http/openapi.ts";
import { openApiDocument } from "../../../src/http/openapi.ts";
import { operation } from "../../../src/http/operation.ts";
import { fakeDeps, postJson, readJson } from "./fakes.ts";

const app = createApp(fakeDeps());

async function readDocument(): Promise<ApiDocument> {
  return (await (await app.request("/openapi.json")).json()) as ApiDocument;
}

describe("probes", () => {
  test("health is answered while the process lives", async () => {
    const answer = await app.request("/healthz");
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toEqual({ status: "ok", version: "1.2.3" });
  });

  test.each([
    [true, 200],
    [false, 503],
  ])("readiness %s is %i, with what was checked", async (ready, status) => {
    const state = { ready, checks: { store: { ok: ready, detail: "sqlite" } } };
    const answer = await createApp(fakeDeps({ readiness: async () => state })).request("/readyz");
    expect(answer.status).toBe(status);
    expect(await readJson(answer)).toEqual(state);
  });

  test("metrics are Prometheus text", async () => {
    const answer = await app.request("/metrics");
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toBe("# HELP runlet_up 1\n");
  });
});

describe("/docs", () => {
  test("is what a browser is led to that asks for the address alone", async () => {
    const answer = await app.request("/");
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/docs"]);
  });

  test("shows what stands in backticks as code, and nothing as markup", () => {
    const page = docsPage({
      openapi: "3.1.0",
      info: { title: "T", version: "1", description: "Give `<b>` or `x`." },
      paths: {},
      components: { schemas: {}, securitySchemes: {} },
    } as unknown as ApiDocument);
    expect(page).toContain("Give <code>&lt;b&gt;</code> or <code>x</code>.");
  });
});

describe("/schema.json", () => {
  test("is the JSON Schema of configurations, for anybody", async () => {
    const answer = await createApp(fakeDeps()).request("/schema.json");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/schema+json"]);
    expect(await answer.json()).toEqual(optionsJsonSchema());
  });
});

describe("/openapi.json", () => {
  test("has every route of the app, and no other", async () => {
    const { openapi, info, paths } = await readDocument();
    expect(openapi).toBe("3.1.0");
    expect(info.version).toBe("1.2.3");
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/gu, "{$1}")}`);
    const undocumented = new Set(["GET /openapi.json", "GET /schema.json", "GET /docs", "GET /"]);
    expect(new Set(documented)).toEqual(new Set(served).difference(undocumented));
  });

  test("has a different id for every operation and a parameter for every part of a path", async () => {
    const { paths } = await readDocument();
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.values(methods).map((operation) => ({ path, operation })),
    );
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { path, operation } of operations) {
      const named = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => `{${name}}`);
      expect(named).toEqual(path.match(/\{\w+\}/gu) ?? []);
    }
  });

  test("has only references that lead somewhere", async () => {
    const document = await readDocument();
    const references = JSON.stringify(document).match(/(?<="\$ref":"#\/components\/schemas\/)\w+/gu) ?? [];
    expect(references.length).toBeGreaterThan(10);
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining([...new Set(references)]));
  });

  test("describes what is answered", async () => {
    const document = await readDocument();
    const ajv = new Ajv2020({ allErrors: true, strict: false });
    ajv.addSchema({ $id: "doc", ...document });
    const invoke = { server: "files", tool: "read_file" };
    const requests: [string, string, RequestInit?][] = [
      ["/run", "post", postJson({ script: "1" })],
      ["/runs", "get"],
      ["/runs/{id}", "get"],
      ["/runs/{id}/result", "get"],
      ["/runs/{id}/logs", "get"],
      ["/tools", "get"],
      ["/tools/search", "get"],
      ["/tools/files/read_file", "get"],
      ["/invoke", "post", postJson(invoke)],
      ["/batch", "post", postJson({ calls: [invoke] })],
      ["/servers", "get"],
      ["/servers/files/restart", "post", { method: "POST" }],
      ["/healthz", "get"],
      ["/readyz", "get"],
      ["/runs/none", "get"],
    ];
    for (const [path, method, init] of requests) {
      const answer = await app.request(path.replace("{id}", "run_1"), init);
      const template = path
        .replace("/files/read_file", "/{server}/{tool}")
        .replace("/files/", "/{name}/")
        .replace("/none", "/{id}");
      const status = answer.ok ? String(answer.status) : "default";
      const type = answer.headers.get("content-type") ?? "";
      const pointer = ["", "paths", template, method, "responses", status, "content", type, "schema"].map((part) =>
        encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")),
      );
      const valid = ajv.validate({ $ref: `doc#${pointer.join("/")}` }, await answer.json());
      expect(ajv.errors, `${method} ${path}`).toBeNull();
      expect(valid).toBe(true);
    }
  });
});

describe("/docs", () => {
  test("is what a browser is led to that asks for the address alone", async () => {
    const answer = await app.request("/");
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/docs"]);
  });

  test("is one page that loads nothing and runs nothing", async () => {
    const answer = await app.request("/docs");
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    const page = await answer.text();
    expect(page).not.toMatch(/<script|<link|<img|src=|https?:\/\//u);
    for (const path of Object.keys((await readDocument()).paths)) expect(page).toContain(`<code>${path}</code>`);
  });

  test("escapes whatever it shows", () => {
    const evil = `"><script>alert('1')</script>&`;
    const document = openApiDocument(
      [
        operation({
          method: "GET",
          path: "/x",
          access: "caller",
          tag: "Tools",
          summary: evil,
          query: { schema: { type: "object", properties: { [evil]: { type: "string", description: evil } } } },
          headers: { [evil]: evil },
          answers: { 200: { description: evil, type: evil, schema: { description: evil } } },
          handle: () => new Response(),
        }),
      ],
      evil,
    );
    const page = docsPage(document);
    expect(page).not.toContain("<script");
    expect(page).toContain(escapeHtml(evil));
    expect(escapeHtml(evil)).toBe("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;");
  });
});

describe("/mcp", () => {
  test("gives the handler the request whole, and its answer back with our headers", async () => {
    const deps = fakeDeps({
      mcpHandler: async (request, principal) => {
        const body = request.body === null ? "" : await request.text();
        return new Response(`${request.method} ${principal.id} ${body}`, { headers: { "mcp-session-id": "s" } });
      },
    });
    const mcp = createApp(deps);
    const answer = await mcp.request("/mcp", postJson({ jsonrpc: "2.0" }));
    expect(await answer.text()).toBe('POST local {"jsonrpc":"2.0"}');
    expect(answer.headers.get("mcp-session-id")).toBe("s");
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/u);
    expect(await (await mcp.request("/mcp")).text()).toBe("GET local ");
    expect(deps.log.lines.map(({ fields }) => fields["route"])).toEqual(["/mcp", "/mcp"]);
  });

  test("refuses a body over the limit before the handler sees it", async () => {
    const deps = fakeDeps({
      config: { ...fakeDeps().config, maxBodyBytes: 5 },
      mcpHandler: () => Promise.reject(new Error("was called")),
    });
    expect((await createApp(deps).request("/mcp", postJson({ jsonrpc: "2.0" }))).status).toBe(413);
  });
});
