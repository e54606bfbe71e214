import { isRecord } from "../lib/guards.ts";
import type { CatalogTool } from "./catalog.ts";

/** The argument object that the values of a call mean; or, when they are too many, the forms a call may have. */
export type BoundArguments =
  | { readonly status: "bound"; readonly args: Readonly<Record<string, unknown>> }
  /** `forms` follows "as". */
  | { readonly status: "tooMany"; readonly forms: string };

/**
 * The argument object of a call: a single object is it, or the tool's only required property where it can only be that;
 * other values are the schema's required properties, in order.
 *
 * @param tool `undefined` while the server's tools are not known: then only an object will do.
 * @param values What the script passed, JSON values.
 */
export function bindArguments(tool: CatalogTool | undefined, values: readonly unknown[]): BoundArguments {
  const [first] = values;
  if (values.length === 0 || (values.length === 1 && (first === undefined || first === null)))
    return { status: "bound", args: {} };
  if (values.length === 1 && isRecord(first) && !isOnlyProperty(tool, first)) return { status: "bound", args: first };
  const names = tool?.positional ?? [];
  if (values.length > names.length) return { status: "tooMany", forms: formsOf(names) };
  return { status: "bound", args: Object.fromEntries(values.map((value, index) => [names[index] ?? "", value])) };
}

function formsOf(names: readonly string[]): string {
  if (names.length === 0) return "it takes one object";
  return `it takes one object, or ${names.length} ${names.length === 1 ? "value" : "values"} (${names.join(", ")})`;
}

/** Whether the tool's only required property is an object and the value is meant as that property. */
function isOnlyProperty(tool: CatalogTool | undefined, value: Readonly<Record<string, unknown>>): boolean {
  const [only, ...others] = tool?.positional ?? [];
  if (tool === undefined || only === undefined || others.length > 0 || Object.hasOwn(value, only)) return false;
  const { inputSchema } = tool;
  const properties = typeof inputSchema === "boolean" ? undefined : inputSchema["properties"];
  if (!isRecord(properties)) return false;
  const property = properties[only];
  const isObject = isRecord(property) && property["type"] === "object";
  return isObject && !Object.keys(value).some((key) => Object.hasOwn(properties, key));
}
