import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRedactor, isSecretMember } from "../../../src/observability/redact.ts";

const redactor = createRedactor([]);
const text = (input: string): string => redactor.text(input);
const value = (input: unknown): unknown => redactor.value(input);

describe("known secrets", () => {
  const known = createRedactor(["s3cret-value", 'with "quotes"\nand lines', "a+b/c=", "s3cret-value-longer", "x.y*z"]);

  test.each([
    ["before s3cret-value after", "before *** after"],
    ["s3cret-values3cret-value", "******"],
    ["s3cret-value-longer", "***"],
    ['it is with "quotes"\nand lines.', "it is ***."],
    [JSON.stringify({ a: 'with "quotes"\nand lines' }), '{"a":"***"}'],
    ["https://x/?q=a%2Bb%2Fc%3D", "https://x/?q=***"],
    ["x.y*z but not xaybz", "*** but not xaybz"],
    ["nothing here", "nothing here"],
  ])("%j becomes %j", (input, expected) => {
    expect(known.text(input)).toBe(expected);
  });

  test("are hidden wherever they stand in a value, member names aside", () => {
    const input = { a: ["x s3cret-value"], b: { c: new Map([["k", "s3cret-value"]]), d: new Set(["s3cret-value"]) } };
    expect(known.value(input)).toEqual({ a: ["x ***"], b: { c: { k: "***" }, d: ["***"] } });
  });

  test("no secret of at least four characters gets through, whatever stands around it", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!"***".includes(secret) && !secret.includes("*") && !before.includes(secret) && !after.includes(secret));
        const output = createRedactor([secret]).text(before + secret + after);
        expect(output.length).toBeLessThanOrEqual(before.length + after.length + 2 * secret.length);
        expect(output.split("***").some((part) => part.includes(secret))).toBe(false);
      }),
    );
  });

  test("too short ones are left, for hiding them would garble everything", () => {
    expect(createRedactor(["", "a", "abc"]).text("abc a")).toBe("abc a");
  });
});

