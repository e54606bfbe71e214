/** A fenced block of Markdown: where its fence and its body are in the text. */
export interface Fence {
  /** First word after the fence, in lower case; empty when there is none. */
  readonly label: string;
  /** Offset of the fence's first character. */
  readonly open: number;
  readonly start: number;
  readonly end: number;
}

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
 * at its last line, so that the body may hold fences of its own. A fence that is not closed ends with the text.
 *
 * @source CommonMark 0.31.2, "Fenced code blocks"; any indentation is taken, because lists indent.
 */
export function findFences(text: string): Fences {
  if (!text.includes("```") && !text.includes("~~~")) return { blocks: [], markers: [] };
  const lines = splitLines(text);
  const outer = wholeFence(text, lines);
  const inner = scanFences(text, lines).filter((fence) => fence.start !== outer?.start || fence.end !== outer.end);
  const blocks = [...inner.filter((fence) => !isForeign(fence)), ...inner.filter(isForeign)];
  return {
    blocks: outer === undefined ? blocks : [outer, ...blocks],
    markers: lines.flatMap((line) => readMarker(text, line)?.open ?? []),
  };
}

/** Whether a label says another language: JSON and shell are often shown beside the script, and JSON parses. */
function isForeign(fence: Fence): boolean {
  return fence.label !== "" && !SCRIPT_LABELS.has(fence.label);
}

function wholeFence(text: string, lines: readonly Line[]): Fence | undefined {
  const used = lines.filter((line) => text.slice(line.start, line.end).trim() !== "");
  const [first, last] = [used[0], used.at(-1)];
  const opener = first === undefined ? undefined : readMarker(text, first);
  if (first === undefined || last === undefined || opener === undefined) return undefined;
  const closer = last === first ? undefined : readMarker(text, last);
  const closed = closer !== undefined && closes(opener, closer);
  return toFence(opener, first.next, closed ? last.start : text.length);
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
  if (opener !== undefined) fences.push(toFence(opener, bodyStart, text.length));
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
  let length = 0;
  while (trimmed.charAt(length) === char) length++;
  const rest = trimmed.slice(length);
  if (length < 3 || (char === "`" && rest.includes("`"))) return undefined;
  return { char, length, open: line.start + content.length - trimmed.length, rest };
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
