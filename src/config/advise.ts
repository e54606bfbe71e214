import { isRecord } from "../lib/guards.ts";
import { adviseOnClients, adviseOnGlobs } from "./advise-access.ts";
import { adviseOnApprovals } from "./approval-keys.ts";
import { adviseOnFlow } from "./advise-flow.ts";
import { nearestNames } from "../lib/nearest.ts";
import { LOCAL_PRINCIPAL, UNLISTED_PRINCIPAL } from "./principal.ts";
import { pathText, problemOf, sourceText } from "./problem.ts";
import type { ConfigProblem, KeyPath, Source } from "./problem.ts";
import type { SchemaNode } from "./schema-nodes.ts";
import { OPTIONS_SCHEMA } from "./schema.ts";
import { UNSUPPORTED_KEYS } from "./unsupported.ts";

/** What is odd about a configuration beside what is wrong with it. */
export interface Advice {
  readonly warnings: readonly string[];
  readonly problems: readonly ConfigProblem[];
}

interface Work {
  readonly warnings: string[];
  readonly problems: ConfigProblem[];
  readonly sourceOf: (path: KeyPath) => Source | undefined;
}

/** Callers that are no configured clients. */
const OTHER_CALLERS = [LOCAL_PRINCIPAL.id, UNLISTED_PRINCIPAL.id];
/** A number this small is rather meant in seconds. */
const SUSPICIOUS_MS = 100;

/**
 * Looks for keys that are unknown or not supported by this version, and for values that cannot mean what they say.
 *
 * @param sourceOf Where a value is from, for the text.
 */
export function adviseOn(
  options: Readonly<Record<string, unknown>>,
  sourceOf: (path: KeyPath) => Source | undefined,
): Advice {
  const work: Work = { warnings: [], problems: [], sourceOf };
  visitKeys(options, OPTIONS_SCHEMA, [], work);
  adviseOnServers(options, work);
  return { warnings: work.warnings, problems: work.problems };
}

function visitKeys(value: unknown, node: SchemaNode, path: KeyPath, work: Work): void {
  if (Array.isArray(value) && node.items !== undefined) {
    for (const [index, item] of value.entries()) visitKeys(item, node.items, [...path, index], work);
  }
  if (!isRecord(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const at = [...path, key];
    const { properties } = node;
    const child =
      properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : node.additionalProperties;
    if (isUnsupported(item, at, work)) continue;
    if (child !== undefined) visitKeys(item, child, at, work);
    else if (properties !== undefined && !isIgnored(at)) adviseOnUnknown(at, node, work);
  }
}

function isIgnored([key, ...rest]: KeyPath): boolean {
  return (
    rest.length === 0 && typeof key === "string" && (key === "$schema" || key === "inputs" || key.startsWith("x-"))
  );
}

/** @returns Whether the key is one of the unsupported ones, and so done with. */
function isUnsupported(value: unknown, path: KeyPath, work: Work): boolean {
  const entry = UNSUPPORTED_KEYS.find(({ path: pattern }) => matchesPath(pattern.split("."), path));
  if (entry === undefined) return false;
  const { danger, harmless, remedy = "Remove it." } = entry;
  if (harmless?.(value) === true) return true;
  const rule = "is not supported by this version";
  if (danger !== undefined) {
    const current = isRecord(value) || Array.isArray(value) ? "not empty" : "set";
    work.problems.push(problemOf({ path, rule: `${rule} and ${danger}`, current, remedy }, work.sourceOf(path)));
  } else {
    warn(work, path, `${rule}. ${remedy}`);
  }
  return true;
}

function matchesPath(pattern: readonly string[], path: KeyPath): boolean {
  return pattern.length === path.length && pattern.every((step, index) => step === "*" || step === path[index]);
}

function adviseOnUnknown(path: KeyPath, parent: SchemaNode, work: Work): void {
  const names = Object.keys(parent.properties ?? {});
  const [nearest] = nearestNames(String(path.at(-1)), names, 1);
  const remedy = nearest === undefined ? `Known keys are ${names.join(", ")}.` : `Did you mean ${nearest}?`;
  if (parent.strictKeys !== true) {
    warn(work, path, `is not a known key. ${remedy}`);
    return;
  }
  const rule = "is not a known key, and a rule that is not understood is not kept";
  work.problems.push(problemOf({ path, rule, current: "set", remedy }, work.sourceOf(path)));
}

function warn({ warnings, sourceOf }: Work, path: KeyPath, reason: string): void {
  const source = sourceOf(path);
  const where = source === undefined ? "" : ` (${sourceText(source)})`;
  warnings.push(`${pathText(path)}${where} is ignored as it ${reason}`);
}

function adviseOnServers(options: Readonly<Record<string, unknown>>, work: Work): void {
  const names = new Set<string>();
  for (const section of ["mcpServers", "servers"]) {
    const servers = options[section];
    if (!isRecord(servers)) continue;
    for (const [name, server] of Object.entries(servers)) {
      names.add(name);
      if (isRecord(server)) adviseOnServer(server, [section, name], work);
    }
  }
  work.warnings.push(...adviseOnClients(options["clients"], names, work.sourceOf));
  work.warnings.push(...adviseOnFlow(options["dataFlow"], names));
  const clients = new Set([...Object.keys(isRecord(options["clients"]) ? options["clients"] : {}), ...OTHER_CALLERS]);
  work.warnings.push(...adviseOnApprovals(options["approvals"], { servers: names, clients }));
  work.warnings.push(...adviseOnGlobs(options));
}

function adviseOnServer(server: Readonly<Record<string, unknown>>, path: KeyPath, { warnings }: Work): void {
  for (const key of ["timeout", "connectTimeout"]) {
    const value = server[key];
    if (typeof value !== "number" || value < 1 || value >= SUSPICIOUS_MS) continue;
    warnings.push(
      `${pathText([...path, key])} is ${value} ms, as numbers are milliseconds. Write "${value}s" if seconds are meant.`,
    );
  }
}
