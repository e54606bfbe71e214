import { describe, expect, test } from "vitest";
import type { ClientTokenConfig } from "../../../src/config/auth-config.ts";
import type { ClientConfig } from "../../../src/config/config.ts";
import { mayDo, requireScope } from "../../../src/config/scopes.ts";
import { SCOPES } from "../../../src/config/principal.ts";
import type { Scope } from "../../../src/config/principal.ts";
import { judgeToken } from "../../../src/config/token-clients.ts";

const ISSUER = "https://login.example";
const NAMES = new Map<Scope, string>(SCOPES.map((scope) => [scope, `x:${scope}`]));

function client(id: string, token: Partial<ClientTokenConfig>, admin = false): ClientConfig {
  const any = { issuer: ISSUER, subject: undefined, clientId: undefined, claims: new Map(), principalClaim: undefined };
  return { keyHashes: [], principal: { id, access: {}, admin }, token: { ...any, ...token } };
}

function judge(
  clients: readonly ClientConfig[],
  claims: Readonly<Record<string, unknown>>,
  scopes?: ReadonlyMap<Scope, string>,
) {
  const issuer = { issuer: ISSUER, audiences: [], jwksUri: undefined, algorithms: [], clockToleranceMs: 0, scopes };
  return judgeToken({ clients, auth: { resource: "", issuers: [issuer] } }, { issuer: ISSUER, claims })?.principal;
}

describe("whose a token is", () => {
  const rows: [string, Partial<ClientTokenConfig>, Readonly<Record<string, unknown>>, string | undefined][] = [
    ["its subject's", { subject: "ada" }, { sub: "ada" }, "c"],
    ["not another subject's", { subject: "ada" }, { sub: "Ada" }, undefined],
    ["its client's", { clientId: "app" }, { client_id: "app" }, "c"],
    ["its authorized party's, where it names no client", { clientId: "app" }, { azp: "app" }, "c"],
    [
      "not its authorized party's, where it names a client",
      { clientId: "app" },
      { azp: "app", client_id: "x" },
      undefined,
    ],
    ["who has the claim", { claims: new Map([["team", "ops"]]) }, { team: "ops" }, "c"],
    ["who has it in a list", { claims: new Map([["team", "ops"]]) }, { team: ["dev", "ops"] }, "c"],
    [
      "who has it as a number or a truth",
      {
        claims: new Map([
          ["a", "1"],
          ["b", "true"],
        ]),
      },
      { a: 1, b: true },
      "c",
    ],
    ["not who has a text that holds it", { claims: new Map([["team", "ops"]]) }, { team: "dev ops" }, undefined],
    ["not who has an object of that text", { claims: new Map([["team", "[object Object]"]]) }, { team: {} }, undefined],
    ["not who inherits the claim", { claims: new Map([["constructor", "x"]]) }, {}, undefined],
    ["one of many's", { principalClaim: "sub" }, { sub: "ada@x.example" }, "c:ada@x.example"],
    ["not one's without a name", { principalClaim: "sub" }, {}, undefined],
    ["not one's whose name is no name", { principalClaim: "sub" }, { sub: "a b\n" }, undefined],
    ["not one's whose name is a number", { principalClaim: "sub" }, { sub: 7 }, undefined],
    ["not one's whose name is endless", { principalClaim: "sub" }, { sub: "x".repeat(256) }, undefined],
    ["not one's by the prototype", { principalClaim: "toString" }, {}, undefined],
  ];

  test.each(rows)("%s", (_, token, claims, expected) => {
    expect(judge([client("c", token)], claims)?.id).toBe(expected);
  });

  test("the first client's that it fits; none of another issuer", () => {
    const foreign = client("foreign", { issuer: "https://x.example", subject: "ada" });
    const clients = [foreign, client("ada", { subject: "ada" }), client("all", { principalClaim: "sub" })];
    expect(judge(clients, { sub: "ada" })?.id).toBe("ada");
    expect(judge(clients, { sub: "bob" })?.id).toBe("all:bob");
    expect(judge([foreign], { sub: "ada" })).toBeUndefined();
  });
});

describe("what a token lets do", () => {
  const can = (claims: Readonly<Record<string, unknown>>, admin = true) => {
    const principal = judge([client("c", { subject: "a" }, admin)], { sub: "a", ...claims }, NAMES);
    return principal === undefined ? [] : SCOPES.filter((scope) => mayDo(principal, scope));
  };

  test.each([
    [{}, []],
    [{ scope: "x:run" }, ["run", "read"]],
    [{ scope: "x:invoke other" }, ["invoke", "read"]],
    [{ scope: "x:read" }, ["read"]],
    [{ scope: "x:admin" }, ["read", "admin"]],
    [{ scp: ["x:run", "x:invoke"] }, ["run", "invoke", "read"]],
    [{ scp: "x:run" }, ["run", "read"]],
    [{ scope: "x:running x:ru x:run:all" }, []],
    [{ scope: ["x:run"] }, ["run", "read"]],
    [{ scope: 7 }, []],
  ])("%j", (claims, expected) => {
    expect(can(claims)).toEqual(expected);
  });

  test("is never more than its client may", () => {
    expect(can({ scope: "x:admin x:run" }, false)).toEqual(["run", "read"]);
  });

  test("is what its client may, where the issuer has no scopes", () => {
    const principal = judge([client("c", { subject: "a" }, true)], { sub: "a" });
    expect(principal).toEqual({ id: "c", access: {}, admin: true });
  });

  test("is told when it is not enough; where a token would not help, that is told", () => {
    const principal = judge([client("c", { subject: "a" })], { sub: "a", scope: "x:read x:admin" }, NAMES);
    if (principal === undefined) throw new Error("there is one");
    expect(() => requireScope(principal, "read", "look")).not.toThrow();
    expect(() => requireScope(principal, "run", "POST /run")).toThrow(
      expect.objectContaining({
        code: "FORBIDDEN",
        message: "Cannot POST /run as the access token must have the scope x:run.",
        context: expect.objectContaining({ details: { error: "insufficient_scope", scope: "x:run" } }),
      }),
    );
    expect(() => requireScope(principal, "admin", "restart")).toThrow(
      "Cannot restart as only administrators may: current principal is c.",
    );
  });
});
