import { nearestNames } from "../lib/nearest.ts";
import type { CatalogTool, ToolResolution } from "./catalog.ts";
import { toPlainLine } from "./doc-text.ts";
import type { ServerTools } from "./server-tools.ts";
import { joinIdentifiers, propertyAccess, toIdentifier } from "./tool-names.ts";

const MAX_SHOWN = 120;
const MAX_COMPARED = 100;
/** Longest name that is looked up, and most words that are told of one: scripts and callers may write any. */
const MAX_NAME = 4_096;
const MAX_WORDS = 20;
const NEAREST = 3;

/** A server of a catalog; `tools` is `undefined` while its tools are not known. */
export interface CatalogServer {
  readonly server: string;
  readonly namespace: string;
  readonly tools: ServerTools | undefined;
}

/** What the words after `mcp.` mean in one catalog. */
export interface Resolver {
  resolve(path: readonly string[]): ToolResolution;
  /** The tool that a single word means; `undefined` for none or several. */
  flat(name: string): CatalogTool | undefined;
}

/** Several tools have this name directly on `mcp`. */
type Ambiguous = readonly CatalogTool[];

/**
 * Prepares looking up what scripts write. Tables are made at the first look-up that needs them, once.
 *
 * Words are taken as they are first (original names and methods alike); a word that is nothing is then tried as
 * the identifier it converts to, so that `search_repos` finds `search-repos`.
 */
export function createResolver(servers: readonly CatalogServer[]): Resolver {
  const byName = new Map<string, CatalogServer>();
  for (const server of servers) byName.set(server.server, server).set(server.namespace, server);
  let table: ReadonlyMap<string, CatalogTool | Ambiguous> | undefined;
  const onMcp = (path: readonly string[]): CatalogTool | Ambiguous | undefined => {
    table ??= flatTable(servers);
    const word = path.join(".");
    return table.get(word) ?? (path.length === 1 ? table.get(toIdentifier(word)) : undefined);
  };
  const inServer = (found: CatalogServer, name: string): ToolResolution => {
    if (found.tools === undefined) return { kind: "unlisted", server: found.server, name };
    const tool = found.tools.byName.get(name) ?? found.tools.byName.get(toIdentifier(name));
    if (tool !== undefined) return { kind: "tool", tool };
    const why = `server ${quote(found.server)} has no such tool`;
    return unknown([found.namespace, name], why, () => nearest(name, [found]));
  };
  return {
    flat(name) {
      const found = onMcp([name]);
      return found !== undefined && isTool(found) ? found : undefined;
    },
    resolve(path) {
      if (isLongerThan(path, MAX_NAME)) return unknown(path, `a name may have ${MAX_NAME} characters`, () => []);
      const [first, ...rest] = path;
      if (first === undefined) return unknown(path, "no tool is named", () => []);
      const server = byName.get(first) ?? byName.get(toIdentifier(first));
      // A tool's own name may hold dots, which a script writes as further properties.
      if (server !== undefined && rest.length > 0) return inServer(server, rest.join("."));
      const found = onMcp(path);
      if (found !== undefined && isTool(found)) return { kind: "tool", tool: found };
      if (found !== undefined)
        return unknown(path, "several servers have a tool of this name", () => found.slice(0, NEAREST));
      if (server === undefined) return unknownOnMcp(path, servers);
      const why = `${quote(server.server)} is a server, not a tool`;
      return unknown(path, why, () => server.tools?.tools.slice(0, NEAREST) ?? []);
    },
  };
}

