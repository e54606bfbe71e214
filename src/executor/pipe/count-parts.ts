/** More lists, records and members than any message of the protocol has. */
const MAX_PARTS = 1_024;

const QUOTE = 34;
const COMMA = 44;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const OPEN_RECORD = 123;

/**
 * Whether a JSON text has more parts than any message: such a text is small and what it is parsed into is not, and parsing
 * it holds up everybody. Texts within it count as one, whatever they hold.
 */
export function hasTooManyParts(json: string): boolean {
  let parts = 0;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) at = endOfText(json, at + 1);
    else if ((unit === COMMA || unit === OPEN_LIST || unit === OPEN_RECORD) && ++parts > MAX_PARTS) return true;
  }
  return false;
}

/** @returns Where the text's closing quote is; the end when it has none. */
function endOfText(json: string, from: number): number {
  let at = from;
  for (; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === BACKSLASH) at++;
    else if (unit === QUOTE) break;
  }
  return at;
}
