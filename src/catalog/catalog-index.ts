import { estimateTokens } from "../lib/token-estimate.ts";
import type { Catalog } from "./catalog.ts";
import { propertyKey } from "./tool-names.ts";

/** Tokens of an index that is not asked to be of another size. @source Enough for the names of about 400 tools. */
export const INDEX_TOKENS = 2_000;

/** The names of a catalog's tools in a bounded text. */
export interface CatalogIndex {
  /** A line that counts, then one line a server: `github (2 of 26): createIssue, searchRepos`. */
  readonly text: string;
  /** Whether every server and every tool is named. */
  readonly isComplete: boolean;
}

/** Kept for the first and last line, whose numbers are known at the end. */
const FRAME_TOKENS = 60;
/** Budgets whose index of one catalog is kept. */
const MAX_KEPT = 4;

const kept = new WeakMap<Catalog, Map<number, CatalogIndex>>();

/**
 * Names as many tools as fit a budget, the servers in turn, so that each is represented before one is complete. A name is
 * never cut: it is for being called.
 *
 * Deterministic, and made once for a catalog and budget.
 *
 * @param budgetTokens Most tokens of the text by `estimateTokens`; never exceeded. @default INDEX_TOKENS
 */
export function catalogIndex(catalog: Catalog, budgetTokens: number = INDEX_TOKENS): CatalogIndex {
  const known = kept.get(catalog) ?? new Map<number, CatalogIndex>();
  kept.set(catalog, known);
  let index = known.get(budgetTokens);
  if (index === undefined) {
    index = writeIndex(catalog, budgetTokens);
    if (known.size >= MAX_KEPT) known.clear();
    known.set(budgetTokens, index);
  }
  return index;
}

/** One server while its line grows. */
interface ServerLine {
  readonly label: string;
  readonly isListed: boolean;
  readonly names: readonly string[];
  shown: number;
  isFull: boolean;
}

function writeIndex(catalog: Catalog, budgetTokens: number): CatalogIndex {
  const all = linesOf(catalog);
  const lines: ServerLine[] = [];
  let left = budgetTokens - FRAME_TOKENS;
  for (const line of all) {
    const cost = estimateTokens(`\n${line.label} (of): not available now${line.names.length}${line.names.length}`) + 3;
    if (cost > left) break;
    left -= cost;
    lines.push(line);
  }
  for (let open = lines; open.length > 0; open = open.filter((line) => !line.isFull)) {
    for (const line of open) {
      const name = line.names[line.shown];
      const cost = name === undefined ? 0 : estimateTokens(`, ${name}`);
      if (name === undefined || cost > left) line.isFull = true;
      else {
        left -= cost;
        line.shown++;
      }
    }
  }
  const shown = lines.reduce((sum, line) => sum + line.shown, 0);
  const isComplete = shown === catalog.tools.length && lines.length === all.length;
  const head = isComplete
    ? `Complete: ${shown} tools, ${all.length} servers`
    : `${shown} of ${catalog.tools.length} tools, ${lines.length} of ${all.length} servers`;
  return { text: budgetTokens < FRAME_TOKENS ? "" : [head, ...lines.map(lineText)].join("\n"), isComplete };
}

function linesOf(catalog: Catalog): ServerLine[] {
  const byServer = Map.groupBy(catalog.tools, (tool) => tool.server);
  return catalog.servers.map((server) => {
    const tools = byServer.get(server) ?? [];
    return {
      label: propertyKey(tools[0]?.namespace ?? server),
      isListed: !catalog.unlisted.includes(server),
      names: tools.map((tool) => propertyKey(tool.method)),
      shown: 0,
      isFull: false,
    };
  });
}

function lineText({ label, isListed, names, shown }: ServerLine): string {
  if (!isListed) return `${label}: not available now`;
  const count = shown === names.length ? String(shown) : `${shown} of ${names.length}`;
  return `${label} (${count})${shown === 0 ? "" : `: ${names.slice(0, shown).join(", ")}`}`;
}
