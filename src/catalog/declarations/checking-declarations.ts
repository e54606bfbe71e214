import type { CatalogTool } from "../catalog.ts";
import { toCheckedArgument, toCheckedBody, toCheckedResult } from "./checking-types.ts";
import { interfaceNames } from "./declarations.ts";
import { nameDefinitions } from "./definition-names.ts";
import { createResolver } from "../resolve.ts";
import type { CatalogServer, Resolver } from "../resolve.ts";
import { joinIdentifiers, propertyKey, stringLiteral, toIdentifier } from "../tool-names.ts";
import { fitCall, toolTypes } from "./tool-types.ts";
import type { CallType } from "./tool-types.ts";
import { TypeNames } from "./type-names.ts";
import type { TypeNode } from "./type-node.ts";
import { printNode } from "./type-printer.ts";

/** A value whose property's type is not known: an object alone would be all the arguments. */
const NOT_OBJECT = "StringLike | number | boolean | ListOf<any> | null";
const LINE = { layout: "line" } as const;

/** What a value may be where a schema says string or array: scripts' values become JSON on their way out. */
const PREAMBLE = `type StringLike = string | bigint | RegExp | ArrayBuffer | ArrayBufferView | { toJSON(): any };
type ListOf<T> = readonly T[] | ReadonlySet<T> | ArrayBufferView | { toJSON(): any };
interface Mcp {
  $search(query: string, options?: any): Promise<any>;
  $describe(name: string): Promise<any>;
  $servers(): Promise<any>;
}
`;

/**
 * Declarations to check a script against, never shown to a model: `mcp` and nothing else. Compiles alone under `--strict`.
 *
 * They accept every call that could succeed: each way to write a tool's name, positional arguments, strings where a schema lists
 * literals, properties that a schema does not forbid. What a tool answers is `any` where its schema does not say, where it was only
 * seen in earlier results, and where the answer may be one of several objects.
 *
 * @param servers Everything the script may see.
 * @param only Servers or namespaces to declare, with their tools directly on `mcp`; `undefined` for all.
 */
export function declareForChecking(servers: readonly CatalogServer[], only: readonly string[] | undefined): string {
  const wanted = only === undefined ? undefined : new Set(only);
  const names = interfaceNames(servers.map(({ namespace }) => namespace));
  const resolver = createResolver(servers);
  const members = new Map<string, Set<string>>();
  const texts: string[] = [];
  for (const { server, namespace, tools } of servers) {
    if (wanted !== undefined && !wanted.has(server) && !wanted.has(namespace)) continue;
    const base = names.get(namespace) ?? namespace;
    const typeName = `${base}Tools`;
    for (const name of serverSpellings(server, namespace, servers))
      add(members, name, tools === undefined ? "any" : typeName);
    if (tools === undefined) continue;
    texts.push(declareTools(tools.tools, tools.byName, base, typeName));
    for (const tool of tools.tools) {
      const type = `${typeName}[${stringLiteral(tool.method)}]`;
      for (const name of flatSpellings(tool, resolver)) add(members, name, type);
    }
  }
  const lines = [...members].map(([name, types]) => `  readonly ${propertyKey(name)}: ${[...types].join(" & ")};\n`);
  return `${PREAMBLE}${texts.join("")}interface Mcp {\n${lines.join("")}}\ndeclare const mcp: Mcp;\n`;
}

