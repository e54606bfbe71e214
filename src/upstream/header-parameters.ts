import { isRecord } from "../lib/guards.ts";

const KEY = "x-mcp-header";
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/u;
const TYPES: ReadonlySet<unknown> = new Set(["string", "integer", "boolean"]);
/** Keywords whose value is data, not schemas. */
const DATA: ReadonlySet<string> = new Set(["default", "const", "enum", "examples", "required", KEY]);
/** Keywords whose value holds schemas by name. */
const MAPS: ReadonlySet<string> = new Set(["patternProperties", "dependentSchemas", "$defs", "definitions"]);

/** Where a schema stands: the root, a property reached through `properties` alone, or anywhere else. */
type Place = "root" | "property" | "elsewhere";

/**
 * Why a tool cannot be called over HTTP by its own word on which arguments travel as headers too.
 *
 * A client must leave such a tool out: a property named so must be a string, integer or boolean reached through
 * `properties` only, and each header's name a token that no other property of the tool uses.
 *
 * @param schema The tool's input schema; nested at most as deep as `parseTools` lets pass.
 * @returns `undefined` when nothing is wrong, or nothing is declared.
 * @source MCP 2026-07-28, Streamable HTTP, custom headers from tool parameters
 */
export function headerParameterFault(schema: Readonly<Record<string, unknown>>): string | undefined {
  return faultOf(schema, "root", new Set());
}

/** Whether some argument of a tool may travel as a header too. */
export function mayDeclareHeaders(schema: unknown): boolean {
  return JSON.stringify(schema)?.includes(KEY) ?? false;
}

function faultOf(node: unknown, place: Place, names: Set<string>): string | undefined {
  if (Array.isArray(node)) return firstFault(node, (item) => faultOf(item, place, names));
  if (!isRecord(node)) return undefined;
  const own = Object.hasOwn(node, KEY) ? declarationFault(node, place, names) : undefined;
  if (own !== undefined) return own;
  return firstFault(Object.entries(node), ([keyword, value]) => {
    if (DATA.has(keyword)) return undefined;
    if (keyword === "properties" && isRecord(value)) {
      const below = place === "elsewhere" ? place : "property";
      return firstFault(Object.values(value), (property) => faultOf(property, below, names));
    }
    const inner = MAPS.has(keyword) && isRecord(value) ? Object.values(value) : value;
    return faultOf(inner, "elsewhere", names);
  });
}

function declarationFault(node: Record<string, unknown>, place: Place, names: Set<string>): string | undefined {
  const name = node[KEY];
  if (place !== "property") return `${KEY} stands where only a plain property may have it`;
  if (typeof name !== "string" || !TOKEN.test(name)) return `${KEY} is not the name of a header`;
  if (!TYPES.has(node["type"])) return `${KEY} "${name}" is on a property that is not a string, integer or boolean`;
  if (names.has(name.toLowerCase())) return `${KEY} "${name}" is declared twice`;
  names.add(name.toLowerCase());
  return undefined;
}

function firstFault<T>(items: Iterable<T>, check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const fault = check(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
