import type { JsonSchema } from "../../upstream/upstream.ts";
import { numberedStem } from "./observed-name.ts";
import { KIND, valuesOf } from "./observed-shape.ts";
import type { ObjectShape, Shape } from "./observed-shape.ts";

type SchemaObject = Readonly<Record<string, unknown>>;

const TYPES: readonly (readonly [number, string])[] = [
  [KIND.object, "object"],
  [KIND.array, "array"],
  [KIND.string, "string"],
  [KIND.number, "number"],
  [KIND.boolean, "boolean"],
  [KIND.null, "null"],
];

/** Names of one object's properties that are shown before any was seen again. */
const MAX_UNPROVEN = 40;
/** Properties from which likeness says something. */
const MIN_ALIKE = 3;
const MIN_OPTIONAL = 4;

/**
 * A shape as JSON Schema, of the keywords `type`, `properties`, `required`, `additionalProperties` and `items` only: no value
 * that was seen can be in it. Every value that was read whole satisfies it; what nothing is known of is `{}`.
 */
export function toObservedSchema(shape: Shape): Exclude<JsonSchema, boolean> {
  const types = TYPES.filter(([bit]) => (shape.kinds & bit) !== 0).map(([, type]) => type);
  if (types.length === 0) return {};
  return {
    type: types.length === 1 ? types[0] : types,
    ...(shape.object === undefined ? {} : objectKeywords(shape.object)),
    ...(shape.items === undefined ? {} : { items: toObservedSchema(shape.items) }),
  };
}

function objectKeywords(object: ObjectShape): SchemaObject {
  if (isMap(object)) {
    const values = valuesOf(object);
    return values === undefined ? {} : { additionalProperties: toObservedSchema(values) };
  }
  const members = [...object.members];
  if (members.length === 0) return {};
  const required = members.filter(([, { seen }]) => seen === object.seen).map(([name]) => name);
  return {
    properties: Object.fromEntries(members.map(([name, { shape }]) => [name, toObservedSchema(shape)])),
    ...(required.length === 0 ? {} : { required }),
  };
}

/**
 * Whether the keys of an object are data rather than names that the tool's author chose. Judged from all that was seen, so what
 * looks like data at first can turn out to be names, and the other way round.
 */
function isMap(object: ObjectShape): boolean {
  const { members, seen } = object;
  if (object.isMap) return true;
  if (object.hidden > 0 && object.hidden >= members.size) return true;
  if (hasNumberedNames(members.keys())) return true;
  return seen > 1 ? areStrangers(object) : members.size > MAX_UNPROVEN || areAlike(object);
}

/** `item_1`, `item_2`, `item_3`. */
function hasNumberedNames(names: Iterable<string>): boolean {
  const counts = new Map<string, number>();
  for (const name of names) {
    const stem = numberedStem(name);
    if (stem === undefined) continue;
    const count = (counts.get(stem) ?? 0) + 1;
    if (count >= MIN_ALIKE) return true;
    counts.set(stem, count);
  }
  return false;
}

/** Of several objects: most names came once only, or none came always and all lead to the same kind of value. */
function areStrangers({ members, seen }: ObjectShape): boolean {
  const all = [...members.values()];
  const once = all.filter((member) => member.seen === 1).length;
  if (2 * once > all.length) return true;
  if (all.length < MIN_OPTIONAL || all.some((member) => member.seen === seen)) return false;
  return new Set(all.map(({ shape }) => shape.kinds & ~KIND.null)).size === 1;
}

/** Of one object: all its properties are objects with the same names, as records by their key are. */
function areAlike({ members }: ObjectShape): boolean {
  if (members.size < MIN_ALIKE) return false;
  const inside = [...members.values()].map(({ shape }) => shape.kinds === KIND.object && namesOf(shape.object));
  const [first] = inside;
  return typeof first === "string" && first !== "" && inside.every((names) => names === first);
}

function namesOf(object: ObjectShape | undefined): string {
  return [...(object?.members.keys() ?? [])].sort().join(" ");
}
