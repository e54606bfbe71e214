/** Longest property name that a schema's author would choose, in UTF-16 units. */
const MAX_NAME = 48;

/** Words of ASCII letters and digits, joined by `_` or `-`; `$ref`, `@type`, `#text`, `_id` and `__typename` too. */
const WORDS = /^(?:[$@#]|_{1,2})?[A-Za-z][A-Za-z0-9]*(?:[_-]+[A-Za-z0-9]+)*_?$/u;
/** Annotations such as `@odata.nextLink`. @source OData JSON Format 4.01 § 4.5 */
const ANNOTATION = /^@[a-z]+(?:\.[A-Za-z]+)+$/u;

const DATA: readonly RegExp[] = [
  // Years, times, telephone numbers, ids such as `USR002`: names have `line2` or `base64`, and of longer numbers `sha256`.
  /(?<!sha[_-]?)\d{3}/iu,
  /(?:\d\D*){4}/u,
  // Random text: digits in several places.
  /\d\D+\d\D+\d/u,
  // Hashes.
  /^[0-9a-f]{8,}$/iu,
  // Tickets such as `PROJ-12`.
  /-\d+$/u,
];

/**
 * Whether a property name can be one that the author of a tool chose, as far as the name alone tells: numbers, dates, UUIDs,
 * hashes, paths, e-mail addresses, host and file names, sentences and words beyond ASCII are data that became keys.
 *
 * Words such as `alice` pass: what they are shows only when other objects are seen.
 */
export function isNameLike(name: string): boolean {
  if (name.length > MAX_NAME || name === "__proto__") return false;
  if (ANNOTATION.test(name)) return true;
  return WORDS.test(name) && !DATA.some((pattern) => pattern.test(name));
}

/** A name with its numbers taken out, when it has some: `user_1` and `user_27` have the same stem. */
export function numberedStem(name: string): string | undefined {
  const stem = name.replaceAll(/\d+/gu, "#");
  return stem === name ? undefined : stem;
}
