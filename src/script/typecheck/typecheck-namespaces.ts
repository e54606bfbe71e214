import type { AnyNode, Node } from "acorn";
import type { Catalog } from "../../catalog/catalog.ts";
import { toIdentifier } from "../../catalog/tool-names.ts";
import { memberName } from "./typecheck-names.ts";
import { nodesOf } from "./typecheck-syntax.ts";

/**
 * The namespaces whose tools a script can reach.
 *
 * @returns In order, each once; `undefined` when only the run decides: `mcp` is passed on, taken apart or asked by a computed name.
 */
export function usedNamespaces(root: Node, catalog: Catalog): readonly string[] | undefined {
  const used = new Set<string>();
  const known = new Map<string, string | undefined>();
  for (const { node, parent } of nodesOf(root)) {
    if (node.type !== "Identifier" || node.name !== "mcp" || isNoUse(node, parent)) continue;
    const name = parent?.type === "MemberExpression" && parent.object === node ? memberName(parent) : undefined;
    if (name === undefined) return undefined;
    if (name.startsWith("$")) continue;
    const namespace = known.has(name) ? known.get(name) : namespaceOf(name, catalog);
    known.set(name, namespace);
    if (namespace === undefined) return undefined;
    used.add(namespace);
  }
  return [...used].toSorted();
}

/** A property of this name, or the parameter by which a script's function asks for `mcp`. */
function isNoUse(node: AnyNode, parent: AnyNode | undefined): boolean {
  switch (parent?.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && parent.value !== node;
    case "ArrowFunctionExpression":
    case "FunctionExpression":
    case "FunctionDeclaration":
      return parent.params.some((param) => param === node);
    default:
      return false;
  }
}

/** As the catalog looks a word up, but without looking for the nearest names, which takes long. */
function namespaceOf(name: string, catalog: Catalog): string | undefined {
  const { tools } = catalog;
  const word = toIdentifier(name);
  const server =
    tools.find((tool) => tool.server === name || tool.namespace === name) ??
    tools.find((tool) => tool.server === word || tool.namespace === word);
  if (server !== undefined) return server.namespace;
  const resolution = catalog.resolve([name]);
  return resolution.kind === "tool" ? resolution.tool.namespace : undefined;
}
