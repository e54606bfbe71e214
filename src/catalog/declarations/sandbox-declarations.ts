/**
 * Declares what a script sees beside its tools, the language and the web's own globals. Compiles alone under `--strict`, and together
 * with the text of `Catalog.declarations`, to whose `Mcp` it adds what finds tools. A text of its own, as those who show tools to a model
 * say these few things once and shorter.
 */
export const SANDBOX_DECLARATIONS = `interface Mcp {
  /** Ranked search of the tools by what they do. */
  $search(query: string, options?: { limit?: number; offset?: number; server?: string }): Promise<{
    total: number;
    results: { server: string; name: string; description: string; signature: string }[];
  }>;
  /** One tool by "server.tool". */
  $describe(name: string): Promise<{
    server: string;
    name: string;
    description: string;
    signature: string;
    inputSchema: unknown;
    outputSchema?: unknown;
    observedOutputSchema?: unknown;
  }>;
  /** The servers; \`listed\` is false while a server's tools are not known. */
  $servers(): Promise<{ name: string; listed: boolean; tools: string[] }[]>;
}
/** The run's input, if it has one. */
declare const input: any;
/** Sends a value or a content block out beside the result. */
declare function emit(value: unknown): void;
/** What a tool call that fails rejects with. */
declare class ToolError extends Error {
  constructor(info: { code: string; message: string; [more: string]: unknown });
  readonly code: string;
  readonly retryable: boolean;
  readonly server: string | undefined;
  readonly tool: string | undefined;
  readonly hint: string | undefined;
  readonly details: unknown;
}
`;
