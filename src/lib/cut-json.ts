import { jsonParts, jsonValueEnd } from "./json-scan.ts";
import type { JsonIndex, JsonPart } from "./json-scan.ts";

/** Smallest place a value is squeezed into: any number and any note of a cut fits. */
export const MIN_JSON_BYTES = 32;
/** Smallest place in which a list or an object still shows a part of itself. */
const MIN_CONTAINER_BYTES = 96;
/** Place kept for the note that ends a cut list or object, its comma and quotes included. */
const NOTE_BYTES = 48;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

/** Notes of an earlier cut, at the end of a text, a list or an object: what they count is counted on. */
const CUT_TEXT = /… \[([1-9]\d{0,11}) bytes cut\]"$/u;
const CUT_LIST = /"… \[([1-9]\d{0,11}) more items cut\]"\]$/u;
const CUT_OBJECT = /"…":"\[([1-9]\d{0,11}) more members cut\]"\}$/u;
const LONGEST_NOTE = 48;
const COMMA: Piece = { bytes: 1, content: "," };

/** A part of the cut text: a range of the whole, words of ours, or what is made of those; `bytes` long. */
interface Piece {
  readonly bytes: number;
  readonly content: string | JsonRange | readonly Piece[];
}

interface JsonRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts a JSON text to at most `maxBytes`, as a text that is still JSON and says what was cut: the tail of texts and lists,
 * and of objects the larger members first. Time grows with what is kept, but for lists and objects that are not indexed.
 *
 * @param text Was scanned: JSON without a fault.
 * @param maxBytes At least 32; less counts as 32.
 * @returns The text itself when it fits.
 */
export function cutJson(text: Buffer, maxBytes: number, index: JsonIndex): string {
  let start = 0;
  while ((text[start] ?? QUOTE) <= 0x20) start++;
  const cutter = new JsonCutter(text, index);
  const piece = cutter.cut({ start, end: jsonValueEnd(text, start, index) }, Math.max(MIN_JSON_BYTES, maxBytes));
  const out = Buffer.allocUnsafe(piece.bytes);
  write(piece, text, out, 0);
  return out.toString("utf8");
}

/** @returns The offset behind what was written. */
function write({ content }: Piece, text: Buffer, out: Buffer, at: number): number {
  if (typeof content === "string") return at + out.write(content, at, "utf8");
  if (isRange(content)) return at + text.copy(out, at, content.start, content.end);
  let next = at;
  for (const piece of content) next = write(piece, text, out, next);
  return next;
}

class JsonCutter {
  readonly #text: Buffer;
  readonly #index: JsonIndex;

  constructor(text: Buffer, index: JsonIndex) {
    this.#text = text;
    this.#index = index;
  }

  cut(range: JsonRange, budget: number): Piece {
    if (range.end - range.start <= budget) return rangePiece(range);
    const first = this.#text[range.start];
    if (first === QUOTE) return this.#cutText(range, budget);
    if (first === OPEN_LIST) return this.#cutList(range, budget);
    if (first === OPEN_OBJECT) return this.#cutObject(range, budget);
    // No number that JSON.stringify writes is so long.
    return words(`"… [${range.end - range.start} digits cut]"`);
  }

  /** The head of a text, never a part of a character or of an escape. */
  #cutText({ start, end }: JsonRange, budget: number): Piece {
    const limit = start + 1 + Math.max(0, budget - MIN_JSON_BYTES);
    let at = start + 1;
    for (let next = at; next <= limit; next = this.#characterEnd(next)) at = next;
    const earlier = this.#noteAt(end, CUT_TEXT);
    const cut = end - 1 - at + (earlier === undefined ? 0 : earlier.count - (earlier.bytes - 1));
    return join([rangePiece({ start, end: at }), words(`… [${cut} bytes cut]"`)]);
  }

