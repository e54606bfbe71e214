import type { Catalog, CatalogSource, CatalogTool } from "../../catalog/catalog.ts";
import { allowsTool } from "../../config/access.ts";
import type { AccessRules } from "../../config/principal.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Upstream, UpstreamRegistry } from "../../upstream/upstream.ts";
import { findDenyingRule } from "../access-rule.ts";
import type { CallTool } from "../call.ts";
import { type AdmittedCall, shortName, type TracedCall } from "../policy.ts";
import { toolNotFound } from "../tool-not-found.ts";
import { listTools } from "../list-tools.ts";

const UNRESTRICTED: AccessRules = Object.freeze({});

/**
 * Lets a call on only when its principal's rules and its run's rules allow the tool, judged anew for each call. A
 * denied tool looks exactly like one that does not exist; only the trace names the rule. A server that the caller may
 * use and whose tools are not known yet is started to find out.
 */
export function access(parts: {
  readonly registry: UpstreamRegistry;
  readonly catalogs: CatalogSource;
  readonly clock: Clock;
}) {
  const { registry, catalogs, clock } = parts;
  const catalogFor = createCatalogCache(registry, catalogs);

  return (next: CallTool<AdmittedCall>): CallTool<TracedCall> =>
    async (call) => {
      const upstream = registry.get(call.server);
      if (upstream === undefined) throw refuse(call, undefined);
      call.trace.server = call.server;
      if (upstream.knownTools() === undefined && mayHold(call)) await listTools(call, upstream, clock);
      const definition = catalogFor(call.principal.access).find(call.server, call.tool);
      if (definition === undefined || !isAllowed(call, definition)) throw refuse(call, upstream);
      call.trace.tool = definition.name;
      return next({ ...call, definition, upstream });
    };

  /** Notes why, for the operator, and makes the one error that callers see whatever the reason. */
  function refuse(call: TracedCall, upstream: Upstream | undefined): Error {
    const definition = upstream && catalogFor(UNRESTRICTED).find(call.server, call.tool);
    const unlisted = upstream !== undefined && upstream.knownTools() === undefined;
    const judged = definition ?? (unlisted ? { server: call.server, name: call.tool, class: undefined } : undefined);
    const denied = judged && findDenyingRule(call, judged);
    call.trace.tool = definition?.name;
    call.trace.refusal = denied ? { reason: "access", ...denied } : { reason: "unknown", scope: "tool" };
    const visible = catalogFor(call.principal.access).tools.filter((tool) => isAllowed(call, tool));
    return toolNotFound(shortName(call.server), shortName(call.tool), visible);
  }
}

function isAllowed(call: TracedCall, tool: CatalogTool): boolean {
  return allowsTool(call.principal.access, tool) && (call.narrow === undefined || allowsTool(call.narrow, tool));
}

/** Whether the server could hold a tool of this name for the caller: judged by names, its class is not known yet. */
function mayHold(call: TracedCall): boolean {
  return findDenyingRule(call, { server: call.server, name: call.tool, class: undefined }) === undefined;
}

/** The catalog of each distinct rules object, kept until an upstream's tools change or the rules are gone. */
function createCatalogCache(registry: UpstreamRegistry, catalogs: CatalogSource): (access: AccessRules) => Catalog {
  let version = registry.version;
  let known = new WeakMap<AccessRules, Catalog>();
  return (rules) => {
    if (registry.version !== version) {
      version = registry.version;
      known = new WeakMap();
    }
    let catalog = known.get(rules);
    if (catalog === undefined) known.set(rules, (catalog = catalogs.current({ access: rules })));
    return catalog;
  };
}
