import { describe, expect, test } from "vitest";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import { createApp } from "../../../src/http/app.ts";
import { isOwnAuthority, isOwnOrigin } from "../../../src/http/middleware/host-guard.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { fakeDeps, postJson, readJson } from "./fakes.ts";

const config = { host: "0.0.0.0", port: 8377, allowedHosts: ["runlet.example", "*.corp.example", "proxy:9000"] };
const listener = { localAddress: "::ffff:10.1.2.3", localPort: 8377 };

describe("the host guard", () => {
  test.each(["localhost:8377", "127.0.0.1:8377", "[::1]:8377", "LOCALHOST:8377", "10.1.2.3:8377"])(
    "takes the listener's own name %s",
    (host) => {
      expect(isOwnAuthority(host, config, listener)).toBe(true);
    },
  );

  test.each(["runlet.example", "Runlet.Example:443", "a.corp.example:1", "proxy:9000"])(
    "takes %s, which the operator allows",
    (host) => {
      expect(isOwnAuthority(host, config, listener)).toBe(true);
    },
  );

  test.each([
    "evil.example:8377",
    "localhost",
    "localhost:80",
    "localhost.evil.example:8377",
    "127.0.0.1.evil.example:8377",
    "10.1.2.4:8377",
    "proxy:9001",
    "runlet.example.evil.example",
    "xrunlet.example",
    "user@localhost:8377",
    "localhost:8377/",
    "localhost:083770",
    "",
  ])("refuses %j", (host) => {
    expect(isOwnAuthority(host, config, listener)).toBe(false);
  });

  test("takes a host without a port where the port is the scheme's own", () => {
    expect(isOwnAuthority("localhost", config, { localAddress: "127.0.0.1", localPort: 80 })).toBe(true);
    expect(isOwnAuthority("[::1]", config, { localAddress: "::1", localPort: 80 })).toBe(true);
  });

  test("takes the pages of our own origins only", () => {
    expect(isOwnOrigin("http://localhost:8377", config, listener)).toBe(true);
    expect(isOwnOrigin("https://runlet.example", config, listener)).toBe(true);
    for (const origin of [
      "null",
      "http://localhost:3000",
      "https://evil.example",
      "file://localhost",
      "",
      "chrome://x",
    ]) {
      expect(isOwnOrigin(origin, config, listener), origin).toBe(false);
    }
  });

  test.each([
    ["Host", { host: "evil.example" }],
    ["Origin", { origin: "https://evil.example" }],
    ["Origin", { origin: "null" }],
  ])("refuses a request with a foreign %s before anything else is done", async (name, headers) => {
    let authenticated = 0;
    const deps = fakeDeps({ authenticate: () => ((authenticated += 1), LOCAL_PRINCIPAL) });
    const answer = await createApp(deps).request("/run", postJson({ script: "1" }, headers));
    expect(answer.status).toBe(403);
    expect(await readJson(answer)).toMatchObject({ code: "FORBIDDEN", detail: expect.stringContaining(name) });
    expect(authenticated).toBe(0);
    expect(deps.runs.submitted).toEqual([]);
  });

  test("guards the public routes too", async () => {
    const answer = await createApp(fakeDeps()).request("/healthz", { headers: { host: "evil.example" } });
    expect(answer.status).toBe(403);
  });
});

describe("every answer", () => {
  test("has the caller's request id, or a new one where that is not well formed", async () => {
    const app = createApp(fakeDeps());
    const given = await app.request("/healthz", { headers: { "x-request-id": "abc-1.2:3" } });
    expect(given.headers.get("x-request-id")).toBe("abc-1.2:3");
    for (const bad of ["a b", "x".repeat(129), '"', "é"]) {
      const fresh = await app.request("/healthz", { headers: { "x-request-id": bad } });
      expect(fresh.headers.get("x-request-id")).toMatch(/^req_\w{22}$/u);
    }
  });

  test("returns a well formed traceparent and no other", async () => {
    const app = createApp(fakeDeps());
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const answer = await app.request("/healthz", { headers: { traceparent } });
    expect(answer.headers.get("traceparent")).toBe(traceparent);
    const other = await app.request("/healthz", { headers: { traceparent: "00-x-y-01" } });
    expect(other.headers.has("traceparent")).toBe(false);
  });

  test("keeps browsers from guessing, framing, caching and running, problems included", async () => {
    const app = createApp(fakeDeps());
    for (const path of ["/healthz", "/nothing", "/run"]) {
      const { headers } = await app.request(path);
      expect(Object.fromEntries(headers)).toMatchObject({
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      });
    }
  });
});