  #characterEnd(at: number): number {
    const byte = this.#text[at] ?? 0;
    if (byte === BACKSLASH) return this.#text[at + 1] === 0x75 ? at + 6 : at + 2;
    if (byte < 0x80) return at + 1;
    return byte < 0xe0 ? at + 2 : byte < 0xf0 ? at + 3 : at + 4;
  }

  /** The head of a list; an item that is too large gets half of what is left, so that others are seen too. */
  #cutList({ start, end }: JsonRange, budget: number): Piece {
    const count = this.#countOf(start) + (this.#earlier(end, CUT_LIST) ?? 0);
    if (budget < MIN_CONTAINER_BYTES) return words(`"… [${count} items cut]"`);
    const pieces: Piece[] = [];
    let kept = 0;
    let left = budget - 2 - NOTE_BYTES;
    for (const item of jsonParts(this.#text, start, this.#index)) {
      const whole = item.end - item.start + 1;
      const share = Math.floor(left / 2) - 1;
      if (whole > left && share < MIN_JSON_BYTES) break;
      const piece = whole > left ? this.cut(item, share) : rangePiece(item);
      if (kept > 0) pieces.push(COMMA);
      pieces.push(piece);
      kept += 1;
      left -= piece.bytes + 1;
    }
    const note = count === kept ? "]" : `${kept > 0 ? "," : ""}"… [${count - kept} more items cut]"]`;
    return join([words("["), ...pieces, words(note)]);
  }

  /** Members in their order; small ones stay whole, large ones share evenly what those leave. */
  #cutObject({ start, end }: JsonRange, budget: number): Piece {
    const count = this.#countOf(start) + (this.#earlier(end, CUT_OBJECT) ?? 0);
    if (budget < MIN_CONTAINER_BYTES) return words(`"… [${count} members cut]"`);
    let left = budget - 2 - NOTE_BYTES;
    const members: JsonPart[] = [];
    let least = 0;
    for (const member of jsonParts(this.#text, start, this.#index)) {
      const value = Math.min(MIN_JSON_BYTES, member.end - member.start);
      const cost = keyBytes(member) + value;
      if (cost > left) break;
      left -= cost;
      least += value;
      members.push(member);
    }
    left += least;
    const cuts = new Map<JsonPart, Piece>();
    const bySize = members.toSorted((a, b) => a.end - a.start - (b.end - b.start));
    for (const [at, member] of bySize.entries()) {
      const piece = this.cut(member, Math.floor(left / (bySize.length - at)));
      cuts.set(member, piece);
      left -= piece.bytes;
    }
    const pieces = members.flatMap((member, at) => {
      const key = rangePiece({ start: member.keyStart, end: member.keyEnd });
      return [...(at > 0 ? [COMMA] : []), key, words(":"), cuts.get(member) ?? words("null")];
    });
    const kept = members.length;
    const note = count === kept ? "}" : `${kept > 0 ? "," : ""}"…":"[${count - kept} more members cut]"}`;
    return join([words("{"), ...pieces, words(note)]);
  }

  #countOf(start: number): number {
    const known = this.#index.get(start);
    if (known !== undefined) return known.count;
    let count = 0;
    for (const _ of jsonParts(this.#text, start, this.#index)) count++;
    return count;
  }

  /** What the note of an earlier cut counts beyond the one part that it is itself. */
  #earlier(end: number, note: RegExp): number | undefined {
    const found = this.#noteAt(end, note);
    return found === undefined ? undefined : found.count - 1;
  }

  #noteAt(end: number, note: RegExp): { readonly count: number; readonly bytes: number } | undefined {
    const found = note.exec(this.#text.toString("utf8", Math.max(0, end - LONGEST_NOTE), end));
    return found === null ? undefined : { count: Number(found[1]), bytes: Buffer.byteLength(found[0]) };
  }
}

/** Bytes of `"key":` and a comma. */
function keyBytes({ keyStart, keyEnd }: JsonPart): number {
  return keyEnd - keyStart + 2;
}

function words(content: string): Piece {
  return { bytes: Buffer.byteLength(content), content };
}

function rangePiece({ start, end }: JsonRange): Piece {
  return { bytes: end - start, content: { start, end } };
}

function join(content: readonly Piece[]): Piece {
  let bytes = 0;
  for (const piece of content) bytes += piece.bytes;
  return { bytes, content };
}

function isRange(content: Exclude<Piece["content"], string>): content is JsonRange {
  return "start" in content;
}
