/**
 * Words after which a name may stand on the same line in TypeScript, outside of types: no text gets as far as into a type
 * and is still JavaScript.
 *
 * @source TypeScript 7.0, keywords of its scanner and modifiers of its parser
 */
const BEFORE_NAMES: ReadonlySet<string> = new Set(
  (
    "abstract accessor as async await case class const declare default defer delete do else enum export extends finally " +
    "for from function get global implements import in instanceof interface let module namespace new of override package " +
    "private protected public readonly return satisfies set static super throw try type typeof using var void while with yield"
  ).split(" "),
);
/** Words that may stand after any name. */
const AFTER_NAMES: ReadonlySet<string> = new Set("as extends from implements in instanceof of satisfies".split(" "));

const NAME_BEFORE = /[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
const NAME_OR_STRING = /^(?:[\p{ID_Start}$_][\p{ID_Continue}$]*|["'])/u;
/** Longer names are none of prose. */
const MAX_UNITS = 100;

/**
 * Whether a text can be no TypeScript either, by the place where it stopped being JavaScript: a name follows another, or a
 * string does, as in "Here is" and "Here's". May say no for prose, never yes for TypeScript.
 *
 * @param at Where the JavaScript parser stopped: the start of the token that it did not expect.
 */
export function isProse(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - MAX_UNITS), at).replace(/[ \t]+$/u, "");
  const [first] = NAME_BEFORE.exec(before) ?? [];
  const [second] = NAME_OR_STRING.exec(text.slice(at, at + MAX_UNITS)) ?? [];
  return first !== undefined && second !== undefined && !BEFORE_NAMES.has(first) && !AFTER_NAMES.has(second);
}
