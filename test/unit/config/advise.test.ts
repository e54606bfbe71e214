import { describe, expect, test } from "vitest";
import { UNSUPPORTED_KEYS } from "../../../src/config/unsupported.ts";
import { HASH, loadYaml } from "./support.ts";

const advice = (text: string, env: Record<string, string> = {}): { warnings: string[]; problems: string[] } => {
  const { warnings, problems } = loadYaml(text, { env });
  return { warnings: [...warnings], problems: problems.map(({ message }) => message) };
};

describe("unknown keys", () => {
  test("a misspelt key is a warning with its place and the nearest name", () => {
    expect(advice("prot: 1\nlog:\n  levle: info\n")).toEqual({
      warnings: [
        "prot (runlet.yaml:1) is ignored as it is not a known key. Did you mean port?",
        "log.levle (runlet.yaml:3) is ignored as it is not a known key. Did you mean level?",
      ],
      problems: [],
    });
  });

  test("a key like none is answered with those there are", () => {
    expect(advice("queue: {zzzzzzzz: 1}").warnings).toEqual([
      "queue.zzzzzzzz (runlet.yaml:1) is ignored as it is not a known key. Known keys are depth, concurrency, stallAfter.",
    ]);
  });

  test.each([
    ["mcpServers: {a: {command: x, commnad: y}}", "mcpServers.a.commnad", "command"],
    ["servers: {a: {url: x, header: {}}}", "servers.a.header", "headers"],
    ["mcpServers: {a: {command: x, concurrency: {limits: 1}}}", "mcpServers.a.concurrency.limits", "limit"],
    ["Clients: {}", "Clients", "clients"],
  ])("%s is a warning at %s", (text, key, nearest) => {
    expect(advice(text)).toEqual({
      warnings: [`${key} (runlet.yaml:1) is ignored as it is not a known key. Did you mean ${nearest}?`],
      problems: [],
    });
  });

  test.each([
    [`clients: {a: {key: ${HASH}, clases: [read]}}`, "clients.a.clases", "classes"],
    [`clients: {a: {key: ${HASH}, server: [x]}}`, "clients.a.server", "servers"],
    ["mcpServers: {a: {command: x, tools: {denny: [y]}}}", "mcpServers.a.tools.denny", "deny"],
    ["limits: {wallms: 5}", "limits.wallms", "wallMs"],
  ])("in a rule of access or limits it is an error: %s", (text, key, nearest) => {
    expect(advice(text)).toEqual({
      warnings: [],
      problems: [
        `Cannot use ${key} (runlet.yaml:1) as it is not a known key, and a rule that is not understood is not kept: ` +
          `current value is set. Did you mean ${nearest}?`,
      ],
    });
  });

  test("$schema and keys that start with x- are for people", () => {
    expect(advice("$schema: https://example.com/s.json\nx-team: {a: 1}\n")).toEqual({ warnings: [], problems: [] });
  });

  test("names that people choose are never unknown", () => {
    const text = `mcpServers: {constructor: {command: x, env: {toString: a}}}\nclients: {a: {key: ${HASH}, tools: {constructor: [x]}}}\n`;
    expect(advice(text)).toEqual({ warnings: [], problems: [] });
  });

  test("names of every object's members are unknown keys like others", () => {
    expect(advice("constructor: 1\ntoString: 2\n").warnings).toHaveLength(2);
  });
});

describe("keys this version does not support", () => {
  test.each([
    ["rateLimits: {calls: 100/minute}", "rateLimits", "would not be limited"],
    ["rateLimit: 100/minute", "rateLimit", "would not be limited"],
  ])("%s is an error, for ignoring it would be dangerous", (text, key, danger) => {
    const { problems } = advice(text);
    expect(problems).toEqual([
      expect.stringContaining(`Cannot use ${key} (runlet.yaml:1) as it is not supported by this version and `),
    ]);
    expect(problems[0]).toContain(danger);
  });

  test.each([
    "retry: 5",
    "breaker: {}",
    "mcpServers: {a: {command: x, envFile: .env}}",
    "mcpServers: {a: {command: x, autoApprove: [y]}}",
    "models: {}",
  ])("%s is a warning", (text) => {
    const { warnings, problems } = advice(text);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining("is ignored as it is not supported by this version.")]);
  });

  test.each([
    ["approvals: []", {}],
    ['redis: {url: "${REDIS_URL:-}"}', {}],
    ["redis: {}", {}],
    ["access_control: {enabled: false}", {}],
    ["mcpServers: {a: {command: x, sharing: perPrincipal, replicas: 2, idleStop: 10m, restart: false}}", {}],
  ])("%s asks for nothing and is dropped in silence", (text, env) => {
    expect(advice(text, env)).toEqual({ warnings: [], problems: [] });
  });

  test("an expanded reference decides, and its value is not shown", () => {
    expect(advice('rateLimit: "${RATE:-}"')).toEqual({ warnings: [], problems: [] });
    const { problems } = advice('rateLimit: ["${RATE:-}"]', { RATE: "9/minute" });
    expect(problems).toEqual([
      "Cannot use rateLimit (runlet.yaml:1) as it is not supported by this version and clients would not be limited: " +
        "current value is not empty. Remove it.",
    ]);
  });

  test("no key is in the table twice", () => {
    const paths = UNSUPPORTED_KEYS.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
  });
});

describe("values that cannot mean what they say", () => {
  test("a timeout that looks like seconds is told", () => {
    expect(advice("mcpServers: {a: {command: x, timeout: 30, connectTimeout: 5000}}").warnings).toEqual([
      'mcpServers.a.timeout is 30 ms, as numbers are milliseconds. Write "30s" if seconds are meant.',
    ]);
  });

  test("a glob that begins with ! is told to be a plain name, wherever globs are written", () => {
    const text = `
mcpServers: {lab: {command: x, tools: {allow: ["*", "!crash"], deny: ["a!"]}}}
clients: {a: {key: ${HASH}, servers: ["*", "!lab"], tools: {lab: ["!crash"]}}}
`;
    const meaning = "and `!` does not mean all others: the glob fits names that begin with it.";
    const client = "Write the names that are allowed; what a server must never serve goes to its tools.deny.";
    expect(advice(text).warnings).toEqual([
      'clients.a.servers[1] allows nothing as no server is called "!lab".',
      `mcpServers.lab.tools.allow[1] is "!crash", ${meaning} Write the name under tools.deny without the \`!\`.`,
      `clients.a.servers[1] is "!lab", ${meaning} ${client}`,
      `clients.a.tools.lab[0] is "!crash", ${meaning} ${client}`,
    ]);
  });

  test("a client without a key is told to be anybody's name", () => {
    expect(advice("clients:\n  a: {unverified: true}\n").warnings).toEqual([
      "clients.a (runlet.yaml:2) has no key: anyone on this machine can claim to be it with the header X-Client-ID. " +
        "Run `runlet keys create a` and add the key.",
    ]);
  });

  test("all servers are asked for where there is none: nothing is odd", () => {
    expect(advice(`clients: {a: {key: ${HASH}, servers: ["*"]}}`).warnings).toEqual([]);
  });

  test("a client's server that does not exist is told", () => {
    const text = `mcpServers: {github: {command: x}}\nclients: {a: {key: ${HASH}, servers: ["git*", gitlab]}}\n`;
    expect(advice(text).warnings).toEqual(['clients.a.servers[1] allows nothing as no server is called "gitlab".']);
  });
});
