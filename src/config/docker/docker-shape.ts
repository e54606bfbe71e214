import { isRecord } from "../../lib/guards.ts";
import type { Fault, KeyPath } from "../problem.ts";
import { translateAccess, translateClients } from "./access-control.ts";
import { translateCredentials } from "./credentials.ts";
import { Translation } from "./translation.ts";
import type { Note } from "./translation.ts";

/** A configuration whose Docker-style blocks are in our own keys. */
export interface DockerShape {
  readonly tree: Readonly<Record<string, unknown>>;
  /** The 1-based line of each key path, those of our keys included. */
  readonly lines: ReadonlyMap<string, number>;
  readonly notes: readonly Note[];
  readonly faults: readonly Fault[];
  /** Values that came from `credentials`. */
  readonly secretPaths: readonly KeyPath[];
}

/** Words for levels that other gateways take. */
const LEVELS: ReadonlyMap<string, string> = new Map([
  ["warning", "warn"],
  ["critical", "error"],
  ["fatal", "error"],
  ["off", "silent"],
  ["none", "silent"],
]);

/** Names of keys that may say who may do what. */
const RULE =
  /access|allow|approv|audit|auth|block|client|deny|interceptor|limit|polic|quota|rate|redact|secret|tls|verify/iu;

/**
 * Translates what the Docker MCP gateway's configuration says into our keys: `gateway` with `host`, `port`, `log_level`
 * and `discovery`; `access_control` and `credentials`, inside `gateway` or beside it; `allowed_servers`, `allowed_tools`,
 * `rate_limit` and `rate_limits` of clients wherever they are. Other keys of `gateway` are noted, or a fault where they may
 * be rules. References stay as written; nothing of the environment is read.
 *
 * @param lines The 1-based line of each key path.
 */
export function translateDockerShape(
  written: Readonly<Record<string, unknown>>,
  lines: ReadonlyMap<string, number>,
): DockerShape {
  const work = new Translation(written, lines);
  translateClients(work);
  translateGateway(work);
  for (const prefix of [["gateway"], []]) {
    translateAccess(work, [...prefix, "access_control"]);
    translateCredentials(work, [...prefix, "credentials"]);
  }
  leaveGateway(work);
  const { tree, notes, faults, secretPaths } = work;
  return { tree, lines: work.lines, notes, faults, secretPaths };
}

function translateGateway(work: Translation): void {
  if (!isRecord(work.get(["gateway"]))) return;
  for (const key of ["host", "port"]) moveUnlessThere(work, ["gateway", key], [key]);
  const level = work.get(["gateway", "log_level"]);
  if (typeof level === "string" && !level.includes("${")) {
    const word = level.toLowerCase();
    moveUnlessThere(work, ["gateway", "log_level"], ["log", "level"], LEVELS.get(word) ?? word);
  } else moveUnlessThere(work, ["gateway", "log_level"], ["log", "level"]);
  if (work.take(["gateway", "discovery"]) !== undefined) {
    work.note(
      ["gateway", "discovery"],
      "is not needed: servers are those of the configuration, and each tells of changed tools itself.",
    );
  }
}

function leaveGateway(work: Translation): void {
  for (const key of Object.keys(work.record(["gateway"], work.take(["gateway"])) ?? {})) {
    const path = ["gateway", key];
    if (RULE.test(key)) {
      const rule = "is not a known key, and a rule that is not understood is not kept";
      work.fault(path, rule, "set", "Write access_control, or our own keys at the top level.");
    } else work.note(path, "is ignored as it is not a known key. Write our own keys at the top level.");
  }
}

function moveUnlessThere(work: Translation, from: KeyPath, to: KeyPath, as?: string): void {
  const value = work.take(from);
  if (value === undefined || value === null) return;
  if (work.get(to) === undefined) work.put(to, as ?? value, from);
  else work.note(from, `is not used as ${to.join(".")} is there too. Keep one of them.`);
}
