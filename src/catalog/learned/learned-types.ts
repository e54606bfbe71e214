import type { JsonSchema, ToolDefinition } from "../../upstream/upstream.ts";
import type { CatalogTool } from "../catalog.ts";
import { toolDigest } from "../digest.ts";
import type { CatalogServer } from "../resolve.ts";
import { replaceTools, withObservedSchema } from "../server-tools.ts";

/** What was learned of one version of a tool. Immutable. */
export class LearnedType {
  readonly #digest: string;
  readonly #schema: JsonSchema;
  readonly #shown = new WeakMap<CatalogTool, CatalogTool>();

  /** @param digest See `toolDigest`. */
  constructor(digest: string, schema: JsonSchema) {
    this.#digest = digest;
    this.#schema = schema;
  }

  /** The tool with what was learned of it; the tool itself when it is another version. The same object each time. */
  show(tool: CatalogTool): CatalogTool {
    let shown = this.#shown.get(tool);
    if (shown === undefined) {
      const isKnown = tool.outputSchema === undefined && toolDigest(tool) === this.#digest;
      this.#shown.set(tool, (shown = isKnown ? withObservedSchema(tool, this.#schema) : tool));
    }
    return shown;
  }
}

/** What a principal's results have taught, as an immutable snapshot: it never changes, a newer one replaces it. */
export class LearnedTypes {
  readonly #types: ReadonlyMap<string, LearnedType>;
  readonly #servers: WeakMap<CatalogServer, CatalogServer>;

  /**
   * @param types By `learnedKey`.
   * @param earlier The snapshot that this one replaces: servers of which nothing was learned since stay the same objects.
   */
  constructor(types: ReadonlyMap<string, LearnedType>, earlier?: LearnedTypes) {
    this.#types = types;
    this.#servers = earlier === undefined ? new WeakMap<CatalogServer, CatalogServer>() : earlier.#servers;
  }

  get isEmpty(): boolean {
    return this.#types.size === 0;
  }

  /** The tool with what was learned of it, or the tool itself. The same object each time. */
  show(tool: CatalogTool): CatalogTool {
    return this.#types.get(learnedKey(tool))?.show(tool) ?? tool;
  }

  /** The server with what was learned of its tools, or the server itself. */
  showServer(server: CatalogServer): CatalogServer {
    if (server.tools === undefined) return server;
    const { tools } = server.tools;
    const shown = tools.map((tool) => this.show(tool));
    const isShown = (known: readonly CatalogTool[] = []): boolean => shown.every((tool, at) => tool === known[at]);
    if (isShown(tools)) return server;
    const before = this.#servers.get(server);
    if (before !== undefined && isShown(before.tools?.tools)) return before;
    const made = { ...server, tools: replaceTools(server.tools, shown) };
    this.#servers.set(server, made);
    return made;
  }
}

/** Nothing was learned. */
export const NOTHING_LEARNED = new LearnedTypes(new Map());

/** A tool's key in look-up tables. Names of servers hold no control characters, so that no two tools share one. */
export function learnedKey({ server, name }: Pick<ToolDefinition, "server" | "name">): string {
  return `${server}\0${name}`;
}

/** The names in a key that `learnedKey` made. */
export function namesOf(key: string): { readonly server: string; readonly tool: string } {
  const end = key.indexOf("\0");
  return { server: key.slice(0, end), tool: key.slice(end + 1) };
}
