import type { CatalogTool } from "../catalog.ts";
import { compactCalls } from "./compact-calls.ts";
import { deprecationOf, firstSentence } from "../doc-text.ts";
import type { ServerTools } from "../server-tools.ts";
import { propertyKey, stringLiteral, toIdentifier, toTypeName } from "../tool-names.ts";
import { OBSERVED, printCall } from "./tool-types.ts";
import { TypeNames } from "./type-names.ts";
import { printNode } from "./type-printer.ts";

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
  const { calls, bodies } = compactCalls(tools, new TypeNames(baseName));
  const types = [...bodies].map(([name, body]) => `type ${name} = ${printNode(body, { layout: "block" })};\n`);
  const methods = calls.map(
    ({ tool, call }) =>
      `${toolComment(tool, "  ")}  ${propertyKey(tool.method)}${printCall(call, { layout: "block", indent: 1 })};\n`,
  );
  return { typeName, text: `${types.join("")}interface ${typeName} {\n${methods.join("")}}\n` };
}

/**
 * Text of one `.d.ts` that compiles alone under `--strict` and declares `mcp`: a namespace for each server, and on `mcp` itself
 * the methods that only one server has. Its type is the interface `Mcp`, so that other declarations can add to it.
 */
export function declareMcp(servers: readonly DeclaredServer[]): string {
  const listed = servers.flatMap(({ declarations }) => (declarations === undefined ? [] : [declarations.text]));
  const isMissing = servers.some(({ declarations }) => declarations === undefined);
  const unlisted = isMissing
    ? "/** Tools that are not known before their server has started. */\n" +
      "interface UnlistedTools {\n  [tool: string]: (args?: Record<string, unknown>) => Promise<unknown>;\n}\n"
    : "";
  const observed = listed.some((text) => text.includes(`Promise<${OBSERVED}<`))
    ? `/** Seen in earlier results, not promised. */\ntype ${OBSERVED}<T> = T;\n`
    : "";
  const namespaces = servers.map(
    ({ namespace, declarations }) =>
      `  readonly ${propertyKey(namespace)}: ${declarations?.typeName ?? "UnlistedTools"};\n`,
  );
  const flat = servers.flatMap(({ declarations, hasFlat, notFlat }) =>
    declarations === undefined || !hasFlat ? [] : [flatType(declarations.typeName, notFlat)],
  );
  const inherited = flat.length === 0 ? "" : ` extends ${flat.join(", ")}`;
  const body = namespaces.length === 0 ? "{}" : `{\n${namespaces.join("")}}`;
  return `${observed}${listed.join("")}${unlisted}interface Mcp${inherited} ${body}\ndeclare const mcp: Mcp;\n`;
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
