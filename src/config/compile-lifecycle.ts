import type { LifecycleConfig } from "./config.ts";
import type { FaultReport } from "./fault-report.ts";
import { LIFECYCLE_KEYS } from "./lifecycle-keys.ts";
import type { ServerOptions } from "./options.ts";
import type { KeyPath } from "./problem.ts";
import { parseDuration } from "./units.ts";

/** How a server's processes live. @param path Of the server. */
export function compileLifecycle(server: ServerOptions, path: KeyPath, report: FaultReport): LifecycleConfig {
  const { sharing, maxSessions, replicas, url } = { ...server };
  if (url !== undefined && replicas !== undefined && replicas !== 1) {
    const rule = "must go with a server that we start: one with a url runs elsewhere";
    report({ path: [...path, "replicas"], rule, value: replicas, remedy: "Remove it." });
  }
  return {
    sharing: sharing ?? LIFECYCLE_KEYS.sharing.default,
    maxSessions: maxSessions ?? LIFECYCLE_KEYS.maxSessions.default,
    replicas: replicas ?? LIFECYCLE_KEYS.replicas.default,
    idleStopMs: idleStopMs(server.idleStop),
    maxFailures: maxFailures(server.restart),
  };
}

function idleStopMs(option: ServerOptions["idleStop"]): number | undefined {
  const usual = LIFECYCLE_KEYS.idleStop.default;
  if (option === undefined || option === true) return usual;
  const ms = option === false ? 0 : (parseDuration(option) ?? usual);
  return ms === 0 ? undefined : ms;
}

function maxFailures(option: ServerOptions["restart"]): number | undefined {
  const usual = LIFECYCLE_KEYS.restart.properties.max.default;
  if (option === false) return undefined;
  if (typeof option === "number") return option;
  return typeof option === "object" ? (option.max ?? usual) : usual;
}
