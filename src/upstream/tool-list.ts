import { byteLength } from "../lib/bounded-text.ts";
import { matchesAnyGlob, matchesGlob } from "../lib/glob.ts";
import { isRecord } from "../lib/guards.ts";
import type { JsonSchema, ToolAnnotations, ToolDefinition } from "./upstream.ts";

/** Largest schema of a tool as JSON text, in bytes. */
const MAX_SCHEMA_BYTES = 256 * 1024;
/** Deepest nesting of a tool's schema: objects and arrays in one another. */
export const MAX_SCHEMA_DEPTH = 64;
/** Most tools taken from one server. */
export const MAX_TOOLS = 10_000;

/** Keywords whose value holds schemas by names that are not keywords. */
const NAMED_SCHEMAS: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "dependentSchemas",
  "$defs",
  "definitions",
]);

/** A tool that is not served although its server lists it. */
export interface DroppedTool {
  readonly name: string;
  readonly reason: string;
}

/** A server's list after each tool was judged alone. */
export interface ToolListing {
  /** In the server's order. */
  readonly tools: readonly ToolDefinition[];
  readonly dropped: readonly DroppedTool[];
  /** Globs of the configuration that fit no tool of the server, as `allow gte_*`; a slip in one may serve what it was to hide. */
  readonly unmatched?: readonly string[];
  /** What the server tells of its use, when it does. */
  readonly instructions?: string;
}

/** Which tools of a server its configuration serves. */
export interface ToolFilter {
  readonly allowTools: readonly string[] | undefined;
  readonly denyTools: readonly string[];
}

/** Whether the configuration serves a tool of this name; denial wins. */
export function isServed(filter: ToolFilter, name: string): boolean {
  if (matchesAnyGlob(filter.denyTools, name)) return false;
  return filter.allowTools === undefined || matchesAnyGlob(filter.allowTools, name);
}

/**
 * Tools as a server sent them, each judged alone: a malformed one is dropped with its reason and costs the others nothing.
 * Tools that the configuration hides are left out without a word; of two with one name the first stays.
 *
 * @param server Name of the server in the configuration.
 * @param raw The elements of `tools`, of all pages.
 * @param extraFault A further reason to drop a tool, such as a rule of its transport.
 */
export function parseTools(
  server: string,
  raw: readonly unknown[],
  filter: ToolFilter,
  extraFault?: (inputSchema: Readonly<Record<string, unknown>>) => string | undefined,
): ToolListing {
  const tools = new Map<string, ToolDefinition>();
  const dropped: DroppedTool[] = [];
  for (const [index, item] of raw.slice(0, MAX_TOOLS).entries()) {
    const name = isRecord(item) && typeof item["name"] === "string" ? item["name"] : "";
    if (name !== "" && !isServed(filter, name)) continue;
    const parsed = tools.has(name) ? "another tool of the server has this name" : parseTool(server, item, extraFault);
    if (typeof parsed === "string") dropped.push({ name: name === "" ? `#${index}` : name, reason: parsed });
    else tools.set(name, parsed);
  }
  if (raw.length > MAX_TOOLS) dropped.push({ name: "*", reason: `only the first ${MAX_TOOLS} tools are taken` });
  const unmatched = unmatchedGlobs(raw, filter);
  return { tools: [...tools.values()], dropped, ...(unmatched.length > 0 && { unmatched }) };
}

function unmatchedGlobs(raw: readonly unknown[], { allowTools = [], denyTools }: ToolFilter): string[] {
  if (allowTools.length === 0 && denyTools.length === 0) return [];
  const names = raw.slice(0, MAX_TOOLS).flatMap((item) => (isRecord(item) ? [String(item["name"])] : []));
  const fitsNone = (glob: string): boolean => !names.some((name) => matchesGlob(glob, name));
  const allow = allowTools.filter(fitsNone).map((glob) => `allow ${glob}`);
  return [...allow, ...denyTools.filter(fitsNone).map((glob) => `deny ${glob}`)];
}

/** @returns The tool, or why it is dropped. */
function parseTool(
  server: string,
  item: unknown,
  extraFault: ((inputSchema: Readonly<Record<string, unknown>>) => string | undefined) | undefined,
): ToolDefinition | string {
  if (!isRecord(item)) return "it is not an object";
  const { name, title, description, inputSchema, outputSchema, annotations } = item;
  if (typeof name !== "string" || name === "") return "it has no name";
  if (!isRecord(inputSchema)) return "its inputSchema is not an object";
  const fault = schemaFault(inputSchema) ?? extraFault?.(inputSchema);
  if (fault !== undefined) return `its inputSchema cannot be used: ${fault}`;
  const output = parseOutputSchema(outputSchema);
  if (typeof output === "string") return `its outputSchema cannot be used: ${output}`;
  const hints = parseAnnotations(annotations);
  return {
    server,
    name,
    ...(typeof title === "string" && { title }),
    description: typeof description === "string" ? description : "",
    inputSchema,
    ...(output !== undefined && { outputSchema: output.schema }),
    ...(hints !== undefined && { annotations: hints }),
  };
}

function parseOutputSchema(schema: unknown): { readonly schema: JsonSchema } | string | undefined {
  if (schema === undefined || schema === null) return undefined;
  if (typeof schema === "boolean") return { schema };
  if (!isRecord(schema)) return "it is neither an object nor a boolean";
  return schemaFault(schema) ?? { schema };
}

/** Judges depth before size: writing a deep value as text would exhaust the stack. */
function schemaFault(schema: Readonly<Record<string, unknown>>): string | undefined {
  const deep = structureFault(schema);
  if (deep !== undefined) return deep;
  const bytes = byteLength(JSON.stringify(schema));
  return bytes > MAX_SCHEMA_BYTES ? `it has ${bytes} bytes, at most ${MAX_SCHEMA_BYTES} are taken` : undefined;
}

function structureFault(schema: unknown): string | undefined {
  const rest = [{ value: schema, depth: 1, byName: false }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value, depth, byName } = next;
    if (typeof value !== "object" || value === null) continue;
    if (depth > MAX_SCHEMA_DEPTH) return `it is nested more than ${MAX_SCHEMA_DEPTH} levels deep`;
    // A validator compiled from such a schema answers with a promise, which reads as "valid".
    if (!byName && "$async" in value && value.$async !== false) return "it is marked $async";
    for (const [key, child] of Object.entries(value)) {
      rest.push({ value: child, depth: depth + 1, byName: !byName && NAMED_SCHEMAS.has(key) });
    }
  }
  return undefined;
}

function parseAnnotations(value: unknown): ToolAnnotations | undefined {
  if (!isRecord(value)) return undefined;
  const { title, readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = value;
  const annotations: ToolAnnotations = {
    ...(typeof title === "string" && { title }),
    ...(typeof readOnlyHint === "boolean" && { readOnlyHint }),
    ...(typeof destructiveHint === "boolean" && { destructiveHint }),
    ...(typeof idempotentHint === "boolean" && { idempotentHint }),
    ...(typeof openWorldHint === "boolean" && { openWorldHint }),
  };
  return Object.keys(annotations).length === 0 ? undefined : annotations;
}
