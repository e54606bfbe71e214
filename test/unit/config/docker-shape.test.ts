import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compileConfig } from "../../../src/config/compile.ts";
import type { Config } from "../../../src/config/config.ts";
import { translateDockerShape } from "../../../src/config/docker/docker-shape.ts";
import type { LoadRequest } from "../../../src/config/load.ts";
import { listSettings } from "../../../src/config/settings.ts";
import { compileYaml, HASH, loadYaml, problemsOf } from "./support.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/data/configuration/${name}.yaml`, import.meta.url), "utf8");

const GATEWAY = fixture("docker-gateway");
const SECURITY = fixture("docker-security");
const SERVERS = "\nmcpServers:\n  duckduckgo: {command: a}\n  filesystem: {command: b}\n";

const compileBlock = (text: string, more: Partial<LoadRequest> = {}): Config => {
  const loaded = loadYaml(text, more);
  return compileConfig(loaded.options, loaded);
};

const translated = (tree: Readonly<Record<string, unknown>>) => translateDockerShape(tree, new Map());

describe("blocks as they are published", () => {
  test("the gateway block becomes port, log level and clients, without a variable that no server needs", () => {
    const { options, problems, warnings } = loadYaml(GATEWAY + SERVERS);
    expect(problems).toEqual([]);
    expect(options).toMatchObject({
      port: 8080,
      log: { level: "info" },
      clients: {
        "claude-desktop": {
          servers: ["duckduckgo", "filesystem"],
          limits: { calls: "100/minute" },
          unverified: true,
        },
        "custom-agent": { servers: ["*"], limits: { calls: "1000/minute" }, unverified: true },
      },
    });
    expect(Object.keys(options)).toEqual(["mcpServers", "port", "log", "clients"]);
    const claim = (name: string, line: number): string =>
      `clients.${name} (runlet.yaml:${line}) has no key: anyone on this machine can claim to be it with the header X-Client-ID. ` +
      `Run \`runlet keys create ${name}\` and add the key.`;
    expect(warnings).toEqual([
      "gateway.discovery (runlet.yaml:7) is not needed: servers are those of the configuration, and each tells of changed tools itself.",
      "gateway.credentials.github (runlet.yaml:29) is not used as no server of this name is configured.",
      "gateway.credentials.postgres (runlet.yaml:31) is not used as no server of this name is configured.",
      claim("claude-desktop", 18),
      claim("custom-agent", 22),
    ]);
  });

  test("the security blocks become clients with tools and two rates", () => {
    const { options, problems, warnings } = loadYaml(SECURITY + SERVERS);
    expect(problems).toEqual([]);
    expect(options.clients).toEqual({
      "production-agent": {
        servers: ["duckduckgo", "github", "postgres"],
        tools: { github: ["search", "get_repo"], postgres: ["query"] },
        limits: { calls: "100/minute", tokens: "1000000/day" },
        unverified: true,
      },
      "admin-client": {
        servers: ["*"],
        tools: { "*": ["*"] },
        limits: { calls: "1000/minute" },
        unverified: true,
      },
    });
    expect(warnings).toContain(
      "credentials.encryption (runlet.yaml:11) is not needed: no credential is stored. `runlet secrets` keeps some, always encrypted.",
    );
  });

  test.each([
    ["gateway", GATEWAY],
    ["security", SECURITY],
  ])("the %s blocks compile, alone and with servers", (_, text) => {
    for (const whole of [text, text + SERVERS]) expect(compileBlock(whole).clients).toHaveLength(2);
  });

  test("the credentials of a server that is configured are needed, and their line is told", () => {
    const text = `${GATEWAY}\nmcpServers: {github: {command: x}}\n`;
    const where = "Cannot use mcpServers.github.env";
    expect(problemsOf(() => compileBlock(text))).toEqual([
      expect.stringContaining(`${where}.API_TOKEN (runlet.yaml:30) as it needs the environment variable GITHUB_TOKEN`),
      expect.stringContaining(`${where}.GITHUB_API_TOKEN (runlet.yaml:30) as it needs the environment variable`),
    ]);
    const { upstreams, secrets } = compileBlock(text, { env: { GITHUB_TOKEN: "ghp_of_a_test" } });
    const variables = { API_TOKEN: "ghp_of_a_test", GITHUB_API_TOKEN: "ghp_of_a_test" };
    expect(upstreams[0]?.transport).toMatchObject({ kind: "stdio", env: variables });
    expect(secrets).toEqual(["ghp_of_a_test"]);
  });
});