function declareTools(
  tools: readonly CatalogTool[],
  byName: ReadonlyMap<string, CatalogTool>,
  base: string,
  typeName: string,
): string {
  const typed = tools.map((tool) => ({ tool, types: toolTypes(tool) }));
  const args = nameDefinitions(
    typed.map(({ types }) => types.arguments),
    new TypeNames(`${base}_Args`),
  );
  const answers = typed.flatMap(({ types }) => (types.result === undefined ? [] : [types.result]));
  const results = nameDefinitions(answers, new TypeNames(`${base}_Result`));
  const declare = (bodies: ReadonlyMap<string, TypeNode>, toChecked: (node: TypeNode) => TypeNode): string =>
    [...bodies].map(([name, body]) => `type ${name} = ${printNode(toChecked(body), LINE)};\n`).join("");
  const taken = new Set<string>();
  const methods = typed.map(({ tool, types }) => {
    const call = fitCall(
      types,
      { layout: "block" },
      {
        arguments: (key) => args.nameOf(types.arguments, key),
        result: (key) => (types.result === undefined ? undefined : results.nameOf(types.result, key)),
      },
    );
    const aliases = aliasesOf(tool, byName);
    for (const name of [tool.method, ...aliases]) taken.add(name);
    const type = `${typeName}[${stringLiteral(tool.method)}]`;
    return (
      methodText(tool, call, args.bodies) +
      aliases.map((name) => `  readonly ${propertyKey(name)}: ${type};\n`).join("")
    );
  });
  // A dotted name may be written as a path of properties, whose first may be that of several tools.
  const heads = new Set(tools.flatMap(({ name }) => (name.includes(".") ? name.split(".", 1) : [])));
  const paths = [...heads].filter((head) => !taken.has(head)).map((head) => `  readonly ${propertyKey(head)}: any;\n`);
  return (
    declare(args.bodies, toCheckedBody) +
    declare(results.bodies, toCheckedResult) +
    `interface ${typeName} {\n${methods.join("")}${paths.join("")}}\n`
  );
}

/**
 * The overloads of a tool; that which takes an object comes last, as the compiler tells of the last one.
 *
 * @param bodies What the names in the call's arguments mean.
 */
function methodText(tool: CatalogTool, call: CallType, bodies: ReadonlyMap<string, TypeNode>): string {
  const result = call.isObserved ? "any" : printNode(toCheckedResult(call.result), LINE);
  const root = call.arguments;
  const object = root === undefined ? "{ [key: string]: any }" : printNode(toCheckedArgument(root), LINE);
  const [mark, none] = call.isOptional ? ["?", " | null"] : ["", ""];
  const key = propertyKey(tool.method);
  const byObject = `  ${key}(args${mark}: ${object}${none}): Promise<${result}>;\n`;
  if (tool.positional.length === 0) return byObject;
  const positional = tool.positional.map((name, at) => {
    const member = root === undefined ? undefined : findMember(root, name, bodies);
    return `value${at + 1}: ${member === undefined ? NOT_OBJECT : printNode(toCheckedArgument(member), LINE)}`;
  });
  return `  ${key}(${positional.join(", ")}): Promise<${result}>;\n${byObject}`;
}

/** Type of a property, which a named type or one of several parts may list. */
function findMember(root: TypeNode, name: string, bodies: ReadonlyMap<string, TypeNode>): TypeNode | undefined {
  if (root.kind === "object") return root.members.find((member) => member.name === name)?.type;
  const parts = root.kind === "intersection" ? root.parts : root.kind === "ref" ? [bodies.get(root.key)] : [];
  for (const part of parts) {
    // A named type stands for its body; one that is another's name again is not followed.
    const found = part === undefined || part.kind === "ref" ? undefined : findMember(part, name, bodies);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The other ways to write a tool's name. */
function aliasesOf(tool: CatalogTool, byName: ReadonlyMap<string, CatalogTool>): readonly string[] {
  return spellings(tool).filter(
    (name) => name !== tool.method && (byName.get(name) ?? byName.get(toIdentifier(name))) === tool,
  );
}

function spellings({ name, method }: CatalogTool): readonly string[] {
  return [...new Set([method, name, toSnake(method), toIdentifier(name)])];
}

function flatSpellings(tool: CatalogTool, resolver: Resolver): readonly string[] {
  const joined = joinIdentifiers(tool.namespace, tool.method);
  const names = new Set([...spellings(tool), joined, toSnake(joined)]);
  return [...names].filter((name) => !name.startsWith("$") && resolver.flat(name) === tool);
}

function serverSpellings(server: string, namespace: string, servers: readonly CatalogServer[]): readonly string[] {
  const isOther = (name: string): boolean =>
    servers.some((other) => other.server !== server && (other.server === name || other.namespace === name));
  return [...new Set([namespace, server, toSnake(namespace)])].filter((name) => name === namespace || !isOther(name));
}

function toSnake(name: string): string {
  return name.replaceAll(/(?<=[\p{Ll}\d])(?=\p{Lu})/gu, "_").toLowerCase();
}

function add(members: Map<string, Set<string>>, name: string, type: string): void {
  members.set(name, (members.get(name) ?? new Set()).add(type));
}
