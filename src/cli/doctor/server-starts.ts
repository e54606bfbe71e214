import { guardRegistry } from "../../catalog/guard/guarded-registry.ts";
import type { GuardedRegistry } from "../../catalog/guard/guarded-registry.ts";
import { Pins } from "../../catalog/guard/pins.ts";
import type { UpstreamConfig } from "../../config/config.ts";
import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { createMemoryStores } from "../../store/memory/create-memory-stores.ts";
import type { PinRecord } from "../../store/pin-store.ts";
import type { GrantStore } from "../../upstream/oauth/grant-store.ts";
import { createUpstreamRegistry } from "../../upstream/registry.ts";
import type { Environment } from "../../upstream/transports/environment.ts";
import type { ToolDefinition, Upstream } from "../../upstream/upstream.ts";
import { VERSION } from "../../version.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";

/** What starting servers needs. */
export interface StartDeps {
  readonly clock: Clock;
  readonly env: Environment;
  readonly redact: (text: string) => string;
  /** What servers are held to. */
  readonly pins: readonly PinRecord[];
  /** What logins gave; tokens that have to be renewed for a start are kept there. @default there are none */
  readonly grants?: GrantStore | undefined;
  /** Gives up waiting. */
  readonly signal: AbortSignal | undefined;
}

/** What servers showed when they were started. */
export interface Started {
  /** For each server, in their order. */
  readonly checks: readonly (readonly HealthCheck[])[];
  /** The tools that would be served, by each server that listed some. */
  readonly listed: ReadonlyMap<string, readonly ToolDefinition[]>;
}

const MAX_SHOWN = 5;
const LAST_WORDS = 3;

/**
 * Starts servers side by side as a service does, one process each, lists their tools, and ends them all. One that hangs takes
 * its own connect timeout, twice where it hangs again over its list, and holds none of the others up.
 *
 * @param look Looks at a server first: one of which something failed is not started.
 */
export async function startServers(
  upstreams: readonly UpstreamConfig[],
  look: (upstream: UpstreamConfig) => Promise<readonly HealthCheck[]>,
  { clock, env, redact, pins: records, grants, signal }: StartDeps,
): Promise<Started> {
  const stores = createMemoryStores();
  await stores.pins.save(records);
  const pins = await Pins.create({ store: stores.pins, clock, log: silentLog });
  const deps = { clock, log: silentLog, env, version: VERSION, redact, grants };
  const registry = guardRegistry(createUpstreamRegistry(upstreams.map(toTried), deps), {
    pins,
    log: silentLog,
    redact,
  });
  const tryOne = async (upstream: Upstream): Promise<readonly HealthCheck[]> => {
    const parts = await look(upstream.config);
    const failed = parts.some(({ status }) => status === "failed");
    return failed ? parts : [...parts, await start(upstream, clock, signal)];
  };
  try {
    const all = registry.list();
    const starts = await Promise.all(all.map(tryOne));
    return {
      // Once all are there: a text may name a tool of any of them.
      checks: all.map((upstream, at) => [...(starts[at] ?? []), ...listingChecks(upstream, registry, pins)]),
      listed: new Map(
        all.flatMap((upstream) => {
          const tools = upstream.knownTools();
          return tools === undefined ? [] : [[upstream.config.name, tools] as const];
        }),
      ),
    };
  } finally {
    await registry.close();
    await pins.close();
    await stores.close();
  }
}

/** One process tells as much as many. */
function toTried(config: UpstreamConfig): UpstreamConfig {
  return { ...config, eager: false, lifecycle: { ...config.lifecycle, replicas: 1 } };
}

async function start(upstream: Upstream, clock: Clock, signal: AbortSignal | undefined): Promise<HealthCheck> {
  const server = upstream.config.name;
  const { ok, fail } = checksOf("servers", server);
  const sinceMs = clock.monotonic();
  try {
    const tools = await upstream.tools(signal);
    const ms = Math.round(clock.monotonic() - sinceMs);
    const { protocolVersion: protocol, serverInfo, droppedTools } = upstream.status();
    const who = serverInfo === undefined ? "" : `${serverInfo.name} ${serverInfo.version}, `;
    const detail = `${who}MCP ${protocol ?? "of an unknown revision"}, ${count(tools.length, "tool")}, ${ms} ms`;
    return ok("start", detail, { protocol, tools: tools.length, dropped: droppedTools.length, ms });
  } catch (error) {
    if (signal?.aborted !== true && !(error instanceof RunletError)) throw error;
    const given = error instanceof RunletError ? error : undefined;
    const words = upstream.status().stderr.slice(-LAST_WORDS);
    const detail = [given?.message ?? "given up as the command was stopped", ...words.map((line) => `| ${line}`)];
    return fail("start", detail.join("\n"), given?.context.hint ?? `Correct mcpServers.${server}.`);
  }
}

/** What there is to say of a list of tools. */
function* listingChecks(upstream: Upstream, registry: GuardedRegistry, pins: Pins): Generator<HealthCheck> {
  const server = upstream.config.name;
  const tools = upstream.knownTools();
  if (tools === undefined) return;
  const { warn } = checksOf("servers", server);
  const { droppedTools } = upstream.status();
  if (droppedTools.length > 0) {
    const reasons = droppedTools.map(({ name, reason }) => `${name}: ${reason}`);
    const detail = `${count(droppedTools.length, "tool")} not served\n${shown(reasons).join("\n")}`;
    yield warn("tools", detail, "Mend them in the server, or approve what changed; the others are served.");
  } else if (tools.length === 0) {
    yield warn("tools", "it lists none", `See tools.allow and tools.deny of mcpServers.${server}.`);
  }
  const findings = registry.findings(server);
  if (findings.length > 0) {
    const texts = findings.map(
      ({ tool, rule, place, excerpt }) => `${rule} in ${tool ?? "its instructions"} at ${place}: ${excerpt}`,
    );
    const remedy = `Read them as a model would. \`scan: block\` of mcpServers.${server} withholds such tools.`;
    yield warn("text", `${count(findings.length, "suspicious text")}\n${shown(texts).join("\n")}`, remedy);
  }
  const { state, changed, added, removed, instructionsChanged } = pins.view(server);
  if (state !== "changed") return;
  const names = [...label("changed", changed), ...label("added", added), ...label("removed", removed)];
  const detail = [...names, ...(instructionsChanged ? ["other instructions"] : [])].join("; ");
  const remedy = `\`runlet pins show ${server}\` has the difference once a service met it; then \`runlet pins approve ${server}\`.`;
  yield warn("pins", `not what was approved: ${detail}`, remedy);
}

function label(word: string, names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [`${word} ${shown(names).join(", ")}`];
}

function shown(texts: readonly string[]): readonly string[] {
  const more = texts.length - MAX_SHOWN;
  return more > 0 ? [...texts.slice(0, MAX_SHOWN), `${more} more`] : texts;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
