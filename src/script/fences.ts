/** A fenced block of Markdown: where its fence and its body are in the text. */
export interface Fence {
  /** First word after the fence, in lower case; empty when there is none. */
  readonly label: string;
  /** Offset of the fence's first character. */
  readonly open: number;
  readonly start: number;
  readonly end: number;
}

/** What is written about a script, with the script in a fence of its own. */
const TEXT_LABELS: ReadonlySet<string> = new Set(["md", "mdx", "markdown"]);
const SCRIPT_LABELS: ReadonlySet<string> = new Set(
  "js jsx mjs cjs javascript ecmascript node ts tsx mts cts typescript code script".split(" "),
);

interface Marker {
  readonly char: string;
  readonly length: number;
  readonly open: number;
  readonly rest: string;
}

interface Line {
  readonly start: number;
  /** Without its line break. */
  readonly end: number;
  readonly next: number;
}

/** The fences of a text. */
export interface Fences {
  /** In the order in which they are worth a try. */
  readonly blocks: readonly Fence[];
  /** Offsets of all lines that look like the begin or end of a fence, wherever they are. */
  readonly markers: readonly number[];
}

/**
 * Finds the fenced blocks of a text by its lines alone. What they hold is not judged here.
 *
 * A fence after an odd number of backticks is not one: it is inside of a template literal. A text that is one fence ends
 * at its last line, so that the body may hold fences of its own. A fence that is not closed ends with the text, or at
 * the end of a line of its body that has the closing characters there. The fences of a fenced Markdown text are found too.
 *
 * @source CommonMark 0.31.2, "Fenced code blocks"; any indentation is taken, because lists indent.
 */
export function findFences(text: string): Fences {
  if (!text.includes("```") && !text.includes("~~~")) return { blocks: [], markers: [] };
  const lines = splitLines(text);
  const outer = wholeFences(text, lines);
  const isKnown = (fence: Fence): boolean => outer.some(({ start, end }) => start === fence.start && end === fence.end);
  const found = scanFences(text, lines).filter((fence) => !isKnown(fence));
  const inner = (outer.length > 0 ? outer : found).filter(isText).flatMap((fence) => innerFences(text, fence));
  const blocks = [...found.filter((fence) => !isForeign(fence)), ...found.filter(isForeign)];
  return {
    blocks: [...inner, ...outer, ...blocks],
    markers: [
      ...outer.slice(0, 1).map(({ open }) => open),
      ...lines.flatMap((line) => readMarker(text, line)?.open ?? []),
    ],
  };
}

function isText(fence: Fence): boolean {
  return TEXT_LABELS.has(fence.label);
}

function innerFences(text: string, { start, end }: Fence): Fence[] {
  const body = text.slice(start, end);
  return scanFences(body, splitLines(body)).map((fence) => ({
    label: fence.label,
    open: fence.open + start,
    start: fence.start + start,
    end: fence.end + start,
  }));
}

/** Whether a label says another language: JSON and shell are often shown beside the script, and JSON parses. */
function isForeign(fence: Fence): boolean {
  return fence.label !== "" && !SCRIPT_LABELS.has(fence.label);
}

/** The readings of a text as one fence; none when it does not begin with one. */
function wholeFences(text: string, lines: readonly Line[]): Fence[] {
  const used = lines.filter((line) => text.slice(line.start, line.end).trim() !== "");
  const [first, last] = [used[0], used.at(-1)];
  if (first === undefined || last === undefined) return [];
  if (first === last) return lineFences(text, first);
  const opener = readMarker(text, first);
  if (opener === undefined) return [];
  const closer = readMarker(text, last);
  if (closer !== undefined && closes(opener, closer)) return [toFence(opener, first.next, last.start)];
  return openFences(text, opener, first.next, lines);
}

