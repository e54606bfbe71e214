import { encode } from "gpt-tokenizer/encoding/o200k_base";
import type { Catalog, CatalogTool } from "../../src/catalog/catalog.ts";
import { propertyKey } from "../../src/catalog/tool-names.ts";
import type { ToolDefinition } from "../../src/upstream/upstream.ts";

/** What the tools of one server take of a model's context; o200k tokens. */
export interface TokenShare {
  readonly server: string;
  readonly tools: number;
  /** Of the tools as `tools/list` gives them: name, description and input schema as compact JSON, without output schemas. */
  readonly native: number;
  /** The same with output schemas, which the declarations cover too. */
  readonly nativeWithOutput: number;
  /** Of the declarations. */
  readonly declared: number;
  /** Mean over the tools of one's own share; what a server's tools have in common is divided equally. */
  readonly meanShare: number;
}

/** Counts o200k tokens. */
export function countTokens(text: string): number {
  return encode(text).length;
}

/** A tool as a client of its server sees it, without annotations. */
export function nativeJson(
  { name, description, inputSchema, outputSchema }: ToolDefinition,
  withOutput: boolean,
): string {
  return JSON.stringify({ name, description, inputSchema, ...(withOutput ? { outputSchema } : {}) });
}

/** Compares the declarations of each server of a catalog with the server's own list. */
export function tokenShares(catalog: Catalog): readonly TokenShare[] {
  return catalog.servers.map((server) => {
    const tools = catalog.tools.filter((tool) => tool.server === server);
    const text = catalog.declarations([server]);
    const declared = countTokens(text);
    const own = methodTexts(text, tools).map(countTokens);
    const common = (declared - sum(own)) / tools.length;
    const native = tools.map((tool) => countTokens(nativeJson(tool, false)));
    return {
      server,
      tools: tools.length,
      native: sum(native),
      nativeWithOutput: sum(tools.map((tool) => countTokens(nativeJson(tool, true)))),
      declared,
      meanShare: sum(native.map((tokens, at) => ((own[at] ?? 0) + common) / tokens)) / tools.length,
    };
  });
}

/** The part of a server's declarations that each tool has for itself: from its comment on. */
function methodTexts(text: string, tools: readonly CatalogTool[]): readonly string[] {
  const starts = tools.map(({ method }) => {
    const line = text.indexOf(`\n  ${propertyKey(method)}(`);
    if (line === -1) throw new RangeError(`Cannot find method ${method} in the declarations`);
    const before = text.lastIndexOf("\n", line - 1);
    return text.startsWith("\n  /** ", before) ? before : line;
  });
  const end = text.indexOf("\n}\ninterface Mcp");
  return starts.map((start, at) => text.slice(start, starts[at + 1] ?? end));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
