import type { ToolDefinition } from "../../upstream/upstream.ts";
import type { Finding, ScannedListing } from "./scan.ts";
import { textsOf } from "./scan-places.ts";
import { excerptAt } from "./scan-text.ts";

/** Names found in one tool. */
const MAX_FINDINGS = 5;
/** Names that one tool's texts are searched for. */
const MAX_WORDS = 10_000;
const WORD = /[\p{L}\p{N}][\p{L}\p{N}_-]*/gu;

/** Where a name stands. */
type Place = Pick<Finding, "place" | "excerpt">;

/** Definitions are immutable; which names are foreign changes with every server that starts. */
const namesByTool = new WeakMap<ToolDefinition, ReadonlyMap<string, Place>>();

/**
 * Finds tools of other servers named in a server's texts: a description that speaks of them may be there to change how they
 * are used. Such a finding is told and withholds nothing, whatever the mode. Names of the server's own tools and of the tool's own properties do not count, nor do names that are words.
 *
 * @param foreign Names of tools of all other servers.
 */
export function findForeignTools(
  { tools, instructions }: ScannedListing,
  foreign: ReadonlySet<string>,
): readonly Finding[] {
  const own = new Set(tools.map((tool) => tool.name));
  const isForeign = (name: string): boolean => foreign.has(name) && !own.has(name);
  const findings: Finding[] = [];
  const add = (names: ReadonlyMap<string, Place>, tool?: string): void => {
    const found = [...names].filter(([name]) => isForeign(name)).slice(0, MAX_FINDINGS);
    for (const [, place] of found)
      findings.push({ ...(tool !== undefined && { tool }), rule: "foreign-tool", ...place });
  };
  if (foreign.size === 0) return findings;
  if (instructions !== undefined) add(namesIn([{ place: "/instructions", text: instructions }]));
  for (const tool of tools) add(namesOf(tool), tool.name);
  return findings;
}

function namesOf(tool: ToolDefinition): ReadonlyMap<string, Place> {
  let names = namesByTool.get(tool);
  if (names === undefined) {
    const texts = [...textsOf(tool)];
    const keys = new Set(texts.filter(({ isKey }) => isKey).map(({ text }) => text));
    const prose = texts.filter(({ isKey, place }) => !isKey && place !== "/name");
    names = new Map([...namesIn(prose)].filter(([name]) => !keys.has(name)));
    namesByTool.set(tool, names);
  }
  return names;
}

/** Words that are made of parts, each where it stands first; of `server__tool` also the tool. */
function namesIn(texts: Iterable<{ readonly place: string; readonly text: string }>): ReadonlyMap<string, Place> {
  const names = new Map<string, Place>();
  for (const { place, text } of texts) {
    for (const { index, 0: word } of text.matchAll(WORD)) {
      if (names.size >= MAX_WORDS) return names;
      const parts = word.indexOf("__");
      for (const name of parts > 0 ? [word, word.slice(parts + 2)] : [word]) {
        if (isTelling(name) && !names.has(name)) names.set(name, { place, excerpt: excerptAt(text, index) });
      }
    }
  }
  return names;
}

/** A name that is no word of the language: it has parts, and is not short. */
function isTelling(name: string): boolean {
  return name.length >= 6 && (/[\p{L}\p{N}][_-][\p{L}\p{N}]/u.test(name) || /\p{Ll}\p{Lu}/u.test(name));
}
