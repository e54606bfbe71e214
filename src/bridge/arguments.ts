import type { CatalogTool } from "../catalog/catalog.ts";
import { RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";

/**
 * The argument object of a call: a single object is it; other values are the schema's required properties, in order.
 *
 * @param tool `undefined` while the server's tools are not known: then only an object will do.
 * @param args What the script passed, JSON values.
 * @param path What the script wrote, for the message.
 * @throws TOOL_ARGUMENTS_INVALID when there are more values than required properties.
 */
export function toArguments(
  tool: CatalogTool | undefined,
  args: readonly unknown[],
  path: readonly string[],
): Readonly<Record<string, unknown>> {
  const [first] = args;
  if (args.length === 0 || (args.length === 1 && (first === undefined || first === null))) return {};
  if (args.length === 1 && isRecord(first) && !takesOneObject(tool, first)) return first;
  const names = tool?.positional ?? [];
  if (args.length > names.length) {
    throw new RunletError(
      "TOOL_ARGUMENTS_INVALID",
      `Cannot call mcp.${path.join(".")} as ${names.length === 0 ? "it takes one object" : `it takes one object, or ${names.length} values (${names.join(", ")})`}: ${args.length} arguments were passed`,
      tool === undefined ? {} : { server: tool.server, tool: tool.name, hint: tool.signature },
    );
  }
  return Object.fromEntries(args.map((value, index) => [names[index] ?? "", value]));
}

/** Whether the tool's only required property is an object and the value is meant as that property. */
function takesOneObject(tool: CatalogTool | undefined, value: Readonly<Record<string, unknown>>): boolean {
  const [only, ...others] = tool?.positional ?? [];
  if (tool === undefined || only === undefined || others.length > 0 || Object.hasOwn(value, only)) return false;
  const { inputSchema } = tool;
  const properties = typeof inputSchema === "boolean" ? undefined : inputSchema["properties"];
  if (!isRecord(properties)) return false;
  const property = properties[only];
  const isObject = isRecord(property) && property["type"] === "object";
  return isObject && !Object.keys(value).some((key) => Object.hasOwn(properties, key));
}
