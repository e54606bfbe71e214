import { configuredClass, toolClass } from "../../catalog/tool-class.ts";
import { allowsServer, allowsTool } from "../../config/access.ts";
import type { ClientConfig, Config, UpstreamConfig } from "../../config/config.ts";
import type { ToolDefinition } from "../../upstream/upstream.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";

/** What the servers listed, by server; empty where none was started. */
export type Listed = ReadonlyMap<string, readonly ToolDefinition[]>;

/** Clients that can do nothing: no server is theirs, no tool fits their rules, or their keys are over. */
export function clientChecks(
  { clients, upstreams }: Pick<Config, "clients" | "upstreams">,
  { listed, nowMs }: { readonly listed: Listed; readonly nowMs: number },
): readonly HealthCheck[] {
  return clients.flatMap((client) => {
    const checks = [keyCheck(client, nowMs), reachCheck(client, upstreams, listed)];
    return checks.filter((check) => check !== undefined);
  });
}

function keyCheck({ principal: { id }, keyExpiresAtMs }: ClientConfig, nowMs: number): HealthCheck | undefined {
  if (keyExpiresAtMs === undefined || nowMs < keyExpiresAtMs) return undefined;
  const detail = `its keys ended at ${new Date(keyExpiresAtMs).toISOString()}`;
  return checksOf("configuration", id).warn("key", detail, `runlet keys create ${id}, and replace what it has.`);
}

function reachCheck(
  { principal: { id, access } }: ClientConfig,
  upstreams: readonly UpstreamConfig[],
  listed: Listed,
): HealthCheck | undefined {
  const { ok, warn } = checksOf("configuration", id);
  const own = upstreams.filter(({ name }) => allowsServer(access, name));
  if (upstreams.length === 0) return undefined;
  const key = `clients.${id}`;
  if (own.length === 0) {
    const names = upstreams.map(({ name }) => name).join(", ");
    return warn("reach", "no server is its own", `Name some in servers of ${key}: there are ${names}.`);
  }
  if (access.classes?.length === 0) return warn("reach", "no class of tools is its own", `See classes of ${key}.`);
  const servers = own.map(({ name }) => name).join(", ");
  const known = own.filter(({ name }) => listed.has(name));
  const all = known.flatMap((upstream) => classed(upstream, listed.get(upstream.name) ?? []));
  const allowed = all.filter((tool) => allowsTool(access, tool)).length;
  if (all.length === 0) return ok("reach", servers);
  if (allowed > 0)
    return ok("reach", `${allowed} of ${all.length} tools of ${known.map(({ name }) => name).join(", ")}`);
  const classes = [...new Set(all.map((tool) => tool.class))].join(", ");
  const remedy = `See tools and classes of ${key}: the tools there are of the classes ${classes}.`;
  return warn("reach", `none of the ${all.length} tools of ${servers} is its own`, remedy);
}

function classed(
  { name: server, trustAnnotations, classes }: UpstreamConfig,
  tools: readonly ToolDefinition[],
): readonly Parameters<typeof allowsTool>[1][] {
  return tools.map(({ name, annotations }) => ({
    server,
    name,
    class: configuredClass(name, classes) ?? toolClass(annotations, trustAnnotations),
  }));
}
