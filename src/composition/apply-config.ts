import { isDeepStrictEqual } from "node:util";
import type { Callers } from "../config/callers.ts";
import type { Config } from "../config/config.ts";
import type { Redactor } from "../observability/redact.ts";
import type { ReloadableRegistry, ServerChanges } from "../upstream/registry.ts";
import type { LiveKey, LiveSettings } from "./live-settings.ts";

/** How far a configuration is in place in a service that runs. */
export interface AppliedConfig {
  readonly servers: ServerChanges;
  /** Whether who may call what is another. */
  readonly clients: boolean;
  /** Keys of settings, as people write them, whose values are others now. */
  readonly settings: readonly string[];
  /** Keys, as people write them, whose values hold only after a restart. */
  readonly needRestart: readonly string[];
}

/** The parts that take another configuration. */
export interface ApplyParts {
  readonly upstreams: Pick<ReloadableRegistry, "apply">;
  readonly callers: Pick<Callers, "replace">;
  readonly redactor: Pick<Redactor, "learn">;
  readonly live: Pick<LiveSettings, "replace" | "setsLogLevel">;
}

const CALLERS = ["clients", "auth", "defaultPolicy"] as const satisfies readonly (keyof Config)[];

/** Members of a configuration that a running service exchanges. */
type Exchanged = "upstreams" | "secrets" | (typeof CALLERS)[number] | LiveKey;

/** All others: those that a service is built with, and the keys that people know them by. */
const FIXED = {
  http: "host, port, http",
  dataDir: "dataDir",
  secretsPlace: "secrets",
  auditFile: "audit",
  executors: "executors",
  confinement: "executors.confinement",
  queue: "queue",
  redis: "redis",
  role: "role",
  retention: "retention",
  catalog: "catalog",
  cache: "cache",
  telemetry: "telemetry",
  shutdownGraceMs: "shutdownGrace",
  hotReload: "hotReload",
} as const satisfies Readonly<Record<Exclude<keyof Config, Exchanged>, string>>;

/**
 * How a running service takes another configuration: servers, with all that is said of them, who may call what, and the
 * settings that runs begin with. Runs go on with their limits and their model; their next call meets the new rules. Secrets of
 * both configurations stay hidden.
 *
 * @param initial What the service was built with.
 */
export function createApply(
  initial: Config,
  { upstreams, callers, redactor, live }: ApplyParts,
): (next: Config) => AppliedConfig {
  let current = initial;
  return (next) => {
    // Before anything can speak of them.
    redactor.learn(next.secrets);
    const clients = CALLERS.some((key) => !isDeepStrictEqual(current[key], next[key]));
    // Callers first: whoever lost a right must not find a new server in between.
    if (clients) callers.replace(next);
    const settings = live.replace(next);
    const servers = upstreams.apply(next.upstreams, initial.shutdownGraceMs);
    current = next;
    const keys = Object.keys(FIXED) as (keyof typeof FIXED)[];
    const fixed = keys.filter((key) => !isDeepStrictEqual(initial[key], next[key])).map((key) => FIXED[key]);
    const needRestart = [...fixed, ...fixedOfLog(initial.log, next.log, live.setsLogLevel)];
    return { servers, clients, settings, needRestart };
  };
}

function* fixedOfLog(initial: Config["log"], next: Config["log"], setsLevel: boolean): Generator<string> {
  if (initial.pretty !== next.pretty) yield "log.pretty";
  if (initial.level !== next.level && !setsLevel) yield "log.level";
}
