import { describe, expect, test } from "vitest";
import type { IssuerConfig } from "../../../src/config/auth-config.ts";
import { createCallers } from "../../../src/config/callers.ts";
import type { CallersConfig } from "../../../src/config/callers.ts";
import { clientKeyHash } from "../../../src/config/clients.ts";
import type { ClientConfig } from "../../../src/config/config.ts";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import type { Principal } from "../../../src/config/principal.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const KEY = "rk_first";
const client = (id: string, change: Partial<ClientConfig> = {}): ClientConfig => ({
  keyHashes: [],
  principal: { id, access: {}, admin: false },
  ...change,
});
const keyed = (key = KEY, change: Partial<ClientConfig> = {}) =>
  client("ada", { keyHashes: [clientKeyHash(key)], ...change });
const ISSUER: IssuerConfig = {
  issuer: "https://login.example",
  audiences: ["https://us.example"],
  jwksUri: undefined,
  algorithms: ["ES256"],
  clockToleranceMs: 0,
  scopes: undefined,
};
const config = (clients: readonly ClientConfig[], change: Partial<CallersConfig> = {}): CallersConfig => ({
  clients,
  defaultPolicy: "deny",
  auth: undefined,
  ...change,
});
const AUTH = { resource: "https://us.example", issuers: [ISSUER] };
const token = { issuer: ISSUER.issuer, subject: undefined, clientId: undefined, claims: new Map<string, string>() };
const team = (change: object = {}) => client("team", { token: { ...token, principalClaim: "sub", ...change } });
const byKey = (key = KEY) => new Headers({ authorization: `Bearer ${key}` });

/** Lets a caller in by one configuration, and tells what it is by the next. */
function after(
  first: CallersConfig,
  next: CallersConfig,
  enter: (callers: ReturnType<typeof createCallers>) => Principal,
) {
  const callers = createCallers(first, createManualClock());
  const principal = enter(callers);
  expect(callers.current(principal)).toBe(principal);
  callers.replace(next);
  return callers.current(principal);
}

describe("a caller that was let in by its key", () => {
  const enter = (callers: ReturnType<typeof createCallers>) => callers.authenticate(byKey());

  test("stays while its client has that key, with the rules of the client now", () => {
    const narrowed = { id: "ada", access: { servers: ["files"] }, admin: false };
    expect(after(config([keyed()]), config([keyed()]), enter)).toEqual(keyed().principal);
    expect(after(config([keyed()]), config([keyed(KEY, { principal: narrowed })]), enter)).toBe(narrowed);
  });

  test.each([
    ["its client is gone", config([client("bob", { keyHashes: [clientKeyHash("rk_bob")] })])],
    ["its client has another key", config([keyed("rk_second")])],
    ["its client has no key", config([client("ada")])],
    ["its key is another client's", config([client("eve", { keyHashes: [clientKeyHash(KEY)] })])],
    ["there are no clients", config([])],
  ])("is nobody when %s", (_, next) => {
    expect(after(config([keyed()]), next, enter)).toBeUndefined();
  });

  test("is let in again when its client is back", () => {
    const callers = createCallers(config([keyed()]), createManualClock());
    const principal = enter(callers);
    callers.replace(config([]));
    expect(callers.current(principal)).toBeUndefined();
    callers.replace(config([keyed()]));
    expect(callers.current(principal)?.id).toBe("ada");
  });

  test("is nobody from the moment its key expires, and is refused by name", () => {
    const clock = createManualClock(1_000);
    const callers = createCallers(config([keyed(KEY, { keyExpiresAtMs: 1_500 })]), clock);
    const principal = enter(callers);
    clock.advance(499);
    expect(callers.current(principal)).toBe(principal);
    clock.advance(1);
    expect(callers.current(principal)).toBeUndefined();
    expect(() => enter(callers)).toThrow("Cannot accept the key as it must not be over: that of ada is.");
  });

  test("is nobody when a new configuration ends its key earlier", () => {
    const next = config([keyed(KEY, { keyExpiresAtMs: 1 })]);
    expect(after(config([keyed()]), next, enter)).toBeUndefined();
  });
});

