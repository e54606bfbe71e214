import { pathText, problemOf } from "./problem.ts";
import type { ConfigProblem, KeyPath, Source } from "./problem.ts";
import { isSecretPath } from "./secret-names.ts";

/** Where values are from, and which of them must not be shown. */
export interface Provenance {
  /** By key path; values without one are defaults. */
  readonly sources: ReadonlyMap<string, Source>;
  /** The text as written of each value that held a reference, by key path. */
  readonly references: ReadonlyMap<string, string>;
  readonly secrets: readonly string[];
}

/** The source of the closest enclosing key that has one: aliases and merged keys have no line of their own. */
export function nearestSource(sources: ReadonlyMap<string, Source>, path: KeyPath): Source | undefined {
  for (let length = path.length; length > 0; length--) {
    const source = sources.get(pathText(path.slice(0, length)));
    if (source !== undefined) return source;
  }
  return undefined;
}

/** A fault of a loaded value, with its source; the value is shown only when it is not secret. */
export function faultOf(
  loaded: Provenance,
  fault: { readonly path: KeyPath; readonly rule: string; readonly value: unknown; readonly remedy: string },
): ConfigProblem {
  const { path, rule, value, remedy } = fault;
  const current = shownValue(loaded, path, value);
  return problemOf({ path, rule, current, remedy }, nearestSource(loaded.sources, path));
}

const MAX_SHOWN_CHARS = 80;

/** A value as text that may be shown: the reference instead of what it stands for, `***` for secrets, long ones cut. */
export function shownValue(
  { references, secrets }: Pick<Provenance, "references" | "secrets">,
  path: KeyPath,
  value: unknown,
): string {
  if (value === undefined) return "missing";
  if (isSecretPath(path)) return "***";
  const reference = references.get(pathText(path));
  if (reference !== undefined) return `what ${JSON.stringify(reference)} stands for`;
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
  if (secrets.some((secret) => text.includes(secret))) return "***";
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}
