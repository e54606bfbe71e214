import {
  arrayBufferByteLength,
  boxes,
  dataViewByteLength,
  dateGetTime,
  getPrototypeOf,
  isArray,
  isView,
  mapSize,
  objectPrototype,
  passes,
  prototypes,
  regExpSource,
  setSize,
  typedArrayTag,
} from "./primordials.ts";
import { checkPromise } from "./promises.ts";

/** What an object is, by its brand and not by its word where the language lets us tell. */
export type ObjectKind =
  | "array"
  | "plain"
  | "map"
  | "set"
  | "date"
  | "error"
  | "promise"
  | "regExp"
  | "bytes"
  | "numbers"
  | "arrayBuffer"
  | "dataView"
  | "weak"
  | "boxed"
  | "other";

const MAX_PROTOTYPES = 32;

const BRANDS: readonly {
  readonly prototype: object;
  readonly kind: ObjectKind;
  readonly check: (value: unknown) => unknown;
}[] = [
  { prototype: prototypes.map, kind: "map", check: mapSize },
  { prototype: prototypes.set, kind: "set", check: setSize },
  { prototype: prototypes.date, kind: "date", check: dateGetTime },
  { prototype: prototypes.error, kind: "error", check: () => true },
  { prototype: prototypes.promise, kind: "promise", check: checkPromise },
  { prototype: prototypes.regExp, kind: "regExp", check: regExpSource },
  { prototype: prototypes.arrayBuffer, kind: "arrayBuffer", check: arrayBufferByteLength },
  { prototype: prototypes.weakMap, kind: "weak", check: () => true },
  { prototype: prototypes.weakSet, kind: "weak", check: () => true },
  { prototype: prototypes.weakRef, kind: "weak", check: () => true },
];

/** Tells kinds of objects apart. May run a script's proxy traps; throws what they throw. */
export function kindOf(value: object): ObjectKind {
  if (isArray(value)) return "array";
  const prototype = getPrototypeOf(value);
  if (prototype === null || prototype === objectPrototype) return "plain";
  if (isView(value)) {
    const tag = typedArrayTag(value);
    if (tag === undefined) return passes(dataViewByteLength, value) ? "dataView" : "other";
    return tag === "Uint8Array" || tag === "Uint8ClampedArray" ? "bytes" : "numbers";
  }
  let current: object | null = prototype;
  for (let depth = 0; current !== null && depth < MAX_PROTOTYPES; depth++) {
    for (let i = 0; i < BRANDS.length; i++) {
      const brand = BRANDS[i];
      if (brand !== undefined && brand.prototype === current) return passes(brand.check, value) ? brand.kind : "other";
    }
    for (let i = 0; i < boxes.length; i++) {
      const box = boxes[i];
      if (box !== undefined && box.prototype === current) return passes(box.unbox, value) ? "boxed" : "other";
    }
    current = getPrototypeOf(current);
  }
  return "other";
}
