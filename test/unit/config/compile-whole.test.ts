import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { compileConfig } from "../../../src/config/compile.ts";
import { BUILT_IN_LIMITS } from "../../../src/config/limits.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { compileYaml, folderWith, problemsOf } from "./support.ts";

describe("a complete configuration", () => {
  test("nothing at all gives the documented defaults", () => {
    expect(compileConfig({}, { cwd: "/srv", cores: 4 })).toEqual({
      http: { host: "127.0.0.1", port: 8377, maxBodyBytes: 4_194_304, maxWaitMs: 120_000, allowedHosts: [] },
      dataDir: resolve("/srv", ".runlet"),
      upstreams: [],
      clients: [],
      defaultPolicy: "deny",
      limits: BUILT_IN_LIMITS,
      quotas: {},
      dataFlow: [],
      approvals: [],
      auditFile: resolve("/srv", ".runlet", "audit.jsonl"),
      model: undefined,
      executors: { processes: 4, isolatesPerProcess: 16, profile: "hardened" },
      confinement: "auto",
      queue: { depth: 1_000, concurrency: 64, stallAfterMs: 10_000 },
      redis: undefined,
      role: "all",
      retention: { runsMs: 604_800_000 },
      catalog: { learnTypes: true },
      cache: { maxBytes: 67_108_864, maxEntries: 10_000 },
      log: { level: "info", pretty: false },
      telemetry: { serviceName: "runlet", otlp: undefined, traceRatio: 1, metricsIntervalMs: 60_000 },
      shutdownGraceMs: 10_000,
      hotReload: true,
      secrets: [],
    });
  });

  test("every key is heard", () => {
    const config = compileYaml(
      `
host: "::1"
port: 0
dataDir: ":memory:"
shutdownGrace: 0
hotReload: false
telemetry:
  serviceName: gate
  otlp: {endpoint: "http://collector:4318/", headers: {x-team: a-team-key}, timeout: 3s}
  traces: {ratio: 0.1}
  metrics: {interval: 15s}
executors: {processes: 3, isolatesPerProcess: 5, profile: fast, confinement: require}
queue: {depth: 7, concurrency: 2, stallAfter: 30s}
redis: {url: "\${REDIS_URL}", prefix: gate}
role: worker
retention: {runs: 30d}
approvals: [{server: crm, expires: 1h}]
catalog: {learnTypes: false}
cache: {maxBytes: 1m, maxEntries: 50}
dataFlow: {deny: [{from: crm, to: mail__send}]}
http: {maxBody: 1m, maxWait: 5m, allowedHosts: [runlet.example]}
log: {level: silent, pretty: true}
model: {baseURL: "http://m/v1", apiKey: "\${MODEL_KEY}", model: big, temperature: 0, timeout: 2m, maxTokens: 500, attempts: 3}
`,
      { env: { MODEL_KEY: "model-key-1", REDIS_URL: "rediss://:pass-word-1@db/2" } },
    );
    expect(config).toEqual({
      http: { host: "::1", port: 0, maxBodyBytes: 1_048_576, maxWaitMs: 300_000, allowedHosts: ["runlet.example"] },
      dataDir: ":memory:",
      upstreams: [],
      clients: [],
      defaultPolicy: "deny",
      limits: BUILT_IN_LIMITS,
      quotas: {},
      dataFlow: [
        {
          name: "dataFlow.deny[0]",
          from: [{ server: "crm", tool: undefined }],
          to: [{ server: "mail", tool: "send" }],
        },
      ],
      approvals: [
        {
          name: "approvals[0]",
          servers: ["crm"],
          tools: undefined,
          clients: undefined,
          leastClass: "read",
          expiresMs: 3_600_000,
        },
      ],
      auditFile: undefined,
      model: {
        baseURL: "http://m/v1",
        apiKey: "model-key-1",
        model: "big",
        temperature: 0,
        timeoutMs: 120_000,
        maxTokens: 500,
        attempts: 3,
      },
      executors: { processes: 3, isolatesPerProcess: 5, profile: "fast" },
      confinement: "require",
      queue: { depth: 7, concurrency: 2, stallAfterMs: 30_000 },
      redis: { url: "rediss://:pass-word-1@db/2", prefix: "gate" },
      role: "worker",
      retention: { runsMs: 2_592_000_000 },
      catalog: { learnTypes: false },
      cache: { maxBytes: 1_048_576, maxEntries: 50 },
      log: { level: "silent", pretty: true },
      telemetry: {
        serviceName: "gate",
        otlp: { endpoint: "http://collector:4318", headers: { "x-team": "a-team-key" }, timeoutMs: 3_000 },
        traceRatio: 0.1,
        metricsIntervalMs: 15_000,
      },
      shutdownGraceMs: 0,
      hotReload: false,
      secrets: ["rediss://:pass-word-1@db/2", "pass-word-1", "model-key-1", "a-team-key"],
      secretsPlace: {
        file: expect.stringMatching(/\/\.runlet\/secrets\.json$/u) as string,
        keyFile: expect.stringMatching(/\/\.runlet\/secrets\.key$/u) as string,
        keyText: undefined,
      },
    });
  });

  test("a machine of one core still gets two executor processes", () => {
    expect(compileConfig({}, { cores: 1 }).executors.processes).toBe(2);
  });

  test("dedicated processes hold one run each, whatever the default is", () => {
    const { executors, queue } = compileYaml("executors: {profile: dedicated, processes: 6}\n");
    expect(executors).toEqual({ processes: 6, isolatesPerProcess: 1, profile: "dedicated" });
    expect(queue.concurrency).toBe(6);
    expect(compileYaml("executors: {profile: dedicated, isolatesPerProcess: 1}\n").executors.isolatesPerProcess).toBe(
      1,
    );
  });

  test("more than one run in a dedicated process is a contradiction, and said to be one", () => {
    expect(problemsOf(() => compileYaml("executors: {profile: dedicated, isolatesPerProcess: 5}\n"))).toEqual([
      "Cannot use executors.isolatesPerProcess (runlet.yaml:1) as it must be 1 where the profile is dedicated, which gives " +
        "each run a process of its own: current value is 5. Remove it, and raise executors.processes for more runs at once.",
    ]);
  });

  test("confinement is written as text: off is not a boolean", () => {
    expect(compileYaml("executors: {confinement: off}\n").confinement).toBe("off");
    expect(problemsOf(() => compileYaml("executors: {confinement: false}\n"))).toHaveLength(1);
  });

  test("the result is frozen all the way down", () => {
    const config = compileYaml("mcpServers: {a: {command: x, args: [y], env: {A: b}}}\nhttp: {allowedHosts: [h]}\n");
    const thaw = (value: unknown): unknown[] =>
      typeof value !== "object" || value === null
        ? []
        : [...(Object.isFrozen(value) ? [] : [value]), ...Object.values(value).flatMap(thaw)];
    expect(thaw(config)).toEqual([]);
  });

  test("a model without a key gets a placeholder, as clients of such endpoints want some", () => {
    expect(compileYaml("model: {baseURL: 'http://m', model: x, apiKey: ''}").model?.apiKey).toBe("none");
  });

  test("paths of the file start from the file, those of flags from where the command was given", () => {
    const cwd = folderWith({ "etc/r.yaml": "dataDir: data\nmcpServers: {a: {command: x, cwd: work}}\n" });
    const fromFile = loadOptions({ cwd, env: {}, file: "etc/r.yaml" });
    const compiled = compileConfig(fromFile.options, fromFile);
    expect(compiled.dataDir).toBe(join(cwd, "etc", "data"));
    expect(compiled.upstreams[0]?.transport).toMatchObject({ cwd: join(cwd, "etc", "work") });
    const fromFlag = loadOptions({ cwd, env: {}, file: "etc/r.yaml", flags: { "data-dir": "data" } });
    expect(compileConfig(fromFlag.options, fromFlag).dataDir).toBe(join(cwd, "data"));
  });
});
