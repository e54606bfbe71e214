import {
  append,
  encodeUri,
  stringIndexOf,
  stringReplaceAll,
  stringSlice,
  stringToWellFormed,
  newList,
} from "./primordials.ts";
import { percentDecode } from "./web-percent.ts";

/** One name and its value in a query. */
export interface Pair {
  readonly name: string;
  value: string;
}

/** The pairs of a query. @source WHATWG URL, application/x-www-form-urlencoded parser */
export function parseForm(text: string): Pair[] {
  const pairs: Pair[] = newList();
  for (let from = 0; from <= text.length; from++) {
    const and = stringIndexOf(text, "&", from);
    const to = and < 0 ? text.length : and;
    if (to > from) {
      const part = stringSlice(text, from, to);
      const equals = stringIndexOf(part, "=");
      const name = decode(equals < 0 ? part : stringSlice(part, 0, equals));
      append(pairs, { name, value: equals < 0 ? "" : decode(stringSlice(part, equals + 1)) });
    }
    from = to;
  }
  return pairs;
}

function decode(text: string): string {
  return percentDecode(stringReplaceAll(text, "+", " "));
}

/** Text of pairs as it stands in a query. @source WHATWG URL, application/x-www-form-urlencoded serializer */
export function formText(pairs: readonly Pair[]): string {
  let text = "";
  for (let i = 0; i < pairs.length; i++) {
    const { name, value } = pairs[i] as Pair;
    text += `${i > 0 ? "&" : ""}${encode(name)}=${encode(value)}`;
  }
  return text;
}

/** The native encoder leaves five characters that this format encodes, and encodes the space another way. */
function encode(text: string): string {
  let out = encodeUri(stringToWellFormed(text));
  if (stringIndexOf(out, "%20") >= 0) out = stringReplaceAll(out, "%20", "+");
  for (let i = 0; i < 5; i++) {
    const letter = "!'()~"[i] as string;
    if (stringIndexOf(out, letter) >= 0)
      out = stringReplaceAll(out, letter, ["%21", "%27", "%28", "%29", "%7E"][i] as string);
  }
  return out;
}