describe("gateway", () => {
  test("each value is shown with the line it was written on", () => {
    const shown = listSettings(loadYaml(GATEWAY)).map(({ key, value, source }) => `${key} ${value} ${source}`);
    expect(shown).toEqual(
      expect.arrayContaining([
        "port 8080 runlet.yaml:3",
        'log.level "info" runlet.yaml:4',
        'clients.custom-agent.servers ["*"] runlet.yaml:23',
      ]),
    );
  });

  test("our own keys are stronger, and the other is told", () => {
    const loaded = loadYaml("port: 1\nlog: {level: debug}\ngateway: {port: 2, log_level: error, host: localhost}\n");
    expect(loaded.options).toEqual({ port: 1, log: { level: "debug" }, host: "localhost" });
    expect(loaded.warnings).toEqual([
      "gateway.port (runlet.yaml:3) is not used as port is there too. Keep one of them.",
      "gateway.log_level (runlet.yaml:3) is not used as log.level is there too. Keep one of them.",
    ]);
  });

  test("environment and flags are stronger than the block", () => {
    const loaded = loadYaml("gateway: {port: 2}", { env: { RUNLET_PORT: "3" } });
    expect(loaded.options.port).toBe(3);
  });

  test.each([
    ["WARNING", "warn"],
    ["fatal", "error"],
    ["off", "silent"],
    ["Debug", "debug"],
  ])("the log level %s is %s", (written, level) => {
    expect(translated({ gateway: { log_level: written } }).tree).toEqual({ log: { level } });
  });

  test("references are resolved where they come to be", () => {
    const env = { LEVEL: "debug", PORT: "8080" };
    const { options } = loadYaml('gateway: {port: "${PORT}", log_level: "${LEVEL}"}', { env });
    expect(options).toEqual({ port: 8080, log: { level: "debug" } });
  });

  test("what is wrong with a value is told of our key, at the line of theirs", () => {
    expect(problemsOf(() => compileYaml("gateway:\n  port: many\n"))).toEqual([
      expect.stringContaining("Cannot use port (runlet.yaml:2) as it must be a whole number from 0 to 65535"),
    ]);
  });

  test("an unknown key is told; one that may be a rule is refused", () => {
    const { warnings, problems } = loadYaml("gateway: {banner: x, clients: {a: {}}, rate_limits: {}, tls: {}}");
    expect(warnings).toEqual([
      "gateway.banner (runlet.yaml:1) is ignored as it is not a known key. Write our own keys at the top level.",
    ]);
    expect(problems.map(({ key }) => key)).toEqual(["gateway.clients", "gateway.rate_limits", "gateway.tls"]);
    expect(problems[0]?.message).toContain("a rule that is not understood is not kept");
  });

  test.each([
    "gateway: []",
    "gateway: 5",
    "access_control: deny",
    "credentials: [x]",
    "clients: {a: {key: x, rate_limits: 5}}",
  ])("%s is refused", (text) => {
    expect(loadYaml(text).problems[0]?.message).toContain("as it must be an object with keys");
  });

  test("the tree that was read is not changed", () => {
    const tree = { gateway: { port: 1, access_control: { clients: { a: { allowed_servers: ["x"] } } } } };
    const before = structuredClone(tree);
    translated(tree);
    expect(tree).toEqual(before);
  });
});

