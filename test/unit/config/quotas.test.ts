import { describe, expect, test } from "vitest";
import { compileYaml, HASH, problemsOf } from "./support.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

describe("quotas", () => {
  test("are read for everybody and for one client", () => {
    const config = compileYaml(`
quotas: {runs: 10/min, calls: 100/minute}
clients:
  ann:
    key: ${HASH}
    limits: {runs: 5/hour, calls: 1000/minute, bytes: 100m/hour, tokens: 1000000/day, concurrency: 8}
  bob: {key: ${HASH.replace("0", "f")}}
`);
    expect(config.quotas).toEqual({ runs: { limit: 10, periodMs: MINUTE }, calls: { limit: 100, periodMs: MINUTE } });
    expect(config.clients.map(({ principal }) => principal.quotas)).toEqual([
      {
        runs: { limit: 5, periodMs: 60 * MINUTE },
        calls: { limit: 1_000, periodMs: MINUTE },
        bytes: { limit: 100 * 1024 ** 2, periodMs: 60 * MINUTE },
        tokens: { limit: 1_000_000, periodMs: DAY },
        concurrency: 8,
      },
      undefined,
    ]);
  });

  test("of a client as Docker writes them are quotas of its calls and tokens", () => {
    const config = compileYaml(`
clients:
  ann: {key: ${HASH}, rate_limit: 100/minute, rate_limits: {tokens_per_day: 5000}}
`);
    expect(config.clients[0]?.principal.quotas).toEqual({
      calls: { limit: 100, periodMs: MINUTE },
      tokens: { limit: 5_000, periodMs: DAY },
    });
  });

  test.each([
    ["quotas: {calls: 100}", "Cannot use quotas.calls", "must be a rate such as"],
    ["quotas: {calls: 100/week}", "Cannot use quotas.calls", 'must be a rate such as "100/minute", of at least 1'],
    ["quotas: {calls: 0/minute}", "Cannot use quotas.calls", "of at least 1"],
    ["quotas: {bytes: lots/hour}", "Cannot use quotas.bytes", 'such as "100m/hour"'],
    ["quotas: {concurrency: 0}", "Cannot use quotas.concurrency", "a whole number from 1"],
    ["quotas: {call: 100/minute}", "Cannot use quotas.call ", "is not a known key"],
    [`clients: {ann: {key: ${HASH}, limits: {runs: soon}}}`, "Cannot use clients.ann.limits.runs", "must be a rate"],
    [`clients: {ann: {key: ${HASH}, limits: {run: 1/s}}}`, "Cannot use clients.ann.limits.run ", "is not a known key"],
    ["mcpServers: {s: {command: x, rateLimit: often}}", "Cannot use mcpServers.s.rateLimit", "must be a rate"],
    ["mcpServers: {s: {command: x, rateLimit: {a: 0/s}}}", "Cannot use mcpServers.s.rateLimit.a", "of at least 1"],
    ["mcpServers: {s: {command: x, rateLimit: 10}}", "Cannot use mcpServers.s.rateLimit", "or an object of them"],
  ])("%s is refused and told where", (text, where, why) => {
    const [problem, ...others] = problemsOf(() => compileYaml(text));
    expect(others).toEqual([]);
    expect(problem).toContain(where);
    expect(problem).toContain(why);
  });
});

describe("rates of a server", () => {
  const rulesOf = (text: string) => compileYaml(`mcpServers: {s: {command: x${text}}}`).upstreams[0]?.rateLimits;

  test("are none, one for all its tools, or by glob in the order as written", () => {
    const rate = (limit: number) => ({ limit, periodMs: 1_000 });
    expect(rulesOf("")).toEqual([]);
    expect(rulesOf(", rateLimit: 10/second")).toEqual([{ tools: "*", rate: rate(10) }]);
    expect(rulesOf(', rateLimit: {read_x: 1/s, "read_*": 2/s, "*": 3/s}')).toEqual([
      { tools: "read_x", rate: rate(1) },
      { tools: "read_*", rate: rate(2) },
      { tools: "*", rate: rate(3) },
    ]);
  });
});
