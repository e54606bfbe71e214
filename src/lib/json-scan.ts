import { isUtf8 } from "node:buffer";

/** A list or an object within a JSON text. */
export interface JsonSpan {
  /** Offset behind its closing bracket. */
  readonly end: number;
  /** Its items or members. */
  readonly count: number;
}

/** The large lists and objects of a JSON text, by the offset of their opening bracket. */
export type JsonIndex = ReadonlyMap<number, JsonSpan>;

/** Lists and objects up to this size are walked again when they are needed: an index of all would outgrow the text. */
const INDEXED_BYTES = 16 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
/** The code of each closing bracket is that of its opening one plus 2. */
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const ESCAPED = new Set(Buffer.from('"\\/bfnrt'));
const WORDS: ReadonlyMap<number, Buffer> = new Map(
  ["true", "false", "null"].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);

/**
 * Reads a JSON text without making its values: memory does not grow with what a short text can unfold to.
 *
 * @param maxDepth Levels of lists and objects it may have.
 * @returns Its index; `syntax`: it is not JSON in UTF-8; `depth`: it is nested deeper than it may be.
 * @source RFC 8259
 */
export function scanJson(text: Uint8Array, maxDepth: number): JsonIndex | "syntax" | "depth" {
  if (!isUtf8(text)) return "syntax";
  const open = new OpenParts(text, maxDepth);
  for (let at = skipSpace(text, 0); ;) {
    const first = text[at];
    if (first === OPEN_LIST || first === OPEN_OBJECT) {
      if (open.depth === maxDepth) return "depth";
      const next = skipSpace(text, at + 1);
      const isEmpty = text[next] === first + 2;
      open.enter(at, isEmpty ? 0 : 1);
      if (!isEmpty) {
        at = first === OPEN_OBJECT ? keyEnd(text, next) : next;
        if (at === -1) return "syntax";
        continue;
      }
      at = open.close(next);
    } else {
      const end = scalarEnd(text, at);
      at = end === -1 ? -1 : open.close(end);
    }
    if (at === -1) return "syntax";
    if (open.depth === 0) return at === text.length ? open.index : "syntax";
  }
}

/** The lists and objects around the place that a scan has come to. */
class OpenParts {
  readonly index = new Map<number, JsonSpan>();
  depth = 0;
  readonly #text: Uint8Array;
  /** Opening brackets, and how many items each has so far. */
  readonly #starts: Int32Array;
  readonly #counts: Int32Array;

  constructor(text: Uint8Array, maxDepth: number) {
    this.#text = text;
    this.#starts = new Int32Array(maxDepth + 1);
    this.#counts = new Int32Array(maxDepth + 1);
  }

  enter(start: number, count: number): void {
    this.depth += 1;
    this.#starts[this.depth] = start;
    this.#counts[this.depth] = count;
  }

  /** Closes what ends behind a value. @returns Where the next value begins, or the end of the text; -1 for a fault. */
  close(from: number): number {
    const text = this.#text;
    for (let at = skipSpace(text, from); ; at = skipSpace(text, at)) {
      if (this.depth === 0) return at;
      const start = this.#starts[this.depth] ?? 0;
      const count = this.#counts[this.depth] ?? 0;
      const byte = text[at];
      const first = text[start] ?? 0;
      if (byte === COMMA && count > 0) {
        this.#counts[this.depth] = count + 1;
        at = skipSpace(text, at + 1);
        return first === OPEN_OBJECT ? keyEnd(text, at) : at;
      }
      if (byte !== first + 2) return -1;
      at += 1;
      this.depth -= 1;
      if (at - start > INDEXED_BYTES) this.index.set(start, { end: at, count });
    }
  }
}

/** @returns Where the member's value begins; -1 when there is no key. */
function keyEnd(text: Uint8Array, at: number): number {
  if (text[at] !== QUOTE) return -1;
  const end = stringEnd(text, at);
  if (end === -1) return -1;
  const colon = skipSpace(text, end);
  return text[colon] === COLON ? skipSpace(text, colon + 1) : -1;
}

function scalarEnd(text: Uint8Array, at: number): number {
  const first = text[at];
  if (first === undefined) return -1;
  if (first === QUOTE) return stringEnd(text, at);
  if (first === MINUS || isDigit(first)) return numberEnd(text, at);
  const word = WORDS.get(first);
  if (word === undefined) return -1;
  for (let i = 1; i < word.length; i++) if (text[at + i] !== word[i]) return -1;
  return at + word.length;
}

function stringEnd(text: Uint8Array, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const byte = text[at] ?? 0;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return -1;
    if (byte !== BACKSLASH) continue;
    const escape = text[++at] ?? 0;
    if (escape === 0x75 && isHex(text, at + 1)) at += 4;
    else if (!ESCAPED.has(escape)) return -1;
  }
  return -1;
}

function isHex(text: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 4; i++) {
    const byte = text[i] ?? 0;
    const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66;
    if (!isDigit(byte) && !isLetter) return false;
  }
  return true;
}

function numberEnd(text: Uint8Array, start: number): number {
  let at = text[start] === MINUS ? start + 1 : start;
  const whole = digitsEnd(text, at);
  if (whole === at || (text[at] === 0x30 && whole > at + 1)) return -1;
  at = whole;
  if (text[at] === 0x2e) {
    const end = digitsEnd(text, at + 1);
    if (end === at + 1) return -1;
    at = end;
  }
  if (((text[at] ?? 0) | 0x20) === 0x65) {
    const sign = text[at + 1];
    const from = sign === 0x2b || sign === MINUS ? at + 2 : at + 1;
    const end = digitsEnd(text, from);
    if (end === from) return -1;
    at = end;
  }
  return at;
}

function digitsEnd(text: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(text[at] ?? 0)) at++;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function skipSpace(text: Uint8Array, from: number): number {
  let at = from;
  for (let byte = text[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = text[at]) at++;
  return at;
}

/** Offset behind the value that begins at `start`, in a text that was scanned. */
export function jsonValueEnd(text: Uint8Array, start: number, index: JsonIndex): number {
  const first = text[start];
  if (first !== OPEN_LIST && first !== OPEN_OBJECT) return scalarEnd(text, start);
  const known = index.get(start);
  if (known !== undefined) return known.end;
  let depth = 0;
  for (let at = start; ;) {
    const byte = text[at];
    if (byte === QUOTE) at = stringEnd(text, at);
    else {
      if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
      at++;
      if (depth === 0) return at;
    }
  }
}

/** One item of a list, or one member of an object, as offsets into its text. */
export interface JsonPart {
  /** The member's key with its quotes; for an item, where it begins. */
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly start: number;
  readonly end: number;
}

/** The items or members of the list or object that begins at `start`, in a text that was scanned. */
export function* jsonParts(text: Uint8Array, start: number, index: JsonIndex): Generator<JsonPart, void, undefined> {
  const isObject = text[start] === OPEN_OBJECT;
  for (let at = skipSpace(text, start + 1); text[at] !== CLOSE_LIST && text[at] !== CLOSE_OBJECT;) {
    const keyStart = at;
    const valueStart = isObject ? keyEnd(text, at) : at;
    const end = jsonValueEnd(text, valueStart, index);
    yield { keyStart, keyEnd: isObject ? stringEnd(text, at) : at, start: valueStart, end };
    at = skipSpace(text, end);
    if (text[at] === COMMA) at = skipSpace(text, at + 1);
  }
}
