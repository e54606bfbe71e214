import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import type { ServerChanges } from "../upstream/registry.ts";
import type { Parts } from "./parts.ts";

/** How far a configuration is in place in a service that runs. */
export interface AppliedConfig {
  readonly servers: ServerChanges;
  /** Whether who may call what is another. */
  readonly clients: boolean;
  /** Keys, as people write them, whose values hold only after a restart. */
  readonly needRestart: readonly string[];
}

/** Members of a configuration that a service is built with, and the keys that people know them by. */
const FIXED = {
  http: "host, port, http",
  dataDir: "dataDir",
  limits: "limits",
  quotas: "quotas",
  auditFile: "audit",
  model: "model",
  executors: "executors",
  confinement: "executors.confinement",
  queue: "queue",
  catalog: "catalog",
  cache: "cache",
  log: "log",
  telemetry: "telemetry",
  shutdownGraceMs: "shutdownGrace",
  hotReload: "hotReload",
} as const satisfies Partial<Record<keyof Config, string>>;

const CALLERS = ["clients", "auth", "defaultPolicy"] as const satisfies readonly (keyof Config)[];

/**
 * How a running service takes another configuration: servers, with all that is said of them, and who may call what. Runs go
 * on; their next call meets the new rules. Secrets of both configurations stay hidden.
 *
 * @param initial What the service was built with.
 */
export function createApply(
  initial: Config,
  { upstreams, callers, redactor }: Pick<Parts, "upstreams" | "callers" | "redactor">,
): (next: Config) => AppliedConfig {
  let current = initial;
  return (next) => {
    // Before anything can speak of them.
    redactor.learn(next.secrets);
    const clients = CALLERS.some((key) => !isDeepStrictEqual(current[key], next[key]));
    // Callers first: whoever lost a right must not find a new server in between.
    if (clients) callers.replace(next);
    const servers = upstreams.apply(next.upstreams, initial.shutdownGraceMs);
    current = next;
    const keys = Object.keys(FIXED) as (keyof typeof FIXED)[];
    const needRestart = keys.filter((key) => !isDeepStrictEqual(initial[key], next[key])).map((key) => FIXED[key]);
    return { servers, clients, needRestart };
  };
}
