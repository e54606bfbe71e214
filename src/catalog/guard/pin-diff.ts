import { isRecord } from "../../lib/guards.ts";
import { pointerStep } from "../../lib/json.ts";
import type { ListingChanges, PinnedListing, PinnedTool } from "./pinned-listing.ts";
import { clip, showUnseen } from "./scan-text.ts";

/** Lines of a whole diff. */
const MAX_LINES = 200;
/** Fields told of one tool. */
const MAX_FIELDS = 20;
/** Characters shown of one value. */
const MAX_VALUE = 160;
/** Characters that stay before the first difference of two texts. */
const LEAD = 30;

/**
 * What changed from one listing to another, for people: one line a tool, below it each field that differs by JSON pointer,
 * the old value after `-` and the new one after `+`. Every line is plain text: what is invisible is written out, and values
 * are JSON. At most 200 lines of at most some 200 characters.
 */
export function diffListings(before: PinnedListing, after: PinnedListing, changes: ListingChanges): readonly string[] {
  const lines: string[] = [];
  if (changes.instructions) lines.push("~ instructions", ...diffValues(before.instructions, after.instructions));
  for (const name of changes.changed) {
    lines.push(`~ tool ${shownName(name)}`, ...diffTools(before.tools.get(name), after.tools.get(name)));
    if (lines.length > MAX_LINES) break;
  }
  for (const name of changes.added) {
    lines.push(`+ tool ${shownName(name)}`);
    const definition = after.tools.get(name)?.definition;
    if (isRecord(definition)) lines.push(`    + ${shownText(definition["description"])}`);
    if (lines.length > MAX_LINES) break;
  }
  for (const name of changes.removed.slice(0, MAX_LINES + 1)) lines.push(`- tool ${shownName(name)}`);
  if (lines.length <= MAX_LINES) return lines;
  return [...lines.slice(0, MAX_LINES - 1), "… more was changed than is shown here"];
}

/** One line that says how much changed: `2 tools changed (a, b), 1 added (c)`; names are bounded and plain. */
export function summariseChanges({ changed, added, removed, instructions }: ListingChanges): string {
  const part = (names: readonly string[], what: string): string[] => {
    if (names.length === 0) return [];
    const shown = names.slice(0, 5).map(shownName).join(", ");
    return [`${names.length} ${what} (${shown}${names.length > 5 ? ", …" : ""})`];
  };
  const parts = [...part(changed, "changed"), ...part(added, "added"), ...part(removed, "removed")];
  if (instructions) parts.push("instructions changed");
  return parts.join(", ");
}

function diffTools(before: PinnedTool | undefined, after: PinnedTool | undefined): readonly string[] {
  if (before?.definition === undefined || after?.definition === undefined)
    return ["    (too large to have been kept: only its digest is known)"];
  const lines = diffValues(before.definition, after.definition);
  const told = lines.filter((line) => line.startsWith("    /")).length;
  return told > MAX_FIELDS ? [...lines.slice(0, 3 * MAX_FIELDS), "    … and more fields"] : lines;
}

interface Difference {
  readonly place: string;
  readonly before: unknown;
  readonly after: unknown;
}

function diffValues(before: unknown, after: unknown): string[] {
  const lines: string[] = [];
  for (const { place, ...pair } of differences(before, after, "")) {
    if (place !== "") lines.push(`    ${clip(showUnseen(place), MAX_VALUE)}`);
    const [old, now] = shownPair(pair.before, pair.after);
    lines.push(`      - ${old}`, `      + ${now}`);
    if (lines.length > 3 * MAX_FIELDS) break;
  }
  return lines;
}

/** Lazily: a reader stops after some. Depth is bounded where lists are parsed. */
function* differences(before: unknown, after: unknown, place: string): Generator<Difference, void, undefined> {
  const pairs = memberPairs(before, after);
  if (pairs === undefined) {
    if (before !== after) yield { place, before, after };
    return;
  }
  for (const [key, old, now] of pairs) yield* differences(old, now, place + pointerStep(key));
}

/** Members of two objects or two lists side by side; `undefined` when the values are not alike in that. */
function memberPairs(before: unknown, after: unknown): readonly [string, unknown, unknown][] | undefined {
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) => [String(index), before[index] as unknown, after[index] as unknown]);
  }
  if (!isRecord(before) || !isRecord(after)) return undefined;
  const [old, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  return [...new Set([...old.keys(), ...now.keys()])].sort().map((key) => [key, old.get(key), now.get(key)]);
}

/** Two values, long texts from a little before the place where they part. */
function shownPair(before: unknown, after: unknown): readonly [string, string] {
  if (typeof before !== "string" || typeof after !== "string") return [shownText(before), shownText(after)];
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same]) same++;
  const from = Math.max(0, same - LEAD);
  const longest = Math.max(before.length, after.length);
  if (from === 0 || longest <= MAX_VALUE) return [shownText(before), shownText(after)];
  return [`…${shownText(before.slice(from))}`, `…${shownText(after.slice(from))}`];
}

/** Any JSON value as text on one line. */
function shownText(value: unknown): string {
  if (value === undefined) return "(absent)";
  const head = typeof value === "string" ? value.slice(0, MAX_VALUE) : value;
  return (
    clip(showUnseen(JSON.stringify(head)), MAX_VALUE) +
    (typeof value === "string" && value.length > MAX_VALUE ? "…" : "")
  );
}

function shownName(name: string): string {
  return clip(showUnseen(/^[\w.-]+$/u.test(name) ? name : JSON.stringify(name)), 80);
}
