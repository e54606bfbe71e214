import type { CatalogTool } from "./catalog.ts";
import { nameDefinitions } from "./definition-names.ts";
import { deprecationOf, firstSentence } from "./doc-text.ts";
import type { ServerTools } from "./server-tools.ts";
import { propertyKey, stringLiteral, toIdentifier, toTypeName } from "./tool-names.ts";
import { callText, toolTypes } from "./tool-types.ts";

const MAX_TOOL_COMMENT = 120;

/** The declarations of one server's tools. */
export interface ServerDeclarations {
  /** Name of the interface. */
  readonly typeName: string;
  /** The interface and the types it needs; each line ends with a line break. */
  readonly text: string;
}

/** One server of `mcp` as its declarations show it. */
export interface DeclaredServer {
  readonly namespace: string;
  /** `undefined` when its tools are not known yet. */
  readonly declarations: ServerDeclarations | undefined;
  /** Methods that cannot be called directly on `mcp`. */
  readonly notFlat: readonly string[];
  /** Whether there are methods that can. */
  readonly hasFlat: boolean;
}

/** Distinct names for the servers' interfaces, by namespace; none is the name of a type that is there anyway. */
export function interfaceNames(namespaces: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set(["Unlisted"]);
  for (const namespace of namespaces) {
    const wanted = toTypeName(namespace, "Server");
    let name = wanted;
    for (let number = 2; taken.has(name); number++) name = `${wanted}${number}`;
    taken.add(name);
    names.set(namespace, name);
  }
  return names;
}

/**
 * Declares one server's tools as an interface.
 *
 * @param baseName From `interfaceNames`.
 */
export function declareServer({ tools }: ServerTools, baseName: string): ServerDeclarations {
  const typeName = `${baseName}Tools`;
  const all = tools.map((tool) => ({ tool, types: toolTypes(tool) }));
  const schemas = all.flatMap(({ types }) => [types.arguments, ...(types.result === undefined ? [] : [types.result])]);
  const definitions = nameDefinitions(schemas, baseName);
  const methods = all.map(({ tool, types }) => {
    const { arguments: args, result } = types;
    const call = callText(
      types,
      { layout: "block", indent: 1 },
      {
        arguments: (key) => definitions.nameOf(args, key),
        result: (key) => (result === undefined ? undefined : definitions.nameOf(result, key)),
      },
    );
    return `${toolComment(tool, "  ")}  ${propertyKey(tool.method)}${call};\n`;
  });
  const types = definitions.lines.map((line) => `${line}\n`).join("");
  return { typeName, text: `${types}interface ${typeName} {\n${methods.join("")}}\n` };
}

/**
 * Text of one `.d.ts` that compiles alone under `--strict` and declares `mcp`: a namespace for each server, and on `mcp` itself
 * the methods that only one server has.
 */
export function declareMcp(servers: readonly DeclaredServer[]): string {
  const listed = servers.flatMap(({ declarations }) => (declarations === undefined ? [] : [declarations.text]));
  const isMissing = servers.some(({ declarations }) => declarations === undefined);
  const unlisted = isMissing
    ? "/** Tools that are not known before their server has started. */\n" +
      "interface UnlistedTools {\n  [tool: string]: (args?: Record<string, unknown>) => Promise<unknown>;\n}\n"
    : "";
  const namespaces = servers.map(
    ({ namespace, declarations }) =>
      `  readonly ${propertyKey(namespace)}: ${declarations?.typeName ?? "UnlistedTools"};\n`,
  );
  const flat = servers.flatMap(({ declarations, hasFlat, notFlat }) =>
    declarations === undefined || !hasFlat ? [] : [flatType(declarations.typeName, notFlat)],
  );
  const mcp = [namespaces.length > 0 ? `{\n${namespaces.join("")}}` : "{}", ...flat].join(" & ");
  return `${listed.join("")}${unlisted}declare const mcp: ${mcp};\n`;
}

function flatType(typeName: string, notFlat: readonly string[]): string {
  return notFlat.length === 0 ? typeName : `Omit<${typeName}, ${notFlat.map(stringLiteral).join(" | ")}>`;
}

function toolComment(tool: CatalogTool, indent: string): string {
  const text = firstSentence(tool.description, MAX_TOOL_COMMENT) || firstSentence(tool.title ?? "", MAX_TOOL_COMMENT);
  const keepsName = tool.method === tool.name && toIdentifier(tool.name) !== tool.name;
  const note = keepsName ? "Only by this name: another tool's converts to the same identifier." : "";
  const deprecation = deprecationOf(tool.description) ?? "";
  const warning = text.includes(deprecation) ? "" : deprecation;
  const comment = [text, warning, note].filter((part) => part !== "").join(" — ");
  return comment === "" ? "" : `${indent}/** ${comment} */\n`;
}
