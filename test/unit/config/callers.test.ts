import { describe, expect, test } from "vitest";
import { createCallers } from "../../../src/config/callers.ts";
import { createClientKey } from "../../../src/config/clients.ts";
import type { ClientConfig } from "../../../src/config/config.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { LOCAL_PRINCIPAL, UNLISTED_PRINCIPAL } from "../../../src/config/principal.ts";

const { key, hash } = createClientKey();
const client = (id: string, keyHash: string | undefined): ClientConfig => ({
  keyHashes: keyHash === undefined ? [] : [keyHash],
  principal: { id, access: {}, admin: false },
});
const keyed = client("keyed", hash);
const named = client("named", undefined);

type Callers = Parameters<typeof createCallers>[0];
/** Who calls, by headers alone. */
const authenticate = (config: Callers, headers: Headers) =>
  createCallers(config, createManualClock()).authenticate(headers);

/** The id of who calls with these headers, or the code of the refusal. */
function callerOf(callers: Callers, headers: Readonly<Record<string, string>>): string {
  try {
    return authenticate(callers, new Headers(headers)).id;
  } catch (error) {
    return String((error as { code: unknown }).code);
  }
}

const BY_NAME = { "x-client-id": "named" };
const BY_KEY = { authorization: `Bearer ${key}` };
const REFUSED = "UNAUTHENTICATED";

describe("who calls", () => {
  const deny = "deny" as const;
  const allow = "allow" as const;
  const table: [string, Callers, Readonly<Record<string, string>>, string][] = [
    ["nobody is configured", { clients: [], defaultPolicy: deny, auth: undefined }, {}, LOCAL_PRINCIPAL.id],
    [
      "nobody is configured, a name is sent",
      { clients: [], defaultPolicy: deny, auth: undefined },
      BY_NAME,
      LOCAL_PRINCIPAL.id,
    ],
    ["the key of a client", { clients: [named, keyed], defaultPolicy: deny, auth: undefined }, BY_KEY, "keyed"],
    [
      "a key and another's name",
      { clients: [named, keyed], defaultPolicy: deny, auth: undefined },
      { ...BY_KEY, ...BY_NAME },
      "keyed",
    ],
    [
      "a wrong key and a name",
      { clients: [named, keyed], defaultPolicy: deny, auth: undefined },
      { ...BY_NAME, authorization: "Bearer rk_x" },
      REFUSED,
    ],
    [
      "the name of a client without a key",
      { clients: [named, keyed], defaultPolicy: deny, auth: undefined },
      BY_NAME,
      "named",
    ],
    [
      "the name of a client with a key",
      { clients: [named, keyed], defaultPolicy: deny, auth: undefined },
      { "x-client-id": "keyed" },
      REFUSED,
    ],
    [
      "an unknown name",
      { clients: [named], defaultPolicy: deny, auth: undefined },
      { "x-client-id": "Named" },
      REFUSED,
    ],
    ["an empty name", { clients: [named], defaultPolicy: deny, auth: undefined }, { "x-client-id": "" }, REFUSED],
    ["no header", { clients: [named], defaultPolicy: deny, auth: undefined }, {}, REFUSED],
    [
      "a name and a foreign token, where nobody has a key",
      { clients: [named], defaultPolicy: deny, auth: undefined },
      { ...BY_NAME, ...BY_KEY },
      "named",
    ],
    ["a name where others are let in", { clients: [named], defaultPolicy: allow, auth: undefined }, BY_NAME, "named"],
    [
      "no header where others are let in",
      { clients: [named], defaultPolicy: allow, auth: undefined },
      {},
      UNLISTED_PRINCIPAL.id,
    ],
    [
      "an unknown name where others are let in",
      { clients: [named], defaultPolicy: allow, auth: undefined },
      { "x-client-id": "x" },
      UNLISTED_PRINCIPAL.id,
    ],
    [
      "no header where others are let in, but somebody has a key",
      { clients: [named, keyed], defaultPolicy: allow, auth: undefined },
      {},
      REFUSED,
    ],
    [
      "the unlisted principal's own name",
      { clients: [named], defaultPolicy: deny, auth: undefined },
      { "x-client-id": "(unlisted)" },
      REFUSED,
    ],
  ];

  test.each(table)("%s", (_, callers, headers, expected) => {
    expect(callerOf(callers, headers)).toBe(expected);
  });

  test("a refusal says what to send, for the clients that there are", () => {
    const refusal = (clients: readonly ClientConfig[]): unknown => {
      try {
        return authenticate({ clients, defaultPolicy: deny, auth: undefined }, new Headers());
      } catch (error) {
        const { message, context } = error as { message: string; context: { hint: string } };
        return [message, context.hint];
      }
    };
    const what = "Cannot tell who calls: the request has no";
    const byKey = "Send `Authorization: Bearer rk_…`; `runlet keys create NAME` makes a key.";
    const byName = "Clients without a key send their name as `X-Client-ID`.";
    expect(refusal([keyed])).toEqual([`${what} key of a configured client`, byKey]);
    expect(refusal([named])).toEqual([`${what} X-Client-ID of a configured client`, byName]);
    expect(refusal([keyed, named])).toEqual([`${what} key of a configured client`, `${byKey} ${byName}`]);
  });

  test("a run that was left is its caller's as long as the caller may call", () => {
    const ids = ["local", "named", "keyed", "(unlisted)"];
    const found = (callers: Callers) =>
      ids.filter((id) => createCallers(callers, createManualClock()).find(id)?.id === id);
    expect(found({ clients: [], defaultPolicy: allow, auth: undefined })).toEqual(["local"]);
    expect(found({ clients: [named], defaultPolicy: deny, auth: undefined })).toEqual(["named"]);
    expect(found({ clients: [named], defaultPolicy: allow, auth: undefined })).toEqual(["named", "(unlisted)"]);
    expect(found({ clients: [named, keyed], defaultPolicy: allow, auth: undefined })).toEqual(["named", "keyed"]);
  });
});
