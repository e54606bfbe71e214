import { isRecord } from "../../lib/guards.ts";
import type { ToolDefinition } from "../../upstream/upstream.ts";
import type { CatalogTool } from "../catalog.ts";
import { deprecationOf } from "../doc-text.ts";
import { joinedTerms, pairOf, toTerms } from "./search-terms.ts";

/**
 * Parts of a tool that are searched. `weight` is what a word in it is worth, `lengthShare` how much a long text counts less
 * (0 not at all, 1 in proportion): BM25F's w and b of a field.
 *
 * @source Tuned on BFCL v4, Seal-Tools and mcpproxy so that both halves of their queries gain; the server's weight on half of the
 * requests over recorded tools. `test/unit/catalog/search/search-recall.test.ts` holds what is reached.
 */
export const FIELDS = [
  { name: "name", weight: 2, lengthShare: 0.5 },
  { name: "server", weight: 2, lengthShare: 0 },
  { name: "lead", weight: 1.2, lengthShare: 0.8 },
  { name: "rest", weight: 0.35, lengthShare: 0.75 },
  { name: "parameters", weight: 0.55, lengthShare: 0.3 },
  { name: "parameterTexts", weight: 0.4, lengthShare: 0.75 },
  { name: "values", weight: 0.2, lengthShare: 0.75 },
] as const;

const PROSE: ReadonlySet<string> = new Set(["lead", "rest", "parameterTexts"]);

/** Position of the name among the fields. */
export const NAME_FIELD = 0;
const LEAD_FIELD = 2;

/** What a tool is worth that its own description advises against. */
const DEPRECATED_WEIGHT = 0.5;

const MAX_DESCRIPTION_CHARS = 4_000;
const MAX_PARAMETER_CHARS = 300;
const MAX_SCHEMA_CHARS = 4_000;
const MAX_VALUES = 20;
const MAX_VALUE_CHARS = 1_000;
const MAX_DEPTH = 3;

/** What a tool is found by. */
export interface SearchedTool {
  /** How often each word occurs, by field as `FIELDS` lists them. */
  readonly counts: readonly ReadonlyMap<string, number>[];
  /** In how many of its name and its first sentence each pair of neighbouring words is. */
  readonly pairs: ReadonlyMap<string, number>;
  /** Words of each field. */
  readonly lengths: readonly number[];
  /** Factor on the whole score. */
  readonly weight: number;
}

/** A tool's words are the same in every catalog it is part of. */
const known = new WeakMap<CatalogTool, SearchedTool>();

/** Reads a tool's words; once for each tool, whatever catalogs it is in. */
export function searchedTool(tool: CatalogTool): SearchedTool {
  let searched = known.get(tool);
  if (searched === undefined) {
    searched = read(tool);
    known.set(tool, searched);
  }
  return searched;
}

function read(tool: CatalogTool): SearchedTool {
  const description = tool.title === undefined ? tool.description : `${tool.title}. ${tool.description}`;
  const end = /[.!?](?=\s)|\n\n/u.exec(description.slice(0, MAX_DESCRIPTION_CHARS))?.index ?? description.length;
  const schema = readSchema(tool);
  const texts = {
    name: tool.name,
    server: tool.server,
    lead: description.slice(0, Math.min(end + 1, MAX_DESCRIPTION_CHARS)),
    rest: description.slice(end + 1, MAX_DESCRIPTION_CHARS),
    ...schema,
  };
  const terms = FIELDS.map(({ name }) => {
    const words = toTerms(texts[name]);
    // In prose a capital within is part of a word, in a name it is a joint.
    return PROSE.has(name) ? [...words, ...joinedTerms(texts[name])] : words;
  });
  return {
    counts: terms.map(countOf),
    pairs: countOf([NAME_FIELD, LEAD_FIELD].flatMap((field) => [...pairsOf(terms[field] ?? [])])),
    lengths: terms.map((words) => words.length),
    weight: deprecationOf(tool.description) === undefined ? 1 : DEPRECATED_WEIGHT,
  };
}

function pairsOf(terms: readonly string[]): ReadonlySet<string> {
  return new Set(terms.slice(1).map((term, index) => pairOf(terms[index] ?? "", term)));
}

function countOf(terms: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

/** Texts of a schema's properties, nested ones too, each kind with a bound: schemas come from outside. */
function readSchema(tool: ToolDefinition): { parameters: string; parameterTexts: string; values: string } {
  const found = { parameters: "", parameterTexts: "", values: "" };
  const visit = (schema: unknown, depth: number): void => {
    const properties = isRecord(schema) ? schema["properties"] : undefined;
    if (!isRecord(properties) || depth > MAX_DEPTH || found.parameters.length > MAX_SCHEMA_CHARS) return;
    for (const [name, property] of Object.entries(properties)) {
      if (found.parameters.length > MAX_SCHEMA_CHARS) return;
      found.parameters += `${name.slice(0, MAX_PARAMETER_CHARS)}\n`;
      if (!isRecord(property)) continue;
      const { description, enum: values, items } = property;
      if (typeof description === "string" && found.parameterTexts.length < MAX_SCHEMA_CHARS) {
        found.parameterTexts += `${description.slice(0, MAX_PARAMETER_CHARS)}\n`;
      }
      if (Array.isArray(values) && found.values.length < MAX_VALUE_CHARS) found.values += `${valueTexts(values)}\n`;
      visit(property, depth + 1);
      visit(items, depth + 1);
    }
  };
  visit(tool.inputSchema, 0);
  return found;
}

function valueTexts(values: readonly unknown[]): string {
  const texts = values.slice(0, MAX_VALUES).filter((value) => typeof value === "string");
  return texts.join("\n").slice(0, MAX_VALUE_CHARS);
}
