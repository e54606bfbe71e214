/** What a string of a JSON text becomes. @param named Whether it stands under a member that is named like a secret. */
export type RedactString = (value: string, named: boolean) => string;

/**
 * Redacts the strings of a JSON text where they stand: keys, numbers, spaces and the order of everything stay as they are
 * written, also where a key comes twice. Takes time linear in the text, and no stack however deep it is nested.
 *
 * @param text Valid JSON.
 * @param isSecretKey Whether the strings of a member with this name, or of the list that it holds, are secrets.
 */
export function redactJsonText(text: string, redact: RedactString, isSecretKey: (key: string) => boolean): string {
  const token = /["[\]{}]/gu;
  const above: boolean[] = [];
  const parts: string[] = [];
  let copied = 0;
  let named = false;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [mark] = found;
    if (mark === "]" || mark === "}") named = above.pop() ?? false;
    else if (mark !== '"') {
      above.push(named);
      if (mark === "{") named = false;
    } else {
      const start = found.index;
      const end = endOfString(text, start);
      token.lastIndex = end;
      const value = valueOf(text.slice(start, end));
      if (isFollowedByColon(text, end)) named = isSecretKey(value);
      else {
        const redacted = redact(value, named);
        if (redacted === value) continue;
        parts.push(text.slice(copied, start), JSON.stringify(redacted));
        copied = end;
      }
    }
  }
  return copied === 0 ? text : parts.join("") + text.slice(copied);
}

/** @returns Where the string that begins with the quote at `start` is over. */
function endOfString(text: string, start: number): number {
  const stop = /["\\]/gu;
  stop.lastIndex = start + 1;
  for (let found = stop.exec(text); found !== null; found = stop.exec(text)) {
    if (found[0] === '"') return stop.lastIndex;
    stop.lastIndex++;
  }
  return text.length;
}

/** Most strings hold no escapes, and are what is written. */
function valueOf(written: string): string {
  return written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1);
}

function isFollowedByColon(text: string, at: number): boolean {
  const colon = /\s*:/uy;
  colon.lastIndex = at;
  return colon.test(text);
}
