/** Longest excerpt of a finding, in UTF-16 units. */
export const MAX_EXCERPT = 80;
/** What stands before the first suspicious character, so that a reader finds the place. */
const LEAD = 20;

/** Characters that are not seen, or that change how others are seen; spaces, tabs and line breaks are not among them. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * A text whose invisible, direction-changing and control characters are written out as `\u{200b}`, on one line: safe in a
 * terminal, a log and a table.
 */
export function showUnseen(text: string): string {
  return text.replaceAll(UNSEEN, (char) => {
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    if (char === "\r") return "\\r";
    return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** The part of a text from a little before `index`, with invisible characters written out; at most 80 UTF-16 units. */
export function excerptAt(text: string, index: number): string {
  const from = Math.max(0, index - LEAD);
  const shown = showUnseen(text.slice(from, index + MAX_EXCERPT));
  return clip(from > 0 ? `…${shown}` : shown, MAX_EXCERPT);
}

/** A text of at most `max` UTF-16 units, cut at its end and never inside a character. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/u, "")}…`;
}

/** Letters of other scripts that pass for Latin ones. @source Unicode Technical Standard 39, confusables of a to z */
const LOOKALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    а: "a",
    е: "e",
    о: "o",
    р: "p",
    с: "c",
    у: "y",
    х: "x",
    і: "i",
    ј: "j",
    ѕ: "s",
    һ: "h",
    ԁ: "d",
    ԛ: "q",
    ԝ: "w",
    ɡ: "g",
    α: "a",
    ε: "e",
    ο: "o",
    ρ: "p",
    ν: "v",
    ι: "i",
    κ: "k",
    τ: "t",
    υ: "u",
    ɑ: "a",
    ı: "i",
    ⅼ: "l",
  }),
);
const LOOKALIKE = new RegExp(`[${[...LOOKALIKES.keys()].join("")}]`, "gu");
const ASCII_ONLY = /^[\t\n\r -~]*$/u;

/**
 * A text as a reader who wants to be fooled reads it: compatibility forms folded, invisible characters gone, lower case, one
 * space for any white space and for what marks emphasis.
 *
 * @returns One reading, or two where letters of other scripts may stand for Latin ones.
 */
export function readings(text: string): readonly string[] {
  const isAscii = ASCII_ONLY.test(text);
  const visible = isAscii ? text : text.normalize("NFKC").replaceAll(UNSEEN, (char) => (/\s/u.test(char) ? " " : ""));
  const plain = visible
    .toLowerCase()
    .replaceAll(/[\s*_`~]+/gu, " ")
    .replaceAll(/[\u2018\u2019]/gu, "'");
  if (isAscii) return [plain];
  const folded = plain.replaceAll(LOOKALIKE, (char) => LOOKALIKES.get(char) ?? char);
  return folded === plain ? [plain] : [plain, folded];
}