/** Original names and methods that one server has, and below them in rank server and method in one word. */
function flatTable(servers: readonly CatalogServer[]): ReadonlyMap<string, CatalogTool | Ambiguous> {
  const table = new Map<string, CatalogTool | Ambiguous>();
  const joined = new Map<string, CatalogTool | Ambiguous>();
  const add = (to: Map<string, CatalogTool | Ambiguous>, name: string, tool: CatalogTool): void => {
    const known = to.get(name);
    if (known === undefined) to.set(name, tool);
    else if (!isTool(known)) to.set(name, [...new Set([...known, tool])]);
    else if (known !== tool) to.set(name, [known, tool]);
  };
  for (const { tools } of servers) {
    for (const tool of tools?.tools ?? []) {
      add(table, tool.name, tool);
      add(table, tool.method, tool);
      add(joined, joinIdentifiers(tool.namespace, tool.method), tool);
    }
  }
  for (const [name, meaning] of joined) if (!table.has(name)) table.set(name, meaning);
  return table;
}

function isTool(meaning: CatalogTool | Ambiguous): meaning is CatalogTool {
  return !Array.isArray(meaning);
}

function unknownOnMcp(path: readonly string[], servers: readonly CatalogServer[]): ToolResolution {
  const waiting = servers.filter(({ tools }) => tools === undefined).map(({ server }) => quote(server));
  const why =
    path.length > 1 ? "there is no such server and no tool of this name" : "no server has a tool of this name";
  const aside = waiting.length === 0 ? "" : ` (tools of ${waiting.slice(0, 5).join(", ")} are not known yet)`;
  return unknown(path, why + aside, () => {
    const close = nearest(path.at(-1) ?? "", servers);
    const closeWhole = path.length > 1 ? nearestWhole(path, servers) : [];
    return [...new Set([...closeWhole, ...close])].slice(0, NEAREST);
  });
}

function isLongerThan(path: readonly string[], max: number): boolean {
  let length = path.length;
  for (let i = 0; i < path.length && length <= max; i++) length += path[i]?.length ?? 0;
  return length > max;
}

/** @param why Continues "Cannot call … as". @param find The nearest tools; asked once, when somebody wants to know. */
function unknown(path: readonly string[], why: string, find: () => readonly CatalogTool[]): ToolResolution {
  let near: readonly CatalogTool[] | undefined;
  return {
    kind: "unknown",
    get message() {
      return unknownMessage(path, why, (near ??= find()));
    },
    get nearest() {
      return (near ??= find());
    },
  };
}

function unknownMessage(path: readonly string[], why: string, near: readonly CatalogTool[]): string {
  const written = bounded(
    `mcp${path
      .slice(0, MAX_WORDS)
      .map((part) => propertyAccess(part.slice(0, MAX_SHOWN)))
      .join("")}`,
  );
  const names = near.map((tool) => `mcp${propertyAccess(tool.namespace)}${propertyAccess(tool.method)}`);
  const remedy =
    names.length === 0
      ? "Object.keys(mcp) lists the servers"
      : `the nearest ${names.length === 1 ? "is" : "are"} ${names.join(", ")}`;
  return `Cannot call ${written} as ${why}: ${remedy}`;
}

/** Tools whose own name is like the wrong one. */
function nearest(wrong: string, servers: readonly CatalogServer[]): CatalogTool[] {
  return nearestBy(wrong, servers, (tool) => tool.method);
}

/** Tools whose server and name together are like what was written. */
function nearestWhole(path: readonly string[], servers: readonly CatalogServer[]): CatalogTool[] {
  return nearestBy(path.join("."), servers, (tool) => `${tool.namespace}.${tool.method}`);
}

function nearestBy(
  wrong: string,
  servers: readonly CatalogServer[],
  nameOf: (tool: CatalogTool) => string,
): CatalogTool[] {
  const tools = new Map<string, CatalogTool[]>();
  for (const tool of servers.flatMap((server) => server.tools?.tools ?? [])) {
    const name = nameOf(tool);
    const known = tools.get(name);
    if (known === undefined) tools.set(name, [tool]);
    else known.push(tool);
  }
  return nearestNames(wrong.slice(0, MAX_COMPARED), tools.keys(), NEAREST)
    .flatMap((name) => tools.get(name) ?? [])
    .slice(0, NEAREST);
}

function quote(name: string): string {
  return JSON.stringify(bounded(name));
}

function bounded(text: string): string {
  const line = toPlainLine(text);
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN)}…`;
}