describe("access_control", () => {
  const clientsOf = (block: object) => translated({ access_control: block }).tree["clients"];

  test("a client without servers gets none where the policy is to deny, all where it is to allow", () => {
    expect(clientsOf({ clients: { a: {} } })).toEqual({ a: { servers: [], unverified: true } });
    expect(clientsOf({ default_policy: "deny", clients: { a: null } })).toEqual({
      a: { servers: [], unverified: true },
    });
    expect(translated({ access_control: { default_policy: "allow", clients: { a: {} } } }).tree).toEqual({
      clients: { a: { unverified: true } },
      defaultPolicy: "allow",
    });
  });

  test("a client that names tools only gets the servers of these tools", () => {
    expect(clientsOf({ clients: { a: { allowed_tools: { github: ["search"] } } } })).toEqual({
      a: { tools: { github: ["search"] }, servers: ["github"], unverified: true },
    });
  });

  test("a client with a key is authenticated by it, and keeps our own keys", () => {
    const client = { key: HASH, classes: ["read"], allowed_servers: ["x"] };
    expect(clientsOf({ clients: { a: client } })).toEqual({ a: { key: HASH, classes: ["read"], servers: ["x"] } });
  });

  test("one that is not enabled has no effect, and says so", () => {
    const { options, warnings } = loadYaml("access_control: {enabled: false, clients: {a: {allowed_servers: [x]}}}");
    expect(options).toEqual({});
    expect(warnings).toEqual([
      "access_control (runlet.yaml:1) is not enabled: its clients and their rules do not hold.",
    ]);
    expect(loadYaml("access_control: {enabled: false}").warnings).toEqual([]);
  });

  test.each([
    ["{default_policy: deny}", "access_control", "must name clients"],
    ["{}", "access_control", "must name clients"],
    ['{enabled: "${ON}"}', "access_control.enabled", "must be true or false"],
    ["{default_policy: ask}", "access_control.default_policy", "must be one of deny, allow"],
    ["{clients: [a]}", "access_control.clients", "must be an object"],
    ["{clients: {a: all}}", "access_control.clients.a", "must be an object"],
    ["{policy: deny, clients: {a: {}}}", "access_control.policy", "is not a known key"],
    ["{clients: {a: {allowed_server: [x]}}}", "clients.a.allowed_server", "is not a known key"],
    ["{clients: {a: {denied_tools: {x: [y]}}}}", "clients.a.denied_tools", "is not a known key"],
    ["{clients: {a: {servers: [x], allowed_servers: [y]}}}", "clients.a.allowed_servers", "must be in one place"],
    ["{clients: {a: {allowed_servers: x}}}", "clients.a.servers", "must be a list"],
    [
      "{clients: {a: {rate_limit: 1, rate_limits: {requests_per_hour: 5}}}}",
      "clients.a.rate_limits",
      "only limit of calls",
    ],
    ["{clients: {a: {rate_limits: {bursts: 5}}}}", "clients.a.rate_limits.bursts", "is not a known key"],
    [
      "{clients: {a: {rate_limits: {tokens_per_day: [5]}}}}",
      "clients.a.rate_limits.tokens_per_day",
      "must be a number",
    ],
  ])("access_control: %s is refused", (block, key, rule) => {
    const [problem, ...others] = problemsOf(() => compileBlock(`access_control: ${block}`));
    expect(problem).toContain(`Cannot use ${key}`);
    expect(problem).toContain(rule);
    expect(others).toEqual([]);
  });

  test("a client is in one place only", () => {
    const text = `clients: {a: {key: ${HASH}}}\naccess_control: {clients: {a: {}}}\n`;
    expect(problemsOf(() => compileYaml(text))).toEqual([
      expect.stringContaining("Cannot use access_control.clients.a (runlet.yaml:2) as it must be in one place"),
    ]);
  });

  test("keys of clients are understood in our own clients too", () => {
    const rates = { requests_per_second: 5, tokens_per_hour: 10 };
    const client = { key: HASH, allowed_servers: ["x"], allowed_tools: { x: ["y"] }, rate_limits: rates };
    expect(translated({ clients: { a: client, b: { rate_limit: 60 } } }).tree).toEqual({
      clients: {
        a: { key: HASH, servers: ["x"], tools: { x: ["y"] }, limits: { calls: "5/second", tokens: "10/hour" } },
        b: { limits: { calls: "60/minute" } },
      },
    });
  });

  test("an address that others reach is refused while a client has no key", () => {
    const text = `host: 0.0.0.0\naccess_control: {clients: {a: {}, b: {key: ${HASH}}}}\n`;
    expect(problemsOf(() => compileYaml(text))).toEqual([
      "Cannot use host (runlet.yaml:1) as it must be a loopback address while a may call without a key, for others could take " +
        'the name: current value is "0.0.0.0". Run `runlet keys create NAME` and add each key to its client, or listen on 127.0.0.1.',
    ]);
  });

  test("a client cannot have a key and go without", () => {
    expect(problemsOf(() => compileYaml(`clients: {a: {key: ${HASH}, unverified: true}}`))).toEqual([
      expect.stringContaining(
        "Cannot use clients.a.unverified (runlet.yaml:1) as it must be false for a client with a key",
      ),
    ]);
  });

  test("tools of a server that is among the client's servers may be ruled before it is there; a slip is refused", () => {
    const rule = (servers: string): string =>
      `mcpServers: {github: {command: x}}\naccess_control: {clients: {a: {allowed_servers: [${servers}], allowed_tools: {gihub: [y]}}}}`;
    expect(problemsOf(() => compileYaml(rule("gihub")))).toEqual([]);
    expect(problemsOf(() => compileYaml(rule("'*'")))[0]).toContain("must be the name of a configured server");
  });
});

