import type { Catalog } from "../catalog.ts";
import { declareMcp, declareServer, interfaceNames } from "./declarations.ts";
import type { DeclaredServer } from "./declarations.ts";
import type { CatalogServer, Resolver } from "../resolve.ts";

/** Declares one server of a catalog; what was declared once is kept as long as the server object lives. */
export type DeclareOne = (server: CatalogServer) => DeclaredServer;

/**
 * Prepares declaring the servers of a catalog one by one.
 *
 * @param servers All of them: what a tool is called directly on `mcp` depends on the others. Another version of one of them,
 *   with the same tools by name, can be declared too.
 */
export function createDeclareOne(servers: readonly CatalogServer[], resolver: Resolver): DeclareOne {
  const baseNames = interfaceNames(servers.map(({ namespace }) => namespace));
  const namespaces = new Set(servers.map(({ namespace }) => namespace));
  const declared = new WeakMap<CatalogServer, DeclaredServer>();
  const isFlat = (server: string, method: string, name: string): boolean => {
    // What starts with "$" asks about tools on `mcp` itself, whatever tools are called.
    const found = namespaces.has(method) || method.startsWith("$") ? undefined : resolver.flat(method);
    return found?.server === server && found.name === name;
  };
  const declare = ({ server, namespace, tools }: CatalogServer): DeclaredServer => {
    const all = tools?.tools ?? [];
    const notFlat = all.filter((tool) => !isFlat(server, tool.method, tool.name)).map((tool) => tool.method);
    return {
      namespace,
      declarations: tools && declareServer(tools, baseNames.get(namespace) ?? namespace),
      notFlat,
      hasFlat: notFlat.length < all.length,
    };
  };
  return (server) => {
    let part = declared.get(server);
    if (part === undefined) declared.set(server, (part = declare(server)));
    return part;
  };
}

/** Writes the declarations of a catalog, or of some of its servers. The whole is written once. */
export function createDeclarationWriter(
  servers: readonly CatalogServer[],
  declareOne: DeclareOne,
): Catalog["declarations"] {
  let whole: string | undefined;
  return (only) => {
    if (only === undefined) return (whole ??= declareMcp(servers.map(declareOne)));
    const wanted = new Set(only);
    return declareMcp(
      servers.filter(({ server, namespace }) => wanted.has(server) || wanted.has(namespace)).map(declareOne),
    );
  };
}
