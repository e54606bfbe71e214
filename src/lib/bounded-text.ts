const encoder = new TextEncoder();

/** Size of a text in UTF-8 bytes. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/**
 * Cuts a text to at most `maxBytes` of UTF-8, never inside a character, and marks the cut.
 *
 * @returns The text itself when it fits, else its head and `… [N bytes cut]`, the whole no longer than `maxBytes` plus 40.
 */
export function boundText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const total = byteLength(text);
  if (total <= maxBytes) return text;
  const target = new Uint8Array(Math.max(0, maxBytes));
  const { read, written } = encoder.encodeInto(text, target);
  return `${text.slice(0, read)}… [${total - written} bytes cut]`;
}