describe("what looks like a secret", () => {
  test.each([
    ["Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"],
    ["bearer abc.def-ghi_jkl", "bearer ***"],
    ["Basic dXNlcjpwYXNzd29yZA==", "Basic ***"],
    ["key rk_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG.", "key ***."],
    ["sk-proj-abcdefghijklmnopqrst", "***"],
    ["sk_live_abcdefghijklmnop", "***"],
    ["ghp_abcdefghijklmnopqrstuvwxyz0123456789", "***"],
    ["github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", "***"],
    ["glpat-abcdefghijklmnopqrst", "***"],
    ["xoxb-1234567890-abcdefghij", "***"],
    ["AKIAIOSFODNN7EXAMPLE", "***"],
    ["AIzaSyA1234567890abcdefghijklmnopqrstuv", "***"],
    ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def_ghi", "***"],
    ["id-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def_ghi.", "id-***."],
    ["a_b-session-token = abcdefgh", "a_b-session-token = ***"],
    ["postgres://me:pass@db/x", "postgres://***@db/x"],
    ["https://host/?access_token=abcdef&page=2", "https://host/?access_token=***&page=2"],
    ["password: hunter22", "password: ***"],
    ['{"apiKey":"abcdef","a":1}', '{"apiKey":"***","a":1}'],
    ["-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- tail", "*** tail"],
    ["-----BEGIN PRIVATE KEY-----\ncut off", "***"],
  ])("%j becomes %j", (input, expected) => {
    expect(text(input)).toBe(expected);
  });

  test.each([
    "run_1jdq8x5k2m0c4v9t7f3hzw",
    "https://example.com/a/b?page=2",
    "mail me@example.com",
    "the bearer of news",
    "maxTokens: 500",
    "3 tokens left",
    "basic usage",
    "sk-short",
    "a risk_assessment_of_the_thing",
    "/home/me/keys/list.txt",
    "https://example.com/list?nextPageToken=abcdefgh&page_token=abcdefgh",
    "eyJ-is-no-token.of-any-kind",
  ])("%j stays", (input) => {
    expect(text(input)).toBe(input);
  });

  test("redacting twice changes nothing more", () => {
    for (const input of [
      "Bearer abcdefghijkl",
      "token=abcdefgh",
      "postgres://me:pass@db",
      "ghp_abcdefghijklmnopqrstuvwxyz",
    ]) {
      expect(text(text(input))).toBe(text(input));
    }
  });

  test.each([
    ["a".repeat(200_000), "one letter"],
    ["bearer ".repeat(30_000), "a repeated scheme"],
    ["://".repeat(60_000), "repeated addresses"],
    ["eyJ".repeat(60_000), "a repeated token head"],
    ["-----BEGIN PRIVATE KEY-----".repeat(5_000), "repeated key heads"],
    ["token".repeat(40_000), "a repeated name"],
    ["a-".repeat(100_000), "dashes"],
    ["a-key-".repeat(40_000), "a repeated name and dashes"],
    ["eyJ-".repeat(50_000), "repeated token heads and dashes"],
    [`${"eyJ-".repeat(25_000)}.${"eyJ-".repeat(25_000)}`, "token heads and no tail"],
  ])("a hostile text of 200 kB takes no longer than a second: %#", (input) => {
    const start = performance.now();
    text(input);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe("values", () => {
  test.each([
    "authorization",
    "Authorization",
    "password",
    "token",
    "githubToken",
    "GITHUB_TOKEN",
    "apiKey",
    "api_key",
    "x-api-key",
    "clientSecret",
    "cookie",
    "Set-Cookie",
    "privateKey",
  ])("a member called %s is hidden", (name) => {
    expect(isSecretMember(name)).toBe(true);
    expect(value({ [name]: "anything", deep: [{ [name]: { a: 1 } }] })).toEqual({
      [name]: "***",
      deep: [{ [name]: "***" }],
    });
  });

  test.each([
    "maxTokens",
    "inputTokens",
    "key",
    "keys",
    "author",
    "secretary",
    "tokenizer",
    "nextPageToken",
    "sync_token",
  ])("a member called %s is not", (name) => {
    expect(value({ [name]: "anything" })).toEqual({ [name]: "anything" });
  });

  test("numbers, flags and nothing are shown under any name", () => {
    expect(value({ token: 5, secret: true, password: null, apiKey: undefined })).toEqual({
      token: 5,
      secret: true,
      password: null,
      apiKey: undefined,
    });
  });

  test("errors keep what tells of them", () => {
    const error = Object.assign(new TypeError("bad Bearer abcdefghijkl", { cause: new Error("token=abcdefgh") }), {
      code: "E_BAD",
      apiKey: "abc",
    });
    expect(value({ err: error })).toEqual({
      err: {
        type: "TypeError",
        message: "bad Bearer ***",
        code: "E_BAD",
        apiKey: "***",
        stack: expect.stringMatching(/^TypeError: bad Bearer \*\*\*\n {4}at /u),
        cause: { type: "Error", message: "token=***", stack: expect.any(String) },
      },
    });
  });

  test("everything becomes something that JSON can say", () => {
    const cycle: Record<string, unknown> = { name: "loop" };
    cycle["self"] = cycle;
    const input = {
      date: new Date(0),
      badDate: new Date(Number.NaN),
      url: new URL("https://me:pw@x/?token=abcdef"),
      bytes: new Uint8Array(3),
      big: 10n,
      call: () => 1,
      cycle,
    };
    expect(value(input)).toEqual({
      date: "1970-01-01T00:00:00.000Z",
      badDate: "[invalid date]",
      url: "https://***@x/?token=***",
      bytes: "[3 bytes]",
      big: "10",
      call: undefined,
      cycle: { name: "loop", self: "[circular]" },
    });
  });

  test("what is not a cycle is shown each time", () => {
    const shared = { a: 1 };
    expect(value([shared, shared])).toEqual([{ a: 1 }, { a: 1 }]);
  });

  test("what is too deep or too long is cut", () => {
    let deep: unknown = "bottom";
    for (let i = 0; i < 50; i++) deep = [deep];
    expect(JSON.stringify(value(deep))).toBe(`${"[".repeat(10)}"[too deep]"${"]".repeat(10)}`);
    const long = value(Array.from({ length: 1_005 }, (_, i) => i)) as unknown[];
    expect([long.length, long.at(-1)]).toEqual([1_001, "[5 more]"]);
  });

  test("what is given is not changed", () => {
    const input = Object.freeze({ token: "abc", list: Object.freeze(["Bearer abcdefghijkl"]) });
    value(input);
    expect(input).toEqual({ token: "abc", list: ["Bearer abcdefghijkl"] });
  });

  test("a member called __proto__ changes no prototype", () => {
    const output = value(JSON.parse('{"__proto__": {"polluted": true}}')) as Record<string, unknown>;
    expect(Object.hasOwn(output, "__proto__")).toBe(true);
    expect(output["polluted"]).toBeUndefined();
  });
});

test("what is learned later is hidden beside what was known", () => {
  const redactor = createRedactor(["first-value"]);
  redactor.learn(["second-value"]);
  redactor.learn([]);
  expect(redactor.text("first-value second-value third-value")).toBe("*** *** third-value");
});

test("where only known secrets are hidden, what looks like one stays", () => {
  const text = "a known-value, token=abcdefgh and Bearer abcdefghijkl";
  expect(createRedactor(["known-value"]).known(text)).toBe("a ***, token=abcdefgh and Bearer abcdefghijkl");
  expect(redactor.known(text)).toBe(text);
});

test("of tokens that follow each other the four newest of each holder are hidden", () => {
  const redactor = createRedactor(["first-value"]);
  const tokens = Array.from({ length: 6 }, (_, at) => `opaque-${at}-token-value`);
  for (const token of [...tokens, ...tokens.slice(-2)]) redactor.learnToken("crm", token);
  redactor.learnToken("mail", "another-opaque-value");
  expect(redactor.known(["first-value", ...tokens, "another-opaque-value"].join(" "))).toBe(
    "*** opaque-0-token-value opaque-1-token-value *** *** *** *** ***",
  );
  redactor.learn(["second-value"]);
  expect(redactor.text(`second-value ${tokens[5]}`)).toBe("*** ***");
});
