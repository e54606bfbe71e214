import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LifecycleConfig, UpstreamConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createUpstream, type UpstreamDeps } from "../../src/upstream/supervisor.ts";
import type { Upstream, UpstreamCallOptions } from "../../src/upstream/upstream.ts";

const FIXTURES = new URL("../fixtures/servers/", import.meta.url);
const require = createRequire(import.meta.url);

/** Path of a fixture server, such as `tiny`. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`${name}.mjs`, FIXTURES));
}

/** Path of the program of an installed MCP server package. */
export function packageProgram(name: string, entry = "dist/index.js"): string {
  return join(require.resolve(`${name}/package.json`), "..", entry);
}

/** Parts of a configuration that a test changes. */
export type ConfigChanges = Partial<Omit<UpstreamConfig, "transport">>;

/** A server that node runs. */
export function stdioConfig(
  args: readonly string[],
  changes: ConfigChanges & { readonly env?: Readonly<Record<string, string>> } = {},
): UpstreamConfig {
  const { env = {}, ...rest } = changes;
  return withDefaults({ kind: "stdio", command: process.execPath, args, env, cwd: undefined }, rest);
}

/** A server at a URL. */
export function httpConfig(
  url: string,
  changes: ConfigChanges & { readonly headers?: Readonly<Record<string, string>> } = {},
): UpstreamConfig {
  const { headers = {}, ...rest } = changes;
  return withDefaults({ kind: "http", url, headers }, rest);
}

/** How a server lives by default, changed where a test wants it. */
export function lifecycle(changes: Partial<LifecycleConfig> = {}): LifecycleConfig {
  return { sharing: "auto", maxSessions: 64, replicas: 1, idleStopMs: 300_000, maxFailures: 5, ...changes };
}

function withDefaults(transport: UpstreamConfig["transport"], changes: ConfigChanges): UpstreamConfig {
  return {
    name: "server",
    transport,
    connectTimeoutMs: 10_000,
    callTimeoutMs: 10_000,
    eager: false,
    concurrency: 16,
    queueLimit: 16,
    queueWaitMs: 1_000,
    idleTimeoutMs: undefined,
    toolTimeouts: [],
    allowTools: undefined,
    denyTools: [],
    trustAnnotations: true,
    classes: new Map(),
    rateLimits: [],
    lifecycle: lifecycle(),
    cache: undefined,
    coalesce: true,
    retry: { retries: 2, baseMs: 100, maxMs: 2_000 },
    breaker: { failures: 5, errorRate: 0.5, minCalls: 10, windowMs: 60_000, openMs: 30_000 },
    pinning: "warn",
    scan: "warn",
    sampling: "refuse",
    redactResults: "off",
    ...changes,
  };
}

/** Something a fixture server wrote to its events file. */
export interface FixtureEvent {
  readonly pid: number;
  readonly event: string;
  readonly [key: string]: unknown;
}

/** A place for one test: upstreams that it closes, a file of events, a mark by which to find its processes. */
export interface UpstreamBench {
  readonly mark: string;
  readonly folder: string;
  /** A fixture server's configuration, with the events file and the mark in its environment. */
  fixture(name: string, changes?: ConfigChanges & { readonly env?: Readonly<Record<string, string>> }): UpstreamConfig;
  upstream(config: UpstreamConfig, deps?: Partial<UpstreamDeps>): Upstream;
  events(): readonly FixtureEvent[];
  /** How many processes of fixture servers were started. */
  started(): number;
  /** Closes every upstream and removes the folder. */
  close(): Promise<void>;
}

/** Creates a place for one test. */
export function createBench(): UpstreamBench {
  const mark = `mark-${randomUUID()}`;
  const folder = mkdtempSync(join(tmpdir(), "runlet-upstream-"));
  const eventsFile = join(folder, "events.jsonl");
  const created: Upstream[] = [];
  const events = (): readonly FixtureEvent[] => {
    try {
      const lines = readFileSync(eventsFile, "utf8").trim().split("\n");
      return lines.map((line) => JSON.parse(line) as FixtureEvent);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  };
  return {
    mark,
    folder,
    fixture: (name, changes = {}) =>
      stdioConfig([fixturePath(name)], { ...changes, env: { EVENTS_FILE: eventsFile, MARK: mark, ...changes.env } }),
    upstream(config, deps = {}) {
      const upstream = createUpstream(config, {
        clock: systemClock,
        log: silentLog,
        env: process.env,
        random: () => 0.5,
        ...deps,
      });
      created.push(upstream);
      return upstream;
    },
    events,
    started: () => events().filter(({ event }) => event === "started").length,
    async close() {
      await Promise.all(created.map((upstream) => upstream.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Text of the first block of a tool's answer. */
export async function textOf(
  upstream: Upstream,
  tool: string,
  args: Record<string, unknown> = {},
  caller: Partial<UpstreamCallOptions> = {},
): Promise<unknown> {
  const { content } = await upstream.callTool(tool, args, { ...patiently(), ...caller });
  return content[0]?.["text"];
}

/** Options of a call that nothing disturbs. */
export function patiently(timeoutMs = 10_000): UpstreamCallOptions {
  return { signal: new AbortController().signal, timeoutMs, principal: "local" };
}

/** Kills a process of an upstream that has one. @throws Error when it has none, which a signal to 0 would take for ours. */
export function killProcess(upstream: Upstream): number {
  const { pid } = upstream.status();
  if (pid === undefined) throw new Error("no process is there to be killed");
  process.kill(pid, "SIGKILL");
  return pid;
}

/** Waits until something holds, looking every few milliseconds. @throws Error when it does not hold in time. */
export async function until(holds: () => boolean, timeoutMs = 5_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !holds();) {
    if (performance.now() > end)
      throw new Error(`this did not come to hold within ${timeoutMs} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
