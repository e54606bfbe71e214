import type { UpstreamConfig } from "../../config/config.ts";
import type { Listed } from "./client-checks.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";
import type { FoundConfiguration } from "./read-configuration.ts";
import { partChecks } from "./server-parts.ts";
import type { PartDeps } from "./server-parts.ts";
import { startServers } from "./server-starts.ts";
import type { StartDeps } from "./server-starts.ts";

/** What is said of servers, and what they listed. */
export interface ServerFindings {
  readonly checks: readonly HealthCheck[];
  readonly listed: Listed;
}

/**
 * Looks at each server's parts and, unless `offline`, starts those of which nothing is missing; all side by side. In the
 * order of the configuration; those that are left out of it come last.
 */
export async function serverChecks(
  {
    config: { upstreams },
    leftOut,
  }: Pick<FoundConfiguration, "leftOut"> & {
    readonly config: { readonly upstreams: readonly UpstreamConfig[] };
  },
  deps: PartDeps & StartDeps,
): Promise<ServerFindings> {
  const look = (upstream: UpstreamConfig): Promise<readonly HealthCheck[]> => partChecks(upstream, deps);
  const { checks, listed } = deps.offline
    ? { checks: await Promise.all(upstreams.map((upstream) => lookOnly(upstream, look))), listed: new Map() }
    : await startServers(upstreams, look, deps);
  const faulty = leftOut.map((name) =>
    checksOf("servers", name).fail(
      "setting",
      "not looked at, for its configuration cannot be used",
      "Mend what is told of it above.",
    ),
  );
  return { checks: [...checks.flat(), ...faulty], listed };
}

async function lookOnly(
  upstream: UpstreamConfig,
  look: (upstream: UpstreamConfig) => Promise<readonly HealthCheck[]>,
): Promise<readonly HealthCheck[]> {
  const parts = await look(upstream);
  return parts.length > 0 ? parts : [checksOf("servers", upstream.name).ok("start", "not tried")];
}
