import { isRecord } from "../../lib/guards.ts";
import type { JsonSchema, ToolDefinition } from "../../upstream/upstream.ts";
import { resolveRef } from "./schema-refs.ts";
import { schemaToType } from "./schema-to-type.ts";
import type { SchemaType } from "./schema-to-type.ts";
import { ANY_OBJECT, UNKNOWN, isKeyword } from "./type-node.ts";
import type { TypeNode } from "./type-node.ts";
import { fitType, printNode } from "./type-printer.ts";
import type { PrintOptions } from "./type-printer.ts";

/** Longest texts of a tool's types, in UTF-16 units: arguments matter more than answers, which can be looked at. */
const MAX_CHARS = {
  line: { arguments: 2_000, result: 1_000 },
  block: { arguments: 6_000, result: 1_500 },
} as const;

const MAX_ROOT_NESTING = 8;

/** A tool as its types are read from: what earlier results looked like stands in for an answer that is not declared. */
export type TypedTool = ToolDefinition & {
  /** Learned from results; looked at only where there is no `outputSchema`. */
  readonly observedSchema?: JsonSchema | undefined;
};

/** The types of a tool's arguments and answer. */
export interface ToolTypes {
  readonly arguments: SchemaType;
  /** Whether the tool lists no parameter and does not say either that it takes any. */
  readonly noArguments: boolean;
  /** `undefined` when the tool does not say what it answers and nothing was learned of it. */
  readonly result: SchemaType | undefined;
  /** Whether `result` was learned from earlier results: it is printed as `Observed<…>`. */
  readonly isObserved: boolean;
}

/** Reads a tool's schemas. */
export function toolTypes(tool: TypedTool): ToolTypes {
  const answer = tool.outputSchema ?? tool.observedSchema;
  const type = schemaToType(tool.inputSchema);
  const further = isRecord(tool.inputSchema) ? tool.inputSchema["additionalProperties"] : undefined;
  return {
    arguments: type,
    noArguments:
      type.root.kind === "object" && type.root.members.length === 0 && (further === undefined || further === false),
    result: answer === undefined ? undefined : schemaToType(answer),
    isObserved: tool.outputSchema === undefined && answer !== undefined,
  };
}

/** Name of the type that marks an answer's type as learned. */
export const OBSERVED = "Observed";

/** Ways to name the definitions of either type. */
export interface CallNames {
  readonly arguments: (key: string) => string | undefined;
  readonly result: (key: string) => string | undefined;
}

/** A call as it is printed: references are names. */
export interface CallType {
  /** `undefined` when the tool takes none and nothing must be said of what it would refuse. */
  readonly arguments: TypeNode | undefined;
  /** Whether the call may do without them. */
  readonly isOptional: boolean;
  readonly result: TypeNode;
  /** Whether `result` was learned from earlier results. */
  readonly isObserved: boolean;
}

/** Writes a tool's types out so far that their text stays within the limits of its layout. */
export function fitCall(types: ToolTypes, options: PrintOptions, names?: CallNames): CallType {
  const limits = MAX_CHARS[options.layout];
  const { arguments: type, noArguments, result } = types;
  const root = type.root.kind === "ref" ? type.definitions.get(type.root.key) : type.root;
  const isRefusing = root?.kind === "object" && root.isClosed;
  const args = fitType(type, type.root, { ...options, nameOf: names?.arguments }, limits.arguments);
  const isLeftOut = noArguments && (options.layout === "line" || !isRefusing);
  return {
    arguments: isLeftOut ? undefined : isKeyword(args, "unknown") ? ANY_OBJECT : args,
    isOptional: noArguments || (root?.kind === "object" && root.members.every((member) => member.optional)),
    result:
      result === undefined
        ? UNKNOWN
        : fitType(result, result.root, { ...options, nameOf: names?.result }, limits.result),
    isObserved: types.isObserved,
  };
}

/** Text of a call from the opening parenthesis on, within the limits of its layout: `(args: { path: string }): Promise<unknown>`. */
export function callText(types: ToolTypes, options: PrintOptions): string {
  return printCall(fitCall(types, options), options);
}

/** Text of a call from the opening parenthesis on. */
export function printCall(call: CallType, options: PrintOptions): string {
  const result = printNode(call.result, options);
  const answer = call.isObserved && result !== "unknown" ? `${OBSERVED}<${result}>` : result;
  return `(${argumentText(call, options)}): Promise<${answer}>`;
}

function argumentText({ arguments: type, isOptional }: CallType, options: PrintOptions): string {
  if (type === undefined) return options.layout === "line" ? "" : "args?: {}";
  return `args${isOptional ? "?" : ""}: ${printNode(type, options)}`;
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
