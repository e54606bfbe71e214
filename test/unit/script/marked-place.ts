/** A place in a text, as errors tell it: 1-based, with the line it stands in. */
export interface MarkedPlace {
  readonly line: number;
  readonly column: number;
  readonly snippet: string;
}

const MARK = "▶";

/** A text without its mark. */
export function unmarked(text: string): string {
  return text.replace(MARK, "");
}

/** Where `▶` stands in a text, as an editor counts. @throws Error when the text has no mark. */
export function placeOf(text: string): MarkedPlace {
  const at = text.indexOf(MARK);
  if (at === -1) throw new Error(`there is no ${MARK} in ${JSON.stringify(text)}`);
  const before = text.slice(0, at).split(/\r\n?|\n/u);
  const own = unmarked(text).split(/\r\n?|\n/u)[before.length - 1] ?? "";
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, snippet: own.trim() };
}
