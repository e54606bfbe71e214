const ABBREVIATION = /(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|incl|no|max|min)|\b[A-Za-z])$/iu;

/**
 * The first sentence of a description on one line, safe inside any comment.
 *
 * Control, invisible and direction-changing characters become spaces and a comment's end cannot be formed.
 *
 * @param text As a server sent it.
 * @param maxLength Longest result in UTF-16 units; a longer sentence is cut at a word and marked with `…`.
 * @returns Empty when the text says nothing.
 */
export function firstSentence(text: string, maxLength: number): string {
  // Nothing after this much can be part of the result, and descriptions of 100 kB exist.
  const head = text.slice(0, maxLength * 8).trimStart();
  const paragraph = /^[^]*?(?=\r?\n[ \t]*\r?\n|$(?![^]))/u.exec(head)?.[0] ?? head;
  return bound(toPlainLine(untilSentenceEnd(toPlainLine(paragraph))), maxLength);
}

/** How descriptions say that a tool should not be used any more; the word alone may be about something else. */
const DEPRECATION = /(?:\bDEPRECATED\b|\bDeprecated(?=[:.\]!,])|\b(?:is|are) deprecated\b|@deprecated\b)/u;
const MAX_DEPRECATION = 80;

/**
 * What a description says of its tool being out of date, on one line and safe inside any comment.
 *
 * @returns From the word that says so to the end of its sentence, at most 80 UTF-16 units; `undefined` when it says nothing.
 */
export function deprecationOf(text: string): string | undefined {
  const start = DEPRECATION.exec(text)?.index;
  if (start === undefined) return undefined;
  return firstSentence(text.slice(start), MAX_DEPRECATION);
}

/** What is not a visible ASCII character or a single space. */
const UNUSUAL = /[^ -~]| {2}/u;

/** Any text on one line that cannot end a comment. */
export function toPlainLine(text: string): string {
  // Nearly all texts are: looking a character's kind up is slow.
  const line = !UNUSUAL.test(text) ? text : text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Z}]+/gu, " ");
  return line.replaceAll("*/", "* /").trim();
}

/** Whether a description only repeats a name, as generated titles do. */
export function saysOnly(description: string, name: string): boolean {
  // Longer ones say more, unless of punctuation only; most are, and folding is slow.
  if (description.length > 2 * name.length + 8) return false;
  const fold = (text: string): string => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]|^the\s/gu, "");
  return fold(description) === fold(name);
}

function untilSentenceEnd(line: string): string {
  for (const match of line.matchAll(/[.!?](?=\s)|[。！？]/gu)) {
    const before = line.slice(0, match.index);
    const ends = match[0] !== "." || (!ABBREVIATION.test(before) && !/^\s+\p{Ll}/u.test(line.slice(match.index + 1)));
    if (ends) return match[0] === "." ? before : before + match[0];
  }
  return line.replace(/\.$/u, "");
}

function bound(line: string, maxLength: number): string {
  if (line.length <= maxLength) return line;
  const cut = line.slice(0, maxLength - 1).replace(/[\uD800-\uDBFF]$/u, "");
  const atWord = cut.replace(/\s+\S*$/u, "");
  const kept = atWord.length >= maxLength / 2 ? atWord : cut;
  return `${withoutStub(kept).trimEnd()}…`;
}

/** A cut text without an aside of which too little is left to say anything. */
function withoutStub(text: string): string {
  return /^(.{12,}?)[\s,;:–—-]*\s\([^()]{0,12}$/u.exec(text)?.[1] ?? text;
}
