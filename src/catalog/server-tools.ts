import type { ToolClass } from "../config/principal.ts";
import type { JsonSchema, ToolDefinition } from "../upstream/upstream.ts";
import type { CatalogTool } from "./catalog.ts";
import { configuredClass, toolClass } from "./tool-class.ts";
import { assignIdentifiers, propertyAccess } from "./tool-names.ts";
import { callText, positionalNames, toolTypes } from "./declarations/tool-types.ts";
import type { TypedTool } from "./declarations/tool-types.ts";

/** The tools of one listed server, or those of them that somebody may see. Immutable. */
export interface ServerTools {
  readonly server: string;
  readonly namespace: string;
  /** As the server lists them. */
  readonly tools: readonly CatalogTool[];
  /** By original name and by method: no word means two tools. */
  readonly byName: ReadonlyMap<string, CatalogTool>;
}

/**
 * Makes a server's tools callable by name. Names depend on the whole list, so a tool is called the same by everybody,
 * whatever else they may see.
 *
 * @param definitions As listed; of two tools with one name the first is served.
 * @param trusted Whether the server's annotations are believed.
 * @param classes Classes that the operator gives, by glob; stronger than annotations.
 */
export function toServerTools(
  server: string,
  namespace: string,
  definitions: readonly ToolDefinition[],
  trusted: boolean,
  classes: ReadonlyMap<string, ToolClass> = new Map(),
): ServerTools {
  const first = new Map<string, ToolDefinition>();
  for (const definition of definitions) if (!first.has(definition.name)) first.set(definition.name, definition);
  const methods = assignIdentifiers(first.keys());
  const tools = [...first.values()].map((definition) =>
    toCatalogTool(definition, {
      namespace,
      method: methods.get(definition.name) ?? definition.name,
      class: configuredClass(definition.name, classes) ?? toolClass(definition.annotations, trusted),
    }),
  );
  return withNames(server, namespace, tools);
}

/** The same server with only some of its tools; the same object when that is all of them. */
export function narrowTools(from: ServerTools, isVisible: (tool: CatalogTool) => boolean): ServerTools {
  const visible = from.tools.filter(isVisible);
  return visible.length === from.tools.length ? from : withNames(from.server, from.namespace, visible);
}

/** The same server with other versions of its tools: of the same names and in the same order. */
export function replaceTools(from: ServerTools, tools: readonly CatalogTool[]): ServerTools {
  return withNames(from.server, from.namespace, tools);
}

/** The same tool with what was learned of its answers. */
export function withObservedSchema(tool: CatalogTool, observedSchema: JsonSchema): CatalogTool {
  let signature: string | undefined;
  return Object.freeze({
    ...tool,
    observedSchema,
    get signature(): string {
      signature ??= signatureOf({ ...tool, observedSchema }, tool.namespace, tool.method);
      return signature;
    },
  });
}

function withNames(server: string, namespace: string, tools: readonly CatalogTool[]): ServerTools {
  const byName = new Map<string, CatalogTool>();
  for (const tool of tools) byName.set(tool.name, tool).set(tool.method, tool);
  return Object.freeze({ server, namespace, tools: Object.freeze(tools), byName });
}

function toCatalogTool(
  definition: ToolDefinition,
  given: Pick<CatalogTool, "namespace" | "method" | "class">,
): CatalogTool {
  const { namespace, method } = given;
  let signature: string | undefined;
  const tool = {
    ...definition,
    ...given,
    positional: Object.freeze(positionalNames(definition.inputSchema)),
    /** Written at its first use: few of a thousand attached tools are ever shown. */
    get signature(): string {
      signature ??= signatureOf(definition, namespace, method);
      return signature;
    },
  };
  return Object.freeze(tool);
}

/** One line of TypeScript without comments: `mcp.files.readFile(args: { path: string }): Promise<{ content: string }>`. */
function signatureOf(definition: TypedTool, namespace: string, method: string): string {
  const path = `mcp${propertyAccess(namespace)}${propertyAccess(method)}`;
  return path + callText(toolTypes(definition), { layout: "line" });
}