describe("a caller that was let in without a key", () => {
  const enter = (callers: ReturnType<typeof createCallers>) =>
    callers.authenticate(new Headers({ "x-client-id": "ada" }));

  test("where nobody was configured is nobody once somebody is", () => {
    expect(after(config([]), config([]), enter)?.id).toBe("local");
    expect(after(config([]), config([keyed()]), enter)).toBeUndefined();
  });

  test("by its name is nobody once the name has a key", () => {
    expect(after(config([client("ada")]), config([client("ada")]), enter)?.id).toBe("ada");
    expect(after(config([client("ada")]), config([keyed()]), enter)).toBeUndefined();
  });

  test("as unlisted is nobody once such are refused", () => {
    const first = config([client("bob")], { defaultPolicy: "allow" });
    expect(after(first, first, enter)?.id).toBe("(unlisted)");
    expect(after(first, config([client("bob")]), enter)).toBeUndefined();
    expect(after(first, config([client("bob"), keyed()], { defaultPolicy: "allow" }), enter)).toBeUndefined();
  });
});

describe("a caller that was let in by a token", () => {
  const first = config([team()], { auth: AUTH });
  const enter = (callers: ReturnType<typeof createCallers>) =>
    callers.admit({ issuer: ISSUER.issuer, claims: { sub: "ada", group: ["ops"] } });

  test("stays while a client fits its claims, with the rules of the client now", () => {
    const narrowed = { id: "team", access: { servers: [] }, admin: false };
    const next = config([{ ...team(), principal: narrowed }], { auth: AUTH });
    expect(after(first, next, enter)).toEqual({ id: "team:ada", access: { servers: [] }, admin: false });
  });

  test.each([
    ["no token is taken", config([keyed()])],
    ["its issuer is not taken", config([team()], { auth: { ...AUTH, issuers: [] } })],
    ["its client is gone", config([keyed()], { auth: AUTH })],
    ["its client wants another subject", config([team({ subject: "bob" })], { auth: AUTH })],
    ["its client wants another claim", config([team({ claims: new Map([["group", "dev"]]) })], { auth: AUTH })],
    ["it would be another principal", config([team({ principalClaim: undefined })], { auth: AUTH })],
  ])("is nobody when %s", (_, next) => {
    expect(after(first, next, enter)).toBeUndefined();
  });

  test("is refused when no client fits", () => {
    const callers = createCallers(config([team({ subject: "bob" })], { auth: AUTH }), createManualClock());
    expect(() => enter(callers)).toThrow(expect.objectContaining({ code: "FORBIDDEN" }));
  });
});

describe("the owner of a run that an earlier process left", () => {
  test("is judged by its id, one of a client's many principals too", () => {
    const callers = createCallers(config([keyed(), team()], { auth: AUTH }), createManualClock());
    const ada = callers.find("ada");
    const one = callers.find("team:ada");
    expect([ada?.id, one?.id, callers.find("team"), callers.find("gone")]).toMatchObject([
      "ada",
      "team:ada",
      {},
      undefined,
    ]);
    callers.replace(config([keyed()]));
    if (ada === undefined || one === undefined) throw new Error("both are there");
    expect([callers.current(ada)?.id, callers.current(one)]).toEqual(["ada", undefined]);
  });
});

test("a principal that authentication did not give is vouched for by who made it", () => {
  const callers = createCallers(config([keyed()]), createManualClock());
  expect(callers.current(LOCAL_PRINCIPAL)).toBe(LOCAL_PRINCIPAL);
});

test("of two keys of a client the one that is taken away ends, and the other goes on", () => {
  const [old, next] = ["rk_old", "rk_next"];
  const both = [clientKeyHash(old), clientKeyHash(next)];
  const callers = createCallers(config([client("ada", { keyHashes: both })]), createManualClock());
  const [byOld, byNext] = [old, next].map((key) =>
    callers.authenticate(new Headers({ authorization: `Bearer ${key}` })),
  );
  if (byOld === undefined || byNext === undefined) throw new Error("both keys are let in");
  expect([byOld.id, byNext.id]).toEqual(["ada", "ada"]);
  callers.replace(config([client("ada", { keyHashes: [clientKeyHash(next)] })]));
  expect(callers.current(byOld)).toBeUndefined();
  expect(callers.current(byNext)?.id).toBe("ada");
});