/** A fence that is one line, as `` ```js return 1``` `` is, or an opening line alone. */
function lineFences(text: string, line: Line): Fence[] {
  const opener = readMarker(text, line);
  if (opener !== undefined) return [toFence(opener, line.next, text.length)];
  const content = text.slice(line.start, line.end).trimEnd();
  const open = line.start + content.length - content.trimStart().length;
  const length = runLength(content.trimStart(), "`");
  const end = closingRun(content, "`", length);
  const start = open + length;
  if (length < 3 || end === undefined || line.start + end <= start) return [];
  const [word = ""] = /^[a-z]+(?=\s)/iu.exec(text.slice(start, line.start + end)) ?? [];
  const label = SCRIPT_LABELS.has(word.toLowerCase()) ? word : "";
  return [{ label: label.toLowerCase(), open, start: start + label.length, end: line.start + end }];
}

/**
 * The readings of a fence that is not closed where it should be: to its closing line or, where the text goes on without
 * one, to the end; and to where a line ends with the closing characters, first when nothing comes after.
 */
function openFences(text: string, opener: Marker, start: number, lines: readonly Line[]): Fence[] {
  const toEnd = toFence(opener, start, text.length);
  for (const line of lines) {
    if (line.start < start) continue;
    const content = text.slice(line.start, line.end).trimEnd();
    const end = closingRun(content, opener.char, opener.length);
    if (end === undefined) continue;
    const cut = toFence(opener, start, line.start + end);
    const isClosed = content.slice(0, end).trim() === "" || text.slice(line.next).trim() === "";
    return isClosed ? [cut, toEnd] : [toEnd, cut];
  }
  return [toEnd];
}

/** Where the characters begin that end a line, at least `length` of them; `undefined` when they do not. */
function closingRun(content: string, char: string, length: number): number | undefined {
  let begin = content.length;
  while (begin > 0 && content.charAt(begin - 1) === char) begin--;
  return content.length - begin >= length ? content.length - length : undefined;
}

function scanFences(text: string, lines: readonly Line[]): Fence[] {
  const fences: Fence[] = [];
  let opener: Marker | undefined;
  let bodyStart = 0;
  let inTemplate = false;
  for (const line of lines) {
    const marker = readMarker(text, line);
    if (opener !== undefined) {
      if (marker === undefined || !closes(opener, marker)) continue;
      fences.push(toFence(opener, bodyStart, line.start));
      opener = undefined;
    } else if (marker !== undefined && !inTemplate) {
      opener = marker;
      bodyStart = line.next;
    } else if (marker === undefined && oddBackticks(text.slice(line.start, line.end))) {
      inTemplate = !inTemplate;
    }
  }
  if (opener !== undefined) fences.push(...openFences(text, opener, bodyStart, lines));
  return fences;
}

function toFence(opener: Marker, start: number, end: number): Fence {
  const label = opener.rest.trim().split(/[\s{:,]/u, 1)[0] ?? "";
  return { label: label.toLowerCase(), open: opener.open, start: Math.min(start, end), end };
}

function closes(opener: Marker, marker: Marker): boolean {
  return marker.char === opener.char && marker.length >= opener.length && marker.rest.trim() === "";
}

function readMarker(text: string, line: Line): Marker | undefined {
  const content = text.slice(line.start, line.end);
  const trimmed = content.trimStart();
  const char = trimmed.charAt(0);
  if (char !== "`" && char !== "~") return undefined;
  const length = runLength(trimmed, char);
  const rest = trimmed.slice(length);
  if (length < 3 || (char === "`" && rest.includes("`"))) return undefined;
  return { char, length, open: line.start + content.length - trimmed.length, rest };
}

/** How many of a character a text begins with. */
function runLength(text: string, char: string): number {
  let length = 0;
  while (text.charAt(length) === char) length++;
  return length;
}

function oddBackticks(line: string): boolean {
  let odd = false;
  for (let i = 0; i < line.length; i++) {
    if (line.charAt(i) === "\\") i++;
    else if (line.charAt(i) === "`") odd = !odd;
  }
  return odd;
}

function splitLines(text: string): Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < text.length;) {
    const at = text.indexOf("\n", start);
    const next = at === -1 ? text.length : at + 1;
    const end = at === -1 ? text.length : text.charAt(at - 1) === "\r" && at > start ? at - 1 : at;
    lines.push({ start, end, next });
    start = next;
  }
  return lines;
}
