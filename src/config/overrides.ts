import { isRecord } from "../lib/guards.ts";
import { pathText } from "./problem.ts";
import type { KeyPath, Source } from "./problem.ts";
import { hasType, nodeAt } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";
import { OPTIONS_SCHEMA } from "./schema.ts";

/** Command-line flags as a parser gives them, by name without the dashes. */
export type FlagValues = Readonly<Record<string, string | number | boolean | undefined>>;

interface Overrides {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: FlagValues;
  /** Gets an entry for each value that is set here. */
  readonly sources: Map<string, Source>;
  readonly warnings: string[];
  /** Values that came from references: text of numbers and booleans is read as such. Loses those that are set here. */
  readonly references: Map<string, string>;
}

interface Setter {
  readonly path: readonly string[];
  readonly node: SchemaNode;
}

/** Keys that a variable or flag sets. */
const SETTERS: readonly Setter[] = [...settersIn(OPTIONS_SCHEMA, [])];

/** The flags that set a key, without the dashes: what a command-line parser has to know. */
export const FLAGS: readonly { readonly name: string; readonly boolean: boolean; readonly description: string }[] =
  SETTERS.flatMap(({ node }) =>
    node.flag === undefined
      ? []
      : [{ name: node.flag, boolean: hasType(node, "boolean"), description: node.description }],
  );

/**
 * The tree with what environment and flags say instead of it, flags stronger. Empty variables count as unset.
 *
 * @returns A new tree; the one given is not changed.
 */
export function applyOverrides(tree: Readonly<Record<string, unknown>>, overrides: Overrides): Record<string, unknown> {
  const { env, flags, sources, warnings, references } = overrides;
  let result = readReferences(tree, [], references) as Record<string, unknown>;
  const set = ({ path, node }: Setter, value: string | number | boolean, source: Source): void => {
    result = withValue(result, path, typeof value === "string" ? readText(value, node) : value);
    const key = pathText(path);
    sources.set(key, source);
    references.delete(key);
  };
  for (const setter of SETTERS) {
    const { environment, flag } = setter.node;
    const fromEnvironment = environment === undefined ? undefined : env[environment];
    if (environment !== undefined && fromEnvironment !== undefined && fromEnvironment !== "") {
      if (isServiceLink(fromEnvironment))
        warnings.push(
          `${environment} is not used as it is the address of a linked container or service. Set --${flag ?? ""} or rename that service.`,
        );
      else set(setter, fromEnvironment, { kind: "environment", name: environment });
    }
    const fromFlag = flag === undefined || !Object.hasOwn(flags, flag) ? undefined : flags[flag];
    if (flag !== undefined && fromFlag !== undefined) set(setter, fromFlag, { kind: "flag", name: flag });
  }
  return result;
}

/** Orchestrators set `RUNLET_PORT=tcp://…` beside a service that is called runlet. */
function isServiceLink(value: string): boolean {
  return /^(?:tcp|udp):\/\//u.test(value);
}

function* settersIn(node: SchemaNode, path: readonly string[]): Generator<Setter> {
  if (node.environment !== undefined || node.flag !== undefined) yield { path, node };
  for (const [key, child] of Object.entries(node.properties ?? {})) yield* settersIn(child, [...path, key]);
}

function withValue(
  tree: Readonly<Record<string, unknown>>,
  [key, ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  if (key === undefined) return tree;
  if (rest.length === 0) return { ...tree, [key]: value };
  const inner = Object.hasOwn(tree, key) ? tree[key] : {};
  return { ...tree, [key]: isRecord(inner) ? withValue(inner, rest, value) : inner };
}

function readReferences(value: unknown, path: KeyPath, references: ReadonlyMap<string, string>): unknown {
  if (typeof value === "string") {
    const node = references.has(pathText(path)) ? nodeAt(OPTIONS_SCHEMA, path) : undefined;
    return node === undefined ? value : readText(value, node);
  }
  if (Array.isArray(value)) return value.map((item: unknown, at) => readReferences(item, [...path, at], references));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, readReferences(item, [...path, key], references)]),
  );
}

/** Text of a variable as the type that its key wants, or the text itself for the check to refuse. */
function readText(value: string, node: SchemaNode): string | number | boolean {
  if (hasType(node, "string")) return value;
  const text = value.trim().toLowerCase();
  if (hasType(node, "boolean") && ["true", "1", "yes"].includes(text)) return true;
  if (hasType(node, "boolean") && ["false", "0", "no"].includes(text)) return false;
  const numeric = hasType(node, "integer") || hasType(node, "number");
  return numeric && /^-?\d+(?:\.\d+)?$/u.test(text) ? Number(text) : value;
}
