import { describe, expect, test } from "vitest";
import { compileConfig } from "../../../src/config/compile.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { compileYaml, folderWith, HASH, problemsOf } from "./support.ts";

describe("servers", () => {
  const CALLS = { callTimeoutMs: 60_000, idleTimeoutMs: undefined, toolTimeouts: [] };
  const PLACES = { concurrency: 16, queueLimit: 256, queueWaitMs: 30_000 };
  const DEFAULTS = {
    ...CALLS,
    ...PLACES,
    connectTimeoutMs: 20_000,
    eager: false,
    allowTools: undefined,
    denyTools: [],
    trustAnnotations: true,
    pinning: "warn",
    scan: "warn",
    sampling: "refuse",
    redactResults: "off",
    classes: new Map(),
    lifecycle: { sharing: "auto", maxSessions: 64, replicas: 1, idleStopMs: 300_000, maxFailures: 5 },
    rateLimits: [],
    cache: undefined,
    coalesce: true,
    retry: { retries: 2, baseMs: 100, maxMs: 2_000 },
    breaker: { failures: 5, errorRate: 0.5, minCalls: 10, windowMs: 60_000, openMs: 30_000 },
  };

  test("a file of Claude Desktop or Cursor is read as it is", () => {
    const cwd = folderWith({
      "claude_desktop_config.json": JSON.stringify({
        mcpServers: {
          filesystem: { command: "npx", args: ["-y", "server-filesystem", "/data"], env: { DEBUG: "1" } },
          remote: { type: "http", url: "https://example.com/mcp", headers: { Authorization: "Bearer abcdefgh" } },
        },
      }),
    });
    const loaded = loadOptions({ cwd, env: {}, file: "claude_desktop_config.json" });
    expect(loaded.warnings).toEqual([]);
    expect(compileConfig(loaded.options, loaded).upstreams).toEqual([
      {
        name: "filesystem",
        transport: {
          kind: "stdio",
          command: "npx",
          args: ["-y", "server-filesystem", "/data"],
          env: { DEBUG: "1" },
          cwd: undefined,
        },
        ...DEFAULTS,
      },
      {
        name: "remote",
        transport: {
          kind: "http",
          sse: false,
          url: "https://example.com/mcp",
          headers: { Authorization: "Bearer abcdefgh" },
        },
        ...DEFAULTS,
      },
    ]);
  });

  test("the shape of VS Code is read beside it", () => {
    const text =
      "mcpServers: {a: {command: x}}\nservers: {b: {type: stdio, command: y}, c: {type: http, url: 'http://z'}}\n";
    expect(compileYaml(text).upstreams.map(({ name, transport }) => [name, transport.kind])).toEqual([
      ["a", "stdio"],
      ["b", "stdio"],
      ["c", "http"],
    ]);
  });

  test("every policy of a server is heard", () => {
    const text = `
mcpServers:
  a:
    command: x
    timeout: 90s
    connectTimeout: 1500
    tools: {allow: ["get_*"], deny: [get_secret]}
    eager: true
    concurrency: {limit: 2, queue: 0, wait: 1s}
    trustAnnotations: false
    classes: {"delete_*": destructive, "*": read}
  b: {command: x, concurrency: 4}
`;
    expect(compileYaml(text).upstreams).toMatchObject([
      {
        callTimeoutMs: 90_000,
        connectTimeoutMs: 1_500,
        allowTools: ["get_*"],
        denyTools: ["get_secret"],
        eager: true,
        concurrency: 2,
        queueLimit: 0,
        queueWaitMs: 1_000,
        trustAnnotations: false,
        classes: new Map([
          ["delete_*", "destructive"],
          ["*", "read"],
        ]),
        lifecycle: { sharing: "auto", maxSessions: 64, replicas: 1, idleStopMs: 300_000, maxFailures: 5 },
      },
      { concurrency: 4, queueLimit: 256, queueWaitMs: 30_000 },
    ]);
  });

  test("numbers and booleans in args, env and headers become text", () => {
    const text =
      "mcpServers:\n  a: {command: x, args: [--port, 80], env: {DEBUG: true}}\n  b: {url: 'http://x', headers: {X-Try: 1}}\n";
    expect(compileYaml(text).upstreams.map(({ transport }) => transport)).toMatchObject([
      { args: ["--port", "80"], env: { DEBUG: "true" } },
      { headers: { "X-Try": "1" } },
    ]);
  });

  test("a disabled server is left out, but keeps its name", () => {
    const text = "mcpServers: {a: {command: x, disabled: true}}\nservers: {a: {command: y}}\n";
    expect(problemsOf(() => compileYaml(text))).toEqual([expect.stringContaining("must have a name of its own")]);
    expect(compileYaml("mcpServers: {a: {command: x, disabled: true}}").upstreams).toEqual([]);
  });

  test.each([
    ["{}", "mcpServers.a", "must have one of a command, an image and a url"],
    ["{command: x, url: 'http://x'}", "mcpServers.a", "must have one of a command, an image and a url"],
    ["{url: 'ftp://x'}", "mcpServers.a.url", "must be an http or https address"],
    ["{url: nonsense}", "mcpServers.a.url", "must be an http or https address"],
    ["{url: 'http://me:pass-word@x'}", "mcpServers.a.url", "must not carry a user or password"],
    ["{command: x, type: http}", "mcpServers.a.type", "must go with command"],
    ["{url: 'http://x', type: stdio}", "mcpServers.a.type", "must go with url"],
    ["{command: x, env: {'A=B': c}}", 'mcpServers.a.env["A=B"]', "must be a variable that a process can have"],
    ["{url: 'http://x', headers: {'a b': c}}", 'mcpServers.a.headers["a b"]', "must be a header that HTTP can carry"],
    ['{url: "http://x", headers: {A: "b\\nc"}}', "mcpServers.a.headers.A", "must be a header that HTTP can carry"],
    ["{command: [x]}", "mcpServers.a.command", "must be text that is not empty"],
    [
      "{command: x, timeout: soon}",
      "mcpServers.a.timeout",
      'must be a duration from 1ms to 24d, in ms or as text such as "30s"',
    ],
    ["{command: x, timeout: 0}", "mcpServers.a.timeout", "must be a duration from 1ms"],
    [
      "{command: x, concurrency: 0}",
      "mcpServers.a.concurrency",
      "must be a whole number from 1 to 10000 or an object with limit, queue, wait",
    ],
    ["{command: x, tools: {allow: get}}", "mcpServers.a.tools.allow", "must be a list, each text that is not empty"],
    [
      "{command: x, type: pigeon}",
      "mcpServers.a.type",
      "must be one of stdio, http, streamable-http, streamableHttp, sse",
    ],
    ["null", "mcpServers.a", "must be an object with command, args"],
  ])("%s is refused at %s", (server, key, rule) => {
    const [problem, ...others] = problemsOf(() => compileYaml(`mcpServers: {a: ${server}}`));
    expect(others).toEqual([]);
    expect(problem).toContain(`Cannot use ${key} (runlet.yaml:1) as it ${rule}`);
    expect(problem).not.toContain("pass-word");
  });

  test.each(["a__b", "a b", "", "x".repeat(65), "tab\there"])("a server cannot be called %j", (name) => {
    expect(problemsOf(() => compileConfig({ mcpServers: { [name]: { command: "x" } } }))).toEqual([
      expect.stringContaining("must be named with 1 to 64 characters"),
    ]);
  });
});

