import { estimateTokens } from "../lib/token-estimate.ts";
import { catalogIndex, INDEX_TOKENS } from "./catalog-index.ts";
import type { Catalog, CatalogTool } from "./catalog.ts";
import { splitClauses } from "./search/search-query.ts";
import { toolSummary } from "./tool-summary.ts";

/**
 * Tokens of the tools in a prompt. @source Eighty tools of usual size fit whole; models choose worse among more, and much
 * more would push the task out of a small model's context.
 */
export const PROMPT_TOKENS = 8_000;

/** Fewest tokens of a tool's declaration: catalogs far above the budget are not written out to find that out. */
const MIN_TOOL_TOKENS = 12;
/** Hits taken of the whole task, and of each clause of it. */
const TASK_HITS = 30;
const CLAUSE_HITS = 8;

const FURTHER =
  '// Found for the task, as they are called. `await mcp.$search("words")` finds others with their signatures.';

/** How a catalog is to be described. */
export interface PromptOptions {
  /** Most tokens by `estimateTokens`; never exceeded. @default PROMPT_TOKENS */
  readonly budgetTokens?: number;
  /** What is to be done: decides which tools are declared where not all fit. */
  readonly task?: string;
}

/**
 * What a model is told of the tools: all declarations where they fit the budget; else the names of all tools as far as those
 * fit, and the signatures of the tools that a search for the task and for each of its clauses finds.
 */
export function describeForPrompt(catalog: Catalog, options: PromptOptions = {}): string {
  const { budgetTokens = PROMPT_TOKENS, task = "" } = options;
  if (catalog.tools.length * MIN_TOOL_TOKENS <= budgetTokens) {
    const declarations = catalog.declarations();
    if (estimateTokens(declarations) <= budgetTokens) return declarations;
  }
  const { text } = catalogIndex(catalog, Math.min(INDEX_TOKENS, Math.floor(budgetTokens / 4)));
  const parts = [toComment(text), FURTHER];
  let left = budgetTokens - parts.reduce((sum, part) => sum + estimateTokens(part) + 1, 0);
  for (const tool of toolsFor(catalog, task)) {
    const part = describeTool(tool);
    const cost = estimateTokens(part) + 1;
    if (cost > left) continue;
    left -= cost;
    parts.push(part);
  }
  return joinWithin(parts, budgetTokens);
}

/** The first of some lines, as many as the budget has room for: what meets at their borders may take a little more than each alone. */
function joinWithin(parts: readonly string[], budgetTokens: number): string {
  for (let count = parts.length; count > 0; count--) {
    const text = `${parts.slice(0, count).join("\n")}\n`;
    if (estimateTokens(text) <= budgetTokens) return text;
  }
  return "";
}

/** Hits of the task and of its clauses, the best of each first. */
function toolsFor(catalog: Catalog, task: string): ReadonlySet<CatalogTool> {
  const whole = catalog.search(task, { limit: TASK_HITS }).hits;
  const clauses = splitClauses(task).map((clause) => catalog.search(clause, { limit: CLAUSE_HITS }).hits);
  const found = new Set<CatalogTool>();
  for (let rank = 0; rank < TASK_HITS; rank++) {
    for (const hits of [whole, ...clauses]) {
      const tool = hits[rank]?.tool;
      if (tool !== undefined) found.add(tool);
    }
  }
  return found;
}

function describeTool(tool: CatalogTool): string {
  const comment = toolSummary(tool);
  return comment === "" ? tool.signature : `// ${comment}\n${tool.signature}`;
}

function toComment(text: string): string {
  return text
    .split("\n")
    .map((line) => `// ${line}`)
    .join("\n");
}
