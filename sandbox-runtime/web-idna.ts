import {
  append,
  charCodeAt,
  codePointAt,
  fromCodePoint,
  RegExpCtor,
  regExpExec,
  stringIndexOf,
  stringNormalize,
  stringSlice,
  stringToLowerCase,
  stringToUpperCase,
  newList,
} from "./primordials.ts";
import { fromPunycode, toPunycode } from "./web-punycode.ts";

/**
 * ASCII form of a domain.
 *
 * UTS #46's tables are too large to carry into every isolate; they are approached with what the engine knows of Unicode:
 * compatibility composition, lower case, general categories. The two agree on the letters and digits of scripts in use;
 * they may differ on characters added by recent versions, on historic case pairs, and on the finer rules for joiners and
 * mixed directions.
 *
 * @returns `undefined` for what no domain can be.
 * @source UTS #46 §4, as WHATWG URL applies it (not strict, nontransitional); RFC 3492
 */
export function domainToAscii(domain: string): string | undefined {
  if (isAscii(domain) && stringIndexOf(stringToLowerCase(domain), "xn--") < 0) return stringToLowerCase(domain);
  const mapped = mapDomain(domain);
  if (mapped === undefined) return undefined;
  const labels = split(mapped);
  const unicode: string[] = newList();
  for (let i = 0; i < labels.length; i++) {
    const label = toUnicode(labels[i] as string);
    if (label === undefined) return undefined;
    append(unicode, label);
  }
  let isBidi = false;
  for (let i = 0; i < unicode.length; i++) if (isRightToLeft(unicode[i] as string)) isBidi = true;
  let ascii = "";
  for (let i = 0; i < unicode.length; i++) {
    const label = unicode[i] as string;
    if (isBidi && !keepsDirection(label)) return undefined;
    ascii += (i > 0 ? "." : "") + (isAscii(label) ? label : `xn--${toPunycode(label)}`);
  }
  return ascii;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (charCodeAt(text, i) > 0x7f) return false;
  return true;
}

function split(domain: string): string[] {
  const labels: string[] = newList();
  let from = 0;
  for (let at = stringIndexOf(domain, "."); at >= 0; at = stringIndexOf(domain, ".", from)) {
    append(labels, stringSlice(domain, from, at));
    from = at + 1;
  }
  append(labels, stringSlice(domain, from));
  return labels;
}

/** The patterns are made when a domain needs them: few ever do. */
function matches(source: string, text: string): boolean {
  return regExpExec(new RegExpCtor(source, "u"), text) !== null;
}

/** The mapping step: what is ignored goes, everything else gets its one lower-case, composed form. */
function mapDomain(domain: string): string | undefined {
  const invisible =
    "^[\\u00AD\\u034F\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B\\u2060\\u2064\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0\\u{1BCA0}-\\u{1BCA3}\\u{1D173}-\\u{1D17A}\\u{E0100}-\\u{E01EF}]$";
  let kept = "";
  for (let i = 0; i < domain.length;) {
    const letter = fromCodePoint(codePointAt(domain, i));
    i += letter.length;
    if (letter <= "\x7F" || !matches(invisible, letter)) kept += foldCase(letter);
  }
  let folded = "";
  const composed = stringNormalize(kept, "NFKC");
  for (let i = 0; i < composed.length;) {
    const letter = fromCodePoint(codePointAt(composed, i));
    i += letter.length;
    folded += letter === "。" ? "." : foldCase(letter);
  }
  const mapped = stringNormalize(folded, "NFC");
  return isAllowed(mapped) ? mapped : undefined;
}

/** One letter's one form, whatever its neighbours: by way of its capital, but for the few that domains tell apart. */
function foldCase(letter: string): string {
  if (letter === "\u1E9E") return "ß";
  if (letter === "ß" || letter === "ς" || letter === "ı") return letter;
  const capital = stringToUpperCase(letter);
  return capital >= "\u13A0" && capital <= "\u13F5" ? capital : stringToLowerCase(capital);
}

/** Whether no character is unassigned, private, a separator, a control, or one that no mapping leaves. */
function isAllowed(text: string): boolean {
  return !matches(
    "[^\\p{ASCII}\\P{C}\\u200C\\u200D]|[^\\p{ASCII}\\P{Z}]|[\\u2FF0-\\u2FFF\\uFFF9-\\uFFFD\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E0FFF}]",
    text,
  );
}

/** A label as people read it, checked. */
function toUnicode(label: string): string | undefined {
  if (stringSlice(label, 0, 4) !== "xn--") return isValidLabel(label) ? label : undefined;
  const decoded = isAscii(label) ? fromPunycode(stringSlice(label, 4)) : undefined;
  if (decoded === undefined || decoded === "" || isAscii(decoded) || mapDomain(decoded) !== decoded) return undefined;
  return isValidLabel(decoded) ? decoded : undefined;
}

/** Marks after which joiners have a meaning. @source RFC 5892 appendix A: canonical combining class virama */
const VIRAMA =
  "\\u094D\\u09CD\\u0A4D\\u0ACD\\u0B4D\\u0BCD\\u0C4D\\u0CCD\\u0D3B\\u0D3C\\u0D4D\\u0DCA\\u0E3A\\u0EBA\\u0F84\\u1039\\u103A\\u1714\\u17D2\\u1B44\\uA953";
const CURSIVE = "\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Mongolian}\\p{Script=Nko}";
const RIGHT_TO_LEFT =
  "\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Thaana}\\p{Script=Nko}\\p{Script=Samaritan}" +
  "\\p{Script=Mandaic}\\p{Script=Adlam}\\u0640";

function isValidLabel(label: string): boolean {
  if (isAscii(label)) return true;
  if (stringSlice(label, 0, 4) === "xn--" || stringIndexOf(label, ".") >= 0) return false;
  const joiner = "[\\u200C\\u200D]";
  return !matches(
    `^\\p{M}|(?<![${VIRAMA}])\\u200D|(?<![${VIRAMA}]|[${CURSIVE}]\\p{M}*)${joiner}|(?<![${VIRAMA}])${joiner}(?!\\p{M}*[${CURSIVE}])`,
    label,
  );
}

function isRightToLeft(label: string): boolean {
  return matches(`[${RIGHT_TO_LEFT}\\u0660-\\u0669]`, label);
}

/** Whether a label of a domain with right-to-left letters runs in one direction. @source RFC 5893 §2 */
function keepsDirection(label: string): boolean {
  if (label === "") return true;
  if (!isRightToLeft(label)) return matches("^\\p{L}.*[\\p{L}\\p{Nd}]\\p{M}*$|^\\p{L}\\p{M}*$", label);
  return (
    matches(`^(?!\\p{Nd})[${RIGHT_TO_LEFT}]`, label) &&
    matches(`[${RIGHT_TO_LEFT}\\p{Nd}]\\p{M}*$`, label) &&
    !matches(`[^${RIGHT_TO_LEFT}\\P{L}]`, label) &&
    !(matches("[0-9]", label) && matches("[\\u0660-\\u0669]", label))
  );
}
