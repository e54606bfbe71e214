import { isRecord } from "../lib/guards.ts";
import type { LoadedOptions } from "./load.ts";
import { pathText, sourceText } from "./problem.ts";
import type { KeyPath } from "./problem.ts";
import { hasType } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";
import { OPTIONS_SCHEMA } from "./schema.ts";
import { isSecretPath } from "./secret-names.ts";
import { nearestSource } from "./shown-value.ts";

/** One setting as it is shown to people. */
export interface Setting {
  readonly key: string;
  /** JSON text, or `***` for a secret. */
  readonly value: string;
  /** For example `runlet.yaml:3`, `environment RUNLET_PORT` or `default`. */
  readonly source: string;
}

/** Every setting that has a value, given or default, in the order of the table of keys; unknown keys are left out. */
export function listSettings(loaded: LoadedOptions): Setting[] {
  return [...settingsIn(OPTIONS_SCHEMA, loaded.options, [], loaded)];
}

function* settingsIn(node: SchemaNode, value: unknown, path: KeyPath, loaded: LoadedOptions): Generator<Setting> {
  if (hasType(node, "object") && (value === undefined || isRecord(value))) {
    const given = value ?? {};
    const keys = new Set([...ownDefaults(node, value), ...Object.keys(given)]);
    for (const key of keys) {
      const { properties } = node;
      const child =
        properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : node.additionalProperties;
      if (child !== undefined)
        yield* settingsIn(child, Object.hasOwn(given, key) ? given[key] : undefined, [...path, key], loaded);
    }
    return;
  }
  const shown = value === undefined ? node.default : value;
  if (shown === undefined) return;
  const source = value === undefined ? undefined : nearestSource(loaded.sources, path);
  yield {
    key: pathText(path),
    value: showValue(shown, path, loaded),
    source: sourceText(source ?? { kind: "default" }),
  };
}

/** Keys to walk although they are not given. A section that must hold certain keys is not made up when it is missing. */
function ownDefaults(node: SchemaNode, value: unknown): string[] {
  if (value === undefined && node.required !== undefined) return [];
  return Object.keys(node.properties ?? {});
}

function showValue(value: unknown, path: KeyPath, { secrets }: LoadedOptions): string {
  if (isSecretPath(path)) return "***";
  let text = JSON.stringify(value) ?? "";
  for (const secret of secrets) text = text.replaceAll(JSON.stringify(secret).slice(1, -1), "***");
  return text;
}
