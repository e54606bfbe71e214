import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HealthCheck } from "../../src/cli/doctor/health-check.ts";
import { runlet, runletCommand } from "../support/command.ts";
import { startModernServer } from "../support/mcp-http-server.ts";
import type { ModernServer } from "../support/mcp-http-server.ts";
import { processesWithMark } from "../support/processes.ts";
import { cliEnvironment } from "../support/service.ts";
import { createBench, fixturePath, until } from "../support/upstreams.ts";
import type { UpstreamBench } from "../support/upstreams.ts";

const HASHES = ["a", "b", "c"].map((digit) => digit.repeat(64));
const SECRETS = {
  header: "the-token-in-a-header",
  stored: "the-content-of-a-file",
  key: "sk-the-key-of-the-model",
  words: "the-word-a-server-says",
};

let bench: UpstreamBench;
let modern: ModernServer;

beforeEach(async () => {
  bench = createBench();
  modern = await startModernServer(() => [
    { name: "look", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } },
  ]);
});
afterEach(async () => {
  await modern.close();
  const { mark } = bench;
  await bench.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

/** A fixture server as the configuration writes it. */
function server(name: string, more: object = {}): object {
  const env = { MARK: bench.mark, EVENTS_FILE: join(bench.folder, "events.jsonl") };
  return { command: process.execPath, args: [fixturePath(name)], env, ...more };
}

function write(config: object): void {
  writeFileSync(join(bench.folder, "runlet.json"), JSON.stringify({ port: 0, ...config }), { mode: 0o600 });
}

/** `runlet doctor --json` in a process of its own. */
async function doctor(config: object, ...flags: string[]) {
  write(config);
  const { code, stdout, stderr } = await runlet(["doctor", "--json", ...flags], { cwd: bench.folder });
  const checks = JSON.parse(stdout) as HealthCheck[];
  const failed = checks.filter(({ status }) => status === "failed");
  return { code, stdout, stderr, checks, failed };
}

const labelOf = ({ group, subject = "", name }: HealthCheck): string => `${group} ${subject} ${name}`;

describe("a healthy configuration", () => {
  const healthy = (): object => ({
    mcpServers: { tiny: server("tiny"), remote: { url: modern.url } },
    clients: { reader: { key: HASHES[0], classes: ["read"] } },
  });

  test("passes with what each server is, and every process of it is gone", async () => {
    const { code, failed, checks } = await doctor(healthy());
    expect([code, failed]).toEqual([0, []]);
    const servers = checks.filter(({ group }) => group === "servers");
    expect(servers).toEqual([
      { group: "servers", subject: "tiny", name: "command", status: "ok", detail: process.execPath },
      {
        group: "servers",
        subject: "tiny",
        name: "start",
        status: "ok",
        detail: expect.stringMatching(/^fixture 1\.2\.3, MCP 2025-11-25, 10 tools, \d+ ms$/u),
        facts: { protocol: "2025-11-25", tools: 10, dropped: 0, ms: expect.any(Number) },
      },
      {
        group: "servers",
        subject: "remote",
        name: "address",
        status: "ok",
        detail: `${new URL(modern.url).origin} answers`,
      },
      {
        group: "servers",
        subject: "remote",
        name: "start",
        status: "ok",
        detail: expect.stringMatching(/^modern-http 3\.0\.0, MCP 2026-07-28, 1 tool, \d+ ms$/u),
        facts: { protocol: "2026-07-28", tools: 1, dropped: 0, ms: expect.any(Number) },
      },
    ]);
    expect(bench.started()).toBeGreaterThan(0);
    expect(processesWithMark(bench.mark)).toEqual([]);
  });

  test("is looked at offline without starting or asking anything", async () => {
    const { code, checks } = await doctor(healthy(), "--offline");
    expect(code).toBe(0);
    expect(checks.filter(({ group }) => group === "servers").map(labelOf)).toEqual([
      "servers tiny command",
      "servers remote start",
    ]);
    expect([bench.started(), modern.requests]).toEqual([0, []]);
  });

  test("is told of in lines for people, which say on stderr what is being started", async () => {
    write(healthy());
    const { code, stdout, stderr } = await runlet(["doctor"], { cwd: bench.folder });
    expect([code, stderr]).toEqual([0, "Starting tiny, remote …\n"]);
    expect(stdout.split("\n").filter((line) => /^\S/u.test(line))).toEqual([
      "machine",
      "configuration",
      "servers",
      expect.stringMatching(/^0 failed, \d+ to look at, \d+ ok$/u),
    ]);
    expect(stdout).toMatch(/^ {2}ok {4}reader: reach +\d of \d+ tools of tiny, remote$/mu);
  });
});

describe("a configuration with many faults", () => {
  const faulty = (): object => ({
    rateLimit: "100/minute",
    mcpServers: {
      good: server("tiny"),
      gone: { command: "no-such-program-anywhere" },
      nowhere: server("tiny", { cwd: "no-such-folder" }),
      dies: server("exit-at-once"),
      garbage: server("garbage", { connectTimeout: "1s" }),
      drops: server("bad-tools"),
      late: server("tiny", { timeout: "soon" }),
      lost: server("tiny", { env: { TOKEN: "${NOT_SET_ANYWHERE}" } }),
      remote: { url: "http://127.0.0.1:9/mcp", headers: { Authorization: `Bearer ${SECRETS.header}` } },
      filed: server("tiny", { env: { TOKEN: "${file:token}", MARK: bench.mark } }),
    },
    clients: {
      none: { key: HASHES[0], servers: ["gitlab"] },
      empty: { key: HASHES[1], servers: ["good"], classes: ["destructive"] },
      good: { key: HASHES[2] },
    },
    model: { baseURL: "http://127.0.0.1:9/v1", model: "m", apiKey: SECRETS.key },
  });

  test("has each of them told, and what is well beside them; secrets are nowhere", async () => {
    writeFileSync(join(bench.folder, "token"), SECRETS.stored, { mode: 0o644 });
    const { code, failed, checks, stdout, stderr } = await doctor(faulty());
    expect(code).toBe(1);
    expect(failed.map(labelOf)).toEqual([
      "configuration  reference",
      "configuration  setting",
      "configuration  setting",
      "servers gone command",
      "servers nowhere cwd",
      "servers dies start",
      "servers garbage start",
      "servers remote address",
      "servers lost setting",
      "servers late setting",
      "model  endpoint",
    ]);
    for (const { remedy } of failed) expect(remedy).toMatch(/\S/u);
    const warned = checks.filter(({ status, group }) => status === "warning" && group !== "machine");
    expect(warned.map(labelOf)).toEqual([
      "configuration  setting",
      "configuration  secret-file",
      "configuration none reach",
      "configuration empty reach",
      "servers drops tools",
    ]);
    const one = (label: string): string | undefined => checks.find((check) => labelOf(check) === label)?.detail;
    expect(one("servers good start")).toContain("10 tools");
    expect(one("servers dies start")).toMatch(/exited with code 3\.\n\| fixture: no configuration found$/u);
    expect(one("servers drops tools")).toContain("no-schema: its inputSchema is not an object");
    expect(one("servers gone command")).toContain("no-such-program-anywhere is not on the PATH that the server gets");
    expect(one("configuration empty reach")).toBe("none of the 10 tools of good is its own");
    for (const secret of Object.values(SECRETS)) expect(stdout + stderr).not.toContain(secret);
    expect(processesWithMark(bench.mark)).toEqual([]);
  });

  test("has them told offline as far as that goes", async () => {
    writeFileSync(join(bench.folder, "token"), SECRETS.stored, { mode: 0o600 });
    const { code, failed } = await doctor(faulty(), "--offline");
    expect(code).toBe(1);
    expect(failed.map(labelOf)).toEqual([
      "configuration  reference",
      "configuration  setting",
      "configuration  setting",
      "servers gone command",
      "servers nowhere cwd",
      "servers lost setting",
      "servers late setting",
    ]);
    expect(bench.started()).toBe(0);
  });
});

test("what a server writes is shown without the secrets that it was given", async () => {
  const script = "console.error('my token is ' + process.env.TOKEN); process.exit(1)";
  writeFileSync(join(bench.folder, "word"), SECRETS.words, { mode: 0o600 });
  const { checks, stdout } = await doctor({
    mcpServers: { says: { command: process.execPath, args: ["-e", script], env: { TOKEN: "${file:word}" } } },
  });
  expect(checks.find(({ name }) => name === "start")?.detail).toContain("| my token is ***");
  expect(stdout).not.toContain(SECRETS.words);
});

test("a configuration that is none fails as one fault, and the machine is looked at", async () => {
  writeFileSync(join(bench.folder, "runlet.json"), "{");
  const { code, stdout } = await runlet(["doctor", "--json"], { cwd: bench.folder });
  const checks = JSON.parse(stdout) as HealthCheck[];
  expect(code).toBe(1);
  expect(checks.find(({ name }) => name === "setting")).toMatchObject({ status: "failed", place: { key: "" } });
  expect(checks.find(({ name }) => name === "executor")).toMatchObject({ status: "ok" });
});

test("told to stop while a server hangs, it ends that server and says what it knows", async () => {
  write({ mcpServers: { hangs: server("hang", { connectTimeout: "20m" }), tiny: server("tiny") } });
  const { command, args } = runletCommand(["doctor", "--json"]);
  const child = spawn(command, args, { cwd: bench.folder, env: cliEnvironment(), stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await until(() => bench.events().some(({ event }) => event === "tools/list") && bench.started() > 1, 20_000);
  child.kill("SIGINT");
  const [code] = (await once(child, "close")) as [number | null];
  const checks = JSON.parse(text) as HealthCheck[];
  expect(code).toBe(1);
  expect(checks.filter(({ name }) => name === "start").map(({ subject, status }) => [subject, status])).toEqual([
    ["hangs", "failed"],
    ["tiny", "ok"],
  ]);
});
