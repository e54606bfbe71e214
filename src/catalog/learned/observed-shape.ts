import { isNameLike } from "./observed-name.ts";

/** Bits of `Shape.kinds`. */
export const KIND = { null: 1, boolean: 2, number: 4, string: 8, array: 16, object: 32 } as const;

/**
 * What the values of one place looked like: types and property names, never a value. Grows as more is seen; in which order
 * does not matter.
 */
export interface Shape {
  /** Bits of `KIND`; 0: nothing was seen here. */
  kinds: number;
  /** What the items of the arrays looked like, all together; `undefined` when none was seen. */
  items: Shape | undefined;
  /** `undefined` when no object was looked into. */
  object: ObjectShape | undefined;
}

/** What the objects of one place looked like. */
export interface ObjectShape {
  /** Objects that were looked into. */
  seen: number;
  /** Properties by name; only names that somebody may have chosen. Empty once `isMap`. */
  readonly members: Map<string, MemberShape>;
  /** The most properties that one object had whose names are data. */
  hidden: number;
  /** What the values under such names looked like; all values once `isMap`. */
  others: Shape | undefined;
  /** Whether there were more names than an author would choose: they are not kept any more. */
  isMap: boolean;
}

/** One property. */
export interface MemberShape {
  /** Objects that had it. */
  seen: number;
  readonly shape: Shape;
}

/** Levels of arrays and objects that are looked into. */
export const MAX_DEPTH = 6;
/** Distinct names of one object's properties; more are a map. Records of real services have up to some fifty. */
export const MAX_MEMBERS = 60;
const MAX_ITEMS = 20;
const MAX_VALUES = 1_000;

/** A shape of which nothing was seen yet. */
export function emptyShape(): Shape {
  return { kinds: 0, items: undefined, object: undefined };
}

/** An object of which nothing was seen yet. */
export function emptyObject(): ObjectShape {
  return { seen: 0, members: new Map(), hidden: 0, others: undefined, isMap: false };
}

/**
 * Adds what a JSON value looks like to a shape. Work is bounded: the first and the last 10 items of an array, 120 properties of an
 * object, some 1,000 values in all; of what lies beyond at most its kind is learned.
 *
 * @param maxDepth Levels of arrays and objects that are looked into.
 */
export function addValue(shape: Shape, value: unknown, maxDepth = MAX_DEPTH): void {
  new ValueReader().read(shape, value, maxDepth);
}

class ValueReader {
  #left = MAX_VALUES;

  read(shape: Shape, value: unknown, depth: number): void {
    shape.kinds |= kindOf(value);
    if (typeof value !== "object" || value === null || depth <= 0 || this.#left <= 0) return;
    if (Array.isArray(value)) this.#items(shape, value, depth);
    else this.#object(shape, value as Readonly<Record<string, unknown>>, depth);
  }

  /** The ends of a list are read: what was added last is not always like what was there first. */
  #items(shape: Shape, values: readonly unknown[], depth: number): void {
    const head = Math.min(values.length, MAX_ITEMS / 2);
    const tail = Math.max(head, values.length - MAX_ITEMS / 2);
    for (let at = 0; at < values.length && this.#left > 0; at = at + 1 === head ? tail : at + 1) {
      this.#left--;
      this.read((shape.items ??= emptyShape()), values[at], depth - 1);
    }
  }

  #object(shape: Shape, value: Readonly<Record<string, unknown>>, depth: number): void {
    const object = (shape.object ??= emptyObject());
    object.seen++;
    let hidden = 0;
    let count = 0;
    for (const name in value) {
      if (++count > 2 * MAX_MEMBERS) break;
      this.#left--;
      const isKept = !object.isMap && (object.members.has(name) || isNameLike(name));
      if (!isKept && !object.isMap) hidden++;
      const into = isKept ? memberOf(object, name) : (object.others ??= emptyShape());
      this.read(into, value[name], depth - 1);
    }
    object.hidden = Math.max(object.hidden, hidden);
    // Judged after all of them are read: what is known of a value must not depend on its place.
    if (count > MAX_MEMBERS || object.members.size > MAX_MEMBERS) becomeMap(object);
  }
}

function memberOf(object: ObjectShape, name: string): Shape {
  let member = object.members.get(name);
  if (member === undefined) object.members.set(name, (member = { seen: 0, shape: emptyShape() }));
  member.seen++;
  return member.shape;
}

function kindOf(value: unknown): number {
  switch (typeof value) {
    case "boolean":
      return KIND.boolean;
    case "number":
      return KIND.number;
    case "string":
      return KIND.string;
    case "object":
      if (value === null) return KIND.null;
      return Array.isArray(value) ? KIND.array : KIND.object;
    default:
      return 0;
  }
}

/** Adds everything one shape has seen to another. The first is left as it is. */
export function addShape(from: Shape, into: Shape): void {
  into.kinds |= from.kinds;
  if (from.items !== undefined) addShape(from.items, (into.items ??= emptyShape()));
  if (from.object !== undefined) addObject(from.object, (into.object ??= emptyObject()));
}

function addObject(from: ObjectShape, into: ObjectShape): void {
  into.seen += from.seen;
  into.hidden = Math.max(into.hidden, from.hidden);
  if (from.others !== undefined) addShape(from.others, (into.others ??= emptyShape()));
  for (const [name, member] of from.members) {
    let known = into.members.get(name);
    if (known === undefined) into.members.set(name, (known = { seen: 0, shape: emptyShape() }));
    known.seen += member.seen;
    addShape(member.shape, known.shape);
  }
  if (from.isMap || into.isMap || into.members.size > MAX_MEMBERS) becomeMap(into);
}

/** Forgets the names, keeps what the values looked like. */
function becomeMap(object: ObjectShape): void {
  object.isMap = true;
  object.hidden = 0;
  object.others = valuesOf(object);
  object.members.clear();
}

/** What the values of all properties looked like, whatever their names; `undefined` when there were none. */
export function valuesOf({ members, others }: ObjectShape): Shape | undefined {
  if (members.size === 0) return others;
  const values = emptyShape();
  if (others !== undefined) addShape(others, values);
  for (const { shape } of members.values()) addShape(shape, values);
  return values;
}

/** Forgets what lies deeper than `depth` levels of arrays and objects. */
export function cutShape(shape: Shape, depth: number): void {
  if (depth <= 0) {
    shape.items = undefined;
    shape.object = undefined;
    return;
  }
  if (shape.items !== undefined) cutShape(shape.items, depth - 1);
  for (const { shape: member } of shape.object?.members.values() ?? []) cutShape(member, depth - 1);
  if (shape.object?.others !== undefined) cutShape(shape.object.others, depth - 1);
}

/** How many places a shape knows: its size in memory. */
export function countPlaces(shape: Shape): number {
  let count = 1 + (shape.items === undefined ? 0 : countPlaces(shape.items));
  for (const { shape: member } of shape.object?.members.values() ?? []) count += countPlaces(member);
  return count + (shape.object?.others === undefined ? 0 : countPlaces(shape.object.others));
}