describe("authentication", () => {
  test("refuses with 401 and says how, without reading the body", async () => {
    const deps = fakeDeps({
      authenticate: () => {
        throw new RunletError("UNAUTHENTICATED", "Cannot answer as a key is needed: current value is none.");
      },
    });
    const answer = await createApp(deps).request("/run", { method: "POST", body: "not json" });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="runlet"');
    expect(await readJson(answer)).toMatchObject({ code: "UNAUTHENTICATED", status: 401 });
  });

  test("is asked of every route but health, readiness and documentation", async () => {
    const refuse = () => {
      throw new RunletError("UNAUTHENTICATED", "Cannot answer as a key is needed.");
    };
    const app = createApp(fakeDeps({ authenticate: refuse, mcpHandler: async () => new Response("never") }));
    const open = new Set([
      "GET /healthz",
      "GET /readyz",
      "GET /openapi.json",
      "GET /schema.json",
      "GET /docs",
      "GET /.well-known/oauth-protected-resource",
      "GET /.well-known/oauth-protected-resource/mcp",
      "GET /",
    ]);
    const routes = app.routes.filter(({ method, path }) => method !== "ALL" && path !== "/*");
    const names = new Set([...routes.map(({ method, path }) => `${method} ${path}`), "POST /mcp"]);
    expect(names.size).toBeGreaterThan(18);
    for (const name of names) {
      const [method = "", path = ""] = name.split(" ");
      const answer = await app.request(path.replaceAll(/:\w+/gu, "x"), { method });
      expect(answer.status === 401, name).toBe(!open.has(name));
    }
  });

  test("reads the headers and gives the principal to the services", async () => {
    const principal = { id: "agent", access: {}, admin: false };
    const deps = fakeDeps({
      authenticate: async (headers) => {
        expect(headers.get("authorization")).toBe("Bearer rk_test");
        return principal;
      },
    });
    await createApp(deps).request("/run", postJson({ script: "1" }, { authorization: "Bearer rk_test" }));
    expect(deps.runs.submitted[0]?.principal).toBe(principal);
  });
});

describe("a request that no operation takes", () => {
  test("has an unknown path: 404", async () => {
    const answer = await createApp(fakeDeps()).request("/runz");
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await readJson(answer)).toEqual({
      type: "about:blank",
      title: "Not found",
      status: 404,
      detail: "Cannot GET this path as there is no such route.",
      code: "NOT_FOUND",
      fault: "client",
      retryable: false,
      hint: "GET /openapi.json lists the routes.",
      requestId: answer.headers.get("x-request-id"),
    });
  });

  test.each([
    ["GET", "/run", "POST"],
    ["PUT", "/runs/run_1", "GET, HEAD, DELETE"],
    ["POST", "/tools/search", "GET, HEAD"],
    ["OPTIONS", "/invoke", "POST"],
  ])("has a method the path does not take: %s %s is 405", async (method, path, allow) => {
    const answer = await createApp(fakeDeps()).request(path, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe(allow);
    expect(await readJson(answer)).toMatchObject({ code: "METHOD_NOT_ALLOWED" });
  });

  test("has /mcp where nothing serves it", async () => {
    expect((await createApp(fakeDeps()).request("/mcp", { method: "POST" })).status).toBe(404);
  });
});

describe("the access log", () => {
  test("has method, route pattern, status and time, never a body, a query or a path", async () => {
    const deps = fakeDeps();
    const app = createApp(deps);
    await app.request("/runs/secret-id?limit=secret-query", { headers: { "x-client-id": "old-client" } });
    await app.request("/run", postJson({ script: "secret-script" }));
    await app.request("/secret-path");
    expect(
      deps.log.lines.map(({ level, fields }) => [level, fields["method"], fields["route"], fields["status"]]),
    ).toEqual([
      ["info", "GET", "/runs/:id", 400],
      ["info", "POST", "/run", 200],
      ["info", "GET", "(none)", 404],
    ]);
    expect(deps.log.lines[0]?.fields).toMatchObject({
      requestId: expect.stringMatching(/^req_/u),
      ms: expect.any(Number),
      principal: "local",
      clientId: "old-client",
    });
    expect(JSON.stringify(deps.log.lines)).not.toContain("secret");
  });

  test("is quiet about probes", async () => {
    const deps = fakeDeps();
    await createApp(deps).request("/healthz");
    expect(deps.log.lines.map(({ level }) => level)).toEqual(["debug"]);
  });
});

describe("a failure nobody foresaw", () => {
  test.each([
    ["an error", new TypeError("secret inside")],
    ["no error", "secret inside"],
  ])("is told as INTERNAL without its cause, which is logged: %s", async (_, thrown) => {
    const deps = fakeDeps();
    deps.runs.get = () => Promise.reject(thrown);
    const answer = await createApp(deps).request("/runs/run_1");
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({ code: "INTERNAL", fault: "service" });
    expect(text).not.toContain("secret");
    const logged = deps.log.lines.filter(({ level }) => level === "error");
    expect(logged).toHaveLength(1);
    expect(logged[0]?.fields).toMatchObject({ code: "INTERNAL", route: "/runs/:id", err: expect.any(Error) });
  });

  test("of an upstream is a warning with its own status", async () => {
    const deps = fakeDeps();
    deps.gateway.answer = () => {
      throw new RunletError("TOOL_TIMEOUT", "Cannot wait longer.", { server: "files", tool: "read_file" });
    };
    const answer = await createApp(deps).request("/invoke", postJson({ server: "files", tool: "read_file" }));
    expect(answer.status).toBe(504);
    expect(await readJson(answer)).toMatchObject({ code: "TOOL_TIMEOUT", server: "files", tool: "read_file" });
    expect(deps.log.lines.map(({ level }) => level)).toEqual(["warn", "info"]);
  });

  test.each([
    ["a full queue", "QUEUE_FULL", 503],
    ["a task where there is no model", "MODEL_NOT_CONFIGURED", 501],
  ] as const)("that a client can provoke at will, %s, fills the log with no stacks", async (_, code, status) => {
    const deps = fakeDeps();
    deps.gateway.answer = () => {
      throw new RunletError(code, "Cannot do this.");
    };
    const answer = await createApp(deps).request("/invoke", postJson({ server: "files", tool: "read_file" }));
    expect(answer.status).toBe(status);
    const [refused] = deps.log.lines;
    expect(refused).toMatchObject({ level: "warn", fields: { code } });
    expect(refused?.fields).not.toHaveProperty("err");
  });
});
