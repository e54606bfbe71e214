import type { FindTool } from "../../executor/confinement/find-tool.ts";
import type { Clock } from "../../lib/clock.ts";
import { createRedactor } from "../../observability/redact.ts";
import { tokensPlaceOf } from "../../config/secrets/tokens-place.ts";
import { createGrantStore } from "../../upstream/oauth/grant-store.ts";
import type { CliIo } from "../io.ts";
import { clientChecks } from "./client-checks.ts";
import type { HealthCheck } from "./health-check.ts";
import { machineChecks } from "./machine-checks.ts";
import { modelChecks } from "./model-checks.ts";
import { placeChecks } from "./place-checks.ts";
import type { FoundConfiguration } from "./read-configuration.ts";
import { serverChecks } from "./server-checks.ts";
import { settingsChecks } from "./settings-checks.ts";

/** What examining needs from outside. */
export interface ExamineDeps {
  readonly clock: Clock;
  readonly io: Pick<CliIo, "env" | "cwd">;
  /** Starts no server and asks nothing beyond this machine. */
  readonly offline: boolean;
  /** @default `findTool` of this machine */
  readonly findTool?: FindTool | undefined;
  /** Gives up waiting for servers. */
  readonly stopped?: AbortSignal | undefined;
}

/**
 * Examines all that a service of this configuration would need. Servers are started side by side and ended again; nothing is
 * written but tokens that had to be renewed. Secrets are hidden in what is returned, those of the configuration and what looks like one.
 */
export async function examine(found: FoundConfiguration, deps: ExamineDeps): Promise<readonly HealthCheck[]> {
  const { config, loaded } = found;
  const { clock, io, findTool, offline, stopped } = deps;
  const secrets = [...config.secrets, ...(loaded?.secrets ?? [])];
  const redactor = createRedactor(secrets);
  const redact = (text: string): string => redactor.text(text);
  const machine = await machineChecks(config, { clock, ...(findTool && { findTool }) });
  const { checks: places, pins } = await placeChecks(config);
  const grants = config.secretsPlace && createGrantStore(tokensPlaceOf(config.secretsPlace), clock);
  const [servers, model] = await Promise.all([
    serverChecks(found, { clock, env: io.env, cwd: io.cwd, offline, pins, redact, grants, signal: stopped }),
    modelChecks(config.model, offline),
  ]);
  const clients = clientChecks(config, { listed: servers.listed, nowMs: clock.now() });
  const checks = [...machine, ...settingsChecks(found), ...places, ...clients, ...servers.checks, ...model];
  return checks.map(createHide(secrets, redact));
}

/** What servers and endpoints said may hold anything. Words of ours speak of secrets, and hold but those that are known. */
function createHide(secrets: readonly string[], redact: (text: string) => string): (check: HealthCheck) => HealthCheck {
  const known = createRedactor(secrets, { shapes: false });
  return (check) => {
    const { group, detail, remedy } = check;
    const isForeign = group === "servers" || group === "model";
    return {
      ...check,
      detail: isForeign ? redact(detail) : known.text(detail),
      ...(remedy !== undefined && { remedy: known.text(remedy) }),
    };
  };
}
