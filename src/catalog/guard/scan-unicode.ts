/** Scripts that write with joiners, or without spaces and with invisible places to break a line. */
const JOINING =
  /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Hebrew}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Thai}\p{Script=Lao}\p{Script=Tibetan}\p{Script=Myanmar}\p{Script=Khmer}\p{Script=Mongolian}]/u;
const PICTURE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\u{FE0F}]/u;
const LETTER = /\p{L}/u;
/** A flag of a region: a black flag, its code in tag characters, the end tag. @source Unicode Technical Standard 51 § C.1 */
const REGION_FLAG = /\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{3,6}\u{E007F}/gu;

/** What may hide text, or show it in another order than it is read. */
const SUSPECT =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u0084\u0086-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB\u{1BCA0}-\u{1BCA3}\u{1D173}-\u{1D17A}\u{E0000}-\u{E0FFF}]/gu;

/**
 * Where a text first holds a character that is not seen or that turns the direction of others, unless writing needs it there:
 * joiners in scripts and emoji that join, one variation selector after a symbol, a soft hyphen in a word, flags.
 *
 * @returns UTF-16 index; `undefined` when there is none.
 */
export function findInvisible(text: string): number | undefined {
  // Of the same length, so that indices stay.
  const plain = text.replaceAll(REGION_FLAG, (flag) => "\u{1F3F4}".padEnd(flag.length, "-"));
  for (const { index, 0: char } of plain.matchAll(SUSPECT)) {
    const before = lastCharacter(plain, index);
    const after = String.fromCodePoint(plain.codePointAt(index + char.length) ?? 0x20);
    if (!isNeeded(char.codePointAt(0) ?? 0, before, after, index)) return index;
  }
  return undefined;
}

function isNeeded(code: number, before: string, after: string, index: number): boolean {
  switch (code) {
    case 0x200d:
      return (PICTURE.test(before) && PICTURE.test(after)) || (JOINING.test(before) && JOINING.test(after));
    case 0x200b:
    case 0x200c:
    case 0x2060:
      return JOINING.test(before) && JOINING.test(after);
    case 0x200e:
    case 0x200f:
    case 0x061c:
      return JOINING.test(before) || JOINING.test(after);
    case 0x00ad:
      return LETTER.test(before) && LETTER.test(after);
    case 0xfe0e:
    case 0xfe0f:
      return /[\p{Emoji}\p{S}]/u.test(before);
    case 0xfeff:
      return index === 0;
    default:
      return false;
  }
}

function lastCharacter(text: string, index: number): string {
  const unit = text.charCodeAt(index - 1);
  const isLow = unit >= 0xdc00 && unit <= 0xdfff;
  return text.slice(Math.max(0, index - (isLow ? 2 : 1)), index);
}