describe("clients", () => {
  test("a client becomes a principal with its rules", () => {
    const text = `
mcpServers: {github: {command: x}, files: {command: y}}
clients:
  agent: {key: "sha256:${HASH.toUpperCase()}", servers: [github], tools: {github: ["get_*"]}, classes: [read]}
  boss: {key: ${"f".repeat(64)}, admin: true}
`;
    expect(compileYaml(text).clients).toEqual([
      {
        keyHashes: [HASH],
        principal: {
          id: "agent",
          admin: false,
          access: { servers: ["github"], tools: new Map([["github", ["get_*"]]]), classes: ["read"] },
        },
      },
      { keyHashes: ["f".repeat(64)], principal: { id: "boss", admin: true, access: {} } },
    ]);
  });

  test("a key itself in place of its hash is refused and not shown", () => {
    const key = "rk_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
    const problems = problemsOf(() => compileYaml(`clients: {agent: {key: ${key}}}`));
    expect(problems).toEqual([
      'Cannot use clients.agent.key (runlet.yaml:1) as it must be the SHA-256 hash of a key: 64 hex digits, or "sha256:" and 64 hex ' +
        "digits: current value is ***. Run `runlet keys create agent` and copy the hash it prints, not the key.",
    ]);
  });

  test.each([
    ["{}", "clients.a.key", "must be set"],
    [`{key: ${HASH}, classes: [delete]}`, "clients.a.classes[0]", "must be one of read, write, destructive"],
    [`{key: ${HASH}, servers: github}`, "clients.a.servers", "must be a list"],
    [`{key: ${HASH}, tools: {github: get}}`, "clients.a.tools.github", "must be a list"],
    [`{key: ${HASH}, tools: {github: null}}`, "clients.a.tools.github", "must be a list"],
    [`{key: ${HASH}, admin: "yes"}`, "clients.a.admin", "must be true or false"],
  ])("%s is refused at %s", (client, key, rule) => {
    const problems = problemsOf(() => compileYaml(`clients: {a: ${client}}`));
    expect(problems).toEqual([expect.stringContaining(`Cannot use ${key} (runlet.yaml:1) as it ${rule}`)]);
  });

  test("a rule for tools of a server that does not exist is refused, lest it protects nothing", () => {
    const text = `mcpServers: {github: {command: x}}\nclients: {a: {key: ${HASH}, tools: {gihub: ["get_*"]}}}\n`;
    expect(problemsOf(() => compileYaml(text))).toEqual([
      expect.stringMatching(/must be the name of a configured server.*There are github\.$/u),
    ]);
  });

  test("two clients cannot have one key, and the hash is not shown", () => {
    const problems = problemsOf(() => compileYaml(`clients: {a: {key: ${HASH}}, b: {key: "sha256:${HASH}"}}`));
    expect(problems).toEqual([
      expect.stringContaining("clients.b.key (runlet.yaml:1) as it must be a key of its own, and is that of a"),
    ]);
    expect(problems[0]).not.toContain(HASH);
  });

  test.each(["a b", "-a", "ü", "x".repeat(65)])("a client cannot be called %j", (name) => {
    expect(problemsOf(() => compileConfig({ clients: { [name]: { key: HASH } } }))).toHaveLength(1);
  });
});

describe("who can reach us", () => {
  test.each(["0.0.0.0", "::", "192.168.1.5", "runlet.example", ""])(
    "%j without clients is refused with the way to a key",
    (host) => {
      const problems = problemsOf(() => compileConfig({ host }));
      expect(problems).toHaveLength(1);
      if (host !== "") expect(problems[0]).toContain("Run `runlet keys create NAME` and add the clients: block");
    },
  );

  test("with a client any address is taken", () => {
    expect(compileYaml(`host: 0.0.0.0\nclients: {a: {key: ${HASH}}}`).http.host).toBe("0.0.0.0");
  });

  test("an IPv6 address may be written with brackets", () => {
    expect(compileYaml('host: "[::1]"').http.host).toBe("::1");
  });
});
