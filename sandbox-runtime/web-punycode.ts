import { append, charCodeAt, codePointAt, floor, fromCharCode, fromCodePoint, newList } from "./primordials.ts";

const BASE = 36;
const MAX_INT = 0x7fffffff;

/** @source RFC 3492 §6.1 */
function adapt(delta: number, points: number, isFirst: boolean): number {
  let rest = floor(delta / (isFirst ? 700 : 2));
  rest += floor(rest / points);
  let k = 0;
  for (; rest > 455; k += BASE) rest = floor(rest / 35);
  return k + floor((36 * rest) / (rest + 38));
}

function threshold(k: number, bias: number): number {
  return k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
}

/** Punycode of a label that has characters above ASCII. @source RFC 3492 §6.3 */
export function toPunycode(label: string): string {
  const points: number[] = newList();
  let out = "";
  for (let i = 0; i < label.length;) {
    const point = codePointAt(label, i);
    append(points, point);
    i += point > 0xffff ? 2 : 1;
    if (point < 0x80) out += fromCharCode(point);
  }
  const basic = out.length;
  if (basic > 0) out += "-";
  let bias = 72;
  let delta = 0;
  for (let handled = basic, last = 0x80; handled < points.length; last++, delta++) {
    let next = MAX_INT;
    for (let i = 0; i < points.length; i++)
      if ((points[i] ?? 0) >= last && (points[i] ?? 0) < next) next = points[i] ?? 0;
    delta += (next - last) * (handled + 1);
    last = next;
    for (let i = 0; i < points.length; i++) {
      if ((points[i] ?? 0) < last) delta++;
      if (points[i] !== last) continue;
      out += variableLength(delta, bias);
      bias = adapt(delta, handled + 1, handled === basic);
      delta = 0;
      handled++;
    }
  }
  return out;
}

function variableLength(delta: number, bias: number): string {
  let out = "";
  let rest = delta;
  for (let k = BASE; ; k += BASE) {
    const t = threshold(k, bias);
    if (rest < t) return out + digitOf(rest);
    out += digitOf(t + ((rest - t) % (BASE - t)));
    rest = floor((rest - t) / (BASE - t));
  }
}

function digitOf(value: number): string {
  return fromCharCode(value < 26 ? value + 97 : value + 22);
}

/** The label that a punycode text stands for; `undefined` for what is no punycode. @source RFC 3492 §6.2 */
export function fromPunycode(text: string): string | undefined {
  const points: number[] = newList();
  let from = 0;
  for (let i = text.length - 1; i > 0 && from === 0; i--) if (text[i] === "-") from = i + 1;
  for (let i = 0; i < from - 1; i++) append(points, charCodeAt(text, i));
  let at = 0;
  let bias = 72;
  let point = 0x80;
  for (let i = from; i < text.length;) {
    const before = at;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      const unit = i < text.length ? charCodeAt(text, i++) : 0;
      const digit = unit >= 97 && unit <= 122 ? unit - 97 : unit >= 48 && unit <= 57 ? unit - 22 : BASE;
      at += digit * weight;
      if (digit === BASE || at > MAX_INT) return undefined;
      const t = threshold(k, bias);
      if (digit < t) break;
      weight *= BASE - t;
    }
    const size = points.length + 1;
    bias = adapt(at - before, size, before === 0);
    point += floor(at / size);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    at %= size;
    append(points, 0);
    for (let j = size - 1; j > at; j--) points[j] = points[j - 1] ?? 0;
    points[at++] = point;
  }
  let out = "";
  for (let i = 0; i < points.length; i++) out += fromCodePoint(points[i] ?? 0);
  return out;
}
