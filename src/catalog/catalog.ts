import type { AccessRules, ToolClass } from "../config/principal.ts";
import type { JsonSchema, ToolDefinition } from "../upstream/upstream.ts";

/** One tool as a script may call it. */
export interface CatalogTool extends ToolDefinition {
  readonly class: ToolClass;
  /** Property of the server's namespace object: `listDirectory` of `mcp.files.listDirectory`. */
  readonly method: string;
  /** Property of `mcp` for the server: `files`. */
  readonly namespace: string;
  /** Names of the schema's required properties in their order: what positional arguments map to. */
  readonly positional: readonly string[];
  /** What earlier results of the catalog's reader looked like; only of a tool that has no `outputSchema`. */
  readonly observedSchema?: JsonSchema;
  /** One line of TypeScript: `mcp.files.listDirectory(args: { path: string }): Promise<{ content: string }>`. */
  readonly signature: string;
}

/** What a path such as `["files", "listDirectory"]` means in a catalog. */
export type ToolResolution =
  | { readonly kind: "tool"; readonly tool: CatalogTool }
  /** The first part is a server whose tools are not known (it is down or not started): the call decides. */
  | { readonly kind: "unlisted"; readonly server: string; readonly name: string }
  /** `message` and `nearest` are found when one is first read: that compares the word with every name, a thousand in some ms. */
  | { readonly kind: "unknown"; readonly message: string; readonly nearest: readonly CatalogTool[] };

/** One hit of a search. */
export interface SearchHit {
  readonly tool: CatalogTool;
  readonly score: number;
}

/** A page of hits and how many there are in all. */
export interface SearchPage {
  readonly hits: readonly SearchHit[];
  readonly total: number;
}

/** The tools one principal may see, as an immutable snapshot: it never changes, a newer one replaces it. */
export interface Catalog {
  /** Sorted by server, then as the server lists them. */
  readonly tools: readonly CatalogTool[];
  /** Names of the servers the principal may see, listed or not. */
  readonly servers: readonly string[];
  /** Servers whose tools are not known yet. */
  readonly unlisted: readonly string[];
  /** By the server's and the tool's own names. */
  find(server: string, tool: string): CatalogTool | undefined;
  /**
   * By what a script wrote after `mcp.`: `[namespace, method]`, `[tool]` where one server has it, or `[serverTool]`;
   * original and camelCase names alike.
   */
  resolve(path: readonly string[]): ToolResolution;
  /** Ranked search; an empty query lists all tools in order. */
  search(
    query: string,
    options?: { readonly limit?: number; readonly offset?: number; readonly server?: string },
  ): SearchPage;
  /** Text of one `.d.ts` that compiles alone under `--strict` and declares `mcp`. @param servers Only these. */
  declarations(servers?: readonly string[]): string;
  /** The same for a type checker: accepts every call that could succeed. @param servers Only these. */
  checkingDeclarations(servers?: readonly string[]): string;
  /** JSON text `{"namespace": ["method", …]}` for the proxy's enumeration inside the isolate. Cached. */
  readonly namesJson: string;
}

/** How long to wait for servers that are starting, and for which. */
export interface SettleOptions {
  readonly signal?: AbortSignal | undefined;
  /** Names of the only servers to wait for. @default all that the reader may see */
  readonly servers?: readonly string[];
  /** What a server may take longer than the others; more where a complete catalog is worth a wait. @default 100 */
  readonly graceMs?: number;
}

/** Who reads a catalog; every principal fits. */
export interface CatalogReader {
  readonly access: AccessRules;
  /** The principal whose results have taught the types that are shown; none are when missing. */
  readonly id?: string;
}

/** Makes catalogs; an equal reader, unchanged upstreams and nothing newly learned give the same object. */
export interface CatalogSource {
  /**
   * The catalog as it is known now, without waiting.
   * @param narrow Further rules of one run; never widen.
   */
  current(reader: CatalogReader, narrow?: AccessRules): Catalog;
  /** Starts what was never started, waits as `UpstreamRegistry.settle` says, then gives the catalog. */
  settled(reader: CatalogReader, narrow?: AccessRules, options?: SettleOptions): Promise<Catalog>;
}
