import { describe, expect, test } from "vitest";
import { listSettings } from "../../../src/config/settings.ts";
import { createRedactor } from "../../../src/observability/redact.ts";
import { compileYaml, HASH, loadYaml, problemsOf } from "./support.ts";

describe("redis", () => {
  test.each([["{}"], ['{redis: ""}'], ["{redis: {}}"], ['{redis: {url: ""}}'], ['{redis: {url: "${REDIS_URL:-}"}}']])(
    "is none with %s",
    (text) => {
      expect(compileYaml(text).redis).toBeUndefined();
      expect(loadYaml(text)).toMatchObject({ warnings: [], problems: [] });
    },
  );

  test.each([
    ["redis: redis://db:6379/2", { url: "redis://db:6379/2", prefix: "runlet" }],
    ["redis: {url: /run/redis.sock, prefix: gate}", { url: "/run/redis.sock", prefix: "gate" }],
    ["redis: {url: 'rediss://u:p@db'}", { url: "rediss://u:p@db", prefix: "runlet" }],
  ])("is the one of %s", (text, redis) => {
    expect(compileYaml(text).redis).toEqual(redis);
  });

  test("may come from a variable", () => {
    expect(compileYaml("{}", { env: { RUNLET_REDIS_URL: "redis://db" } }).redis?.url).toBe("redis://db");
    expect(compileYaml("redis: {prefix: gate}", { env: { RUNLET_REDIS_URL: "redis://db" } }).redis).toEqual({
      url: "redis://db",
      prefix: "gate",
    });
  });

  test.each([
    ["redis: localhost", "redis"],
    ["redis: {url: 'http://db'}", "redis.url"],
    ["redis: {url: 'redis:///'}", "redis.url"],
    ["redis: 5", "redis"],
  ])("must be an address: %s", (text, key) => {
    expect(problemsOf(() => compileYaml(text))).toEqual([expect.stringContaining(`Cannot use ${key} `)]);
  });

  test("of a misspelt key is refused: runs would be kept on this machine only", () => {
    const [problem] = loadYaml("redis: {uri: redis://db}").problems;
    expect(problem?.message).toContain("Cannot use redis.uri ");
  });

  test.each(["redis: 'redis://:pa%40ss-word@db'", "redis: {url: 'redis://:pa%40ss-word@db'}"])(
    "shows its password nowhere: %s",
    (text) => {
      const shown = listSettings(loadYaml(text)).filter(({ key }) => key.startsWith("redis"));
      expect(JSON.stringify(shown)).not.toContain("ss-word");
      const redactor = createRedactor(compileYaml(text).secrets);
      expect(redactor.text("AUTH pa%40ss-word, AUTH pa@ss-word")).toBe("AUTH ***, AUTH ***");
      const [problem = ""] = problemsOf(() => compileYaml(text.replace("redis://", "http://")));
      expect(problem).toContain("Cannot use redis");
      expect(problem).not.toContain("ss-word");
    },
  );
});

describe("the role of a process", () => {
  test("is everything where nobody says", () => {
    expect(compileYaml("{}").role).toBe("all");
    expect(compileYaml("redis: redis://db").role).toBe("all");
  });

  test.each(["api", "worker"])("may be %s where it shares a Redis, also by flag and variable", (role) => {
    expect(compileYaml(`redis: redis://db\nrole: ${role}`).role).toBe(role);
    expect(compileYaml("redis: redis://db", { flags: { role } }).role).toBe(role);
    expect(compileYaml("redis: redis://db", { env: { RUNLET_ROLE: role } }).role).toBe(role);
    expect(problemsOf(() => compileYaml(`role: ${role}`))).toEqual([
      expect.stringContaining("Cannot use role (runlet.yaml:1) as it must be all where redis.url is not set"),
    ]);
  });

  test("is one of three words", () => {
    expect(problemsOf(() => compileYaml("redis: redis://db\nrole: both"))).toHaveLength(1);
  });
});

describe("retention", () => {
  test("of runs is a week where nobody says, and may be years", () => {
    expect(compileYaml("{}").retention).toEqual({ runsMs: 604_800_000 });
    expect(compileYaml("retention: {runs: 730d}").retention).toEqual({ runsMs: 63_072_000_000 });
  });

  test.each(["retention: {runs: 1s}", "retention: {run: 1d}", "queue: {stallAfter: 10ms}"])("refuses %s", (text) => {
    const faults = [...loadYaml(text).problems, ...problemsOf(() => compileYaml(text))];
    expect(faults.length).toBeGreaterThan(0);
  });
});

describe("whose calls a client may decide on", () => {
  test("is its own where nobody says, and is told of by its principal", () => {
    const config = compileYaml(`clients:
  agent: {key: ${HASH}, approve: none}
  boss: {key: ${HASH.replace("0", "1")}, approve: all}
  other: {key: ${HASH.replace("0", "2")}}
`);
    expect(config.clients.map(({ principal }) => principal.approve)).toEqual(["none", "all", undefined]);
  });

  test("is one of three words", () => {
    expect(problemsOf(() => compileYaml(`clients: {a: {key: ${HASH}, approve: some}}`))).toEqual([
      expect.stringContaining("Cannot use clients.a.approve"),
    ]);
  });
});
