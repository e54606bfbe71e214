import { describe, expect, test } from "vitest";
import type { AuthConfig } from "../../../../src/config/auth-config.ts";
import type { Principal, Scope } from "../../../../src/config/principal.ts";
import { SCOPES } from "../../../../src/config/principal.ts";
import { createApp } from "../../../../src/http/app.ts";
import { challengeOf, protectedResource } from "../../../../src/http/auth/protected-resource.ts";
import type { ApiDocument } from "../../../../src/http/openapi.ts";
import { errorInfo } from "../../../../src/lib/errors.ts";
import { fakeDeps, readJson } from "../fakes.ts";

const names = new Map<Scope, string>(SCOPES.map((scope) => [scope, `runlet:${scope}`]));
const auth = (resource: string): AuthConfig => ({
  resource,
  issuers: [
    {
      issuer: "https://login.example",
      audiences: [resource],
      jwksUri: undefined,
      algorithms: ["ES256"],
      clockToleranceMs: 0,
      scopes: names,
    },
  ],
});

describe("a challenge", () => {
  const unauthenticated = errorInfo("UNAUTHENTICATED", "No.");

  test.each([
    ["https://a.example", "https://a.example/.well-known/oauth-protected-resource"],
    ["https://a.example/", "https://a.example/.well-known/oauth-protected-resource"],
    ["https://a.example/mcp", "https://a.example/.well-known/oauth-protected-resource/mcp"],
    ["https://a.example/tools/mcp", "https://a.example/tools/.well-known/oauth-protected-resource/mcp"],
    ["http://127.0.0.1:8377/mcp", "http://127.0.0.1:8377/.well-known/oauth-protected-resource/mcp"],
  ])("of %s points to %s", (resource, url) => {
    expect(challengeOf(unauthenticated, auth(resource))).toBe(`Bearer realm="runlet", resource_metadata="${url}"`);
  });

  test("names no metadata where no tokens are taken, and is none where a credential would not help", () => {
    expect(challengeOf(unauthenticated, undefined)).toBe('Bearer realm="runlet"');
    expect(challengeOf(errorInfo("FORBIDDEN", "No."), auth("https://a.example"))).toBeUndefined();
    expect(challengeOf(errorInfo("ISSUER_UNAVAILABLE", "No."), auth("https://a.example"))).toBeUndefined();
  });
});

test("scopes are told once, and none where the issuer has none", () => {
  const one = auth("https://a.example");
  const [issuer] = one.issuers;
  if (issuer === undefined) throw new Error("there is one");
  const two = { ...one, issuers: [issuer, { ...issuer, issuer: "https://other.example" }] };
  expect(protectedResource(two)).toMatchObject({
    authorization_servers: ["https://login.example", "https://other.example"],
    scopes_supported: ["runlet:run", "runlet:invoke", "runlet:read", "runlet:admin"],
  });
  expect(protectedResource({ ...one, issuers: [{ ...issuer, scopes: undefined }] })).toMatchObject({
    scopes_supported: [],
  });
});

test("the metadata is 404 where no tokens are taken, and there as soon as they are", async () => {
  const now: { auth: AuthConfig | undefined } = { auth: undefined };
  const app = createApp(fakeDeps({ auth: () => now.auth }));
  const path = "/.well-known/oauth-protected-resource/mcp";
  expect(await readJson(await app.request(path))).toMatchObject({ status: 404, code: "NOT_FOUND" });
  now.auth = auth("https://a.example/mcp");
  expect(await readJson(await app.request(path))).toMatchObject({ resource: "https://a.example/mcp" });
});

describe("what each operation asks of a token", () => {
  test("is in the documentation, and whatever changes something asks for more than to read", async () => {
    const document = JSON.parse(await (await createApp(fakeDeps()).request("/openapi.json")).text()) as ApiDocument;
    const asked = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => {
        const [, token] = security;
        return [method, path, token?.["token"]?.[0]] as const;
      }),
    );
    const reading = asked.filter(([, , scope]) => scope === "runlet:read");
    expect(reading.every(([method]) => method === "get")).toBe(true);
    const changing = Object.fromEntries(
      asked.filter(([method]) => method !== "get").map(([method, path, scope]) => [`${method} ${path}`, scope]),
    );
    expect(changing).toMatchObject({
      "post /run": "runlet:run",
      "delete /runs/{id}": "runlet:run",
      "post /invoke": "runlet:invoke",
      "post /batch": "runlet:invoke",
      "post /servers/{name}/restart": "runlet:admin",
      "post /servers/{name}/pins/approve": "runlet:admin",
      "delete /servers/{name}/pins": "runlet:admin",
    });
    expect(Object.values(changing)).not.toContain(undefined);
  });

  test("is asked before the body is read, with 403 and the scope that is missing", async () => {
    const principal: Principal = { id: "a", access: {}, admin: false, scopes: { granted: new Set(["read"]), names } };
    const app = createApp(fakeDeps({ authenticate: () => principal, auth: () => auth("https://a.example/mcp") }));
    const answer = await app.request("/run", { method: "POST", body: "not json" });
    expect(answer.status).toBe(403);
    expect(answer.headers.get("www-authenticate")).toContain('error="insufficient_scope", scope="runlet:run"');
    expect(await readJson(answer)).toMatchObject({ code: "FORBIDDEN", details: { scope: "runlet:run" } });
    expect((await app.request("/tools")).status).toBe(200);
  });
});