describe("credentials", () => {
  const given = (server: object, credentials: object) => {
    const { tree, faults, secretPaths } = translated({
      mcpServers: { "my-git": server },
      credentials: { "my-git": credentials },
    });
    const { mcpServers } = tree as { mcpServers: Record<string, unknown> };
    return { server: mcpServers["my-git"], faults: faults.map(({ rule }) => rule), secretPaths: secretPaths.length };
  };

  test("a process gets each as two variables; those of its own env stay", () => {
    const server = { command: "x", env: { PIN_CODE: "own", A: "b" } };
    expect(given(server, { "pin-code": "1", user: 5, none: null })).toEqual({
      server: { command: "x", env: { PIN_CODE: "own", A: "b", MY_GIT_PIN_CODE: "1", USER: 5, MY_GIT_USER: 5 } },
      faults: [],
      secretPaths: 3,
    });
  });

  test.each(["api_token", "token", "API_KEY", "apiKey", "access_token"])(
    "a remote server gets %s as its bearer",
    (name) => {
      expect(given({ url: "http://x" }, { [name]: "t" })).toMatchObject({
        server: { url: "http://x", headers: { Authorization: "Bearer t" } },
        secretPaths: 1,
      });
    },
  );

  test("a remote server keeps its own Authorization, whatever its case", () => {
    const server = { url: "http://x", headers: { authorization: "Basic own" } };
    expect(given(server, { token: "t" })).toEqual({ server, faults: [], secretPaths: 0 });
  });

  test.each([
    [
      { url: "http://x" },
      { password: "p" },
      "must be api_token, token or api_key for a server that is reached over HTTP",
    ],
    [{ command: "x" }, { token: ["t"] }, "must be text"],
  ])("%j cannot take %j", (server, credentials, rule) => {
    expect(given(server, credentials).faults).toEqual([rule]);
  });

  test("whatever its name is, a credential is a secret and is not shown", () => {
    const text = "mcpServers: {a: {command: x}}\ncredentials: {a: {station: ${STATION}}}\n".replace(
      "${STATION}",
      '"${STATION}"',
    );
    const loaded = loadYaml(text, { env: { STATION: "waterloo-east" } });
    expect(loaded.secrets).toEqual(["waterloo-east"]);
    expect(JSON.stringify(listSettings(loaded))).not.toContain("waterloo");
  });

  test("one written out in the file is a secret too", () => {
    expect(loadYaml("mcpServers: {a: {url: 'http://x'}}\ncredentials: {a: {token: plain-text-token}}").secrets).toEqual(
      ["plain-text-token"],
    );
  });

  test("a server may be called encryption; a disabled server needs no variable", () => {
    const text =
      'mcpServers: {encryption: {command: x, disabled: true}}\ncredentials: {encryption: {enabled: "${NOT_SET}"}}\n';
    expect(loadYaml(text)).toMatchObject({ problems: [], warnings: [] });
  });
});
