import { isRecord } from "../lib/guards.ts";
import type { JsonSchema, ToolDefinition } from "../upstream/upstream.ts";
import { resolveRef } from "./schema-refs.ts";
import { schemaToType } from "./schema-to-type.ts";
import type { SchemaType } from "./schema-to-type.ts";
import { printType } from "./type-printer.ts";
import type { PrintOptions } from "./type-printer.ts";

/** Longest texts of a tool's types, in UTF-16 units: arguments matter more than answers, which can be looked at. */
const MAX_CHARS = {
  line: { arguments: 2_000, result: 1_000 },
  block: { arguments: 6_000, result: 1_500 },
} as const;

const MAX_ROOT_NESTING = 8;

/** The types of a tool's arguments and answer. */
export interface ToolTypes {
  readonly arguments: SchemaType;
  /** Whether the tool lists no parameter and does not say either that it takes any. */
  readonly noArguments: boolean;
  /** `undefined` when the tool does not say what it answers. */
  readonly result: SchemaType | undefined;
}

/** Reads a tool's schemas. */
export function toolTypes(tool: ToolDefinition): ToolTypes {
  const type = schemaToType(tool.inputSchema);
  const further = isRecord(tool.inputSchema) ? tool.inputSchema["additionalProperties"] : undefined;
  return {
    arguments: type,
    noArguments:
      type.root.kind === "object" && type.root.members.length === 0 && (further === undefined || further === false),
    result: tool.outputSchema === undefined ? undefined : schemaToType(tool.outputSchema),
  };
}

/** Ways to name the definitions of either type. */
export interface CallNames {
  readonly arguments: (key: string) => string | undefined;
  readonly result: (key: string) => string | undefined;
}

/** Text from the opening parenthesis on: `(args: { path: string }): Promise<unknown>`. */
export function callText(types: ToolTypes, options: Omit<PrintOptions, "nameOf">, names?: CallNames): string {
  const limits = MAX_CHARS[options.layout];
  const result =
    types.result === undefined
      ? "unknown"
      : printType(types.result, types.result.root, withNames(options, names?.result), limits.result);
  return `(${argumentText(types, options, limits.arguments, names)}): Promise<${result}>`;
}

function argumentText(
  { arguments: type, noArguments }: ToolTypes,
  options: Omit<PrintOptions, "nameOf">,
  maxChars: number,
  names: CallNames | undefined,
): string {
  if (noArguments) return options.layout === "line" ? "" : "args?: {}";
  const root = type.root.kind === "ref" ? type.definitions.get(type.root.key) : type.root;
  const optional = root?.kind === "object" && root.members.every((member) => member.optional);
  const text = printType(type, type.root, withNames(options, names?.arguments), maxChars);
  return `args${optional ? "?" : ""}: ${text === "unknown" ? "Record<string, unknown>" : text}`;
}

function withNames(options: Omit<PrintOptions, "nameOf">, nameOf: PrintOptions["nameOf"]): PrintOptions {
  return nameOf === undefined ? options : { ...options, nameOf };
}

/**
 * Names of a schema's required properties, in the order its properties are listed (which is the order of the declaration);
 * required names that are not listed come last.
 */
export function positionalNames(schema: JsonSchema): readonly string[] {
  const listed = new Set<string>();
  const required = new Set<string>();
  collectNames(schema, schema, listed, required, 0);
  return [...[...listed].filter((name) => required.has(name)), ...required.difference(listed)];
}

/** A root schema may be a reference or a combination: what holds of all of them is collected. */
function collectNames(
  root: JsonSchema,
  schema: unknown,
  listed: Set<string>,
  required: Set<string>,
  nesting: number,
): void {
  if (!isRecord(schema) || nesting > MAX_ROOT_NESTING) return;
  if (typeof schema["$ref"] === "string") {
    collectNames(root, resolveRef(root, schema["$ref"])?.schema, listed, required, nesting + 1);
  }
  if (isRecord(schema["properties"])) for (const name of Object.keys(schema["properties"])) listed.add(name);
  for (const name of asArray(schema["required"])) if (typeof name === "string") required.add(name);
  for (const part of asArray(schema["allOf"])) collectNames(root, part, listed, required, nesting + 1);
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
