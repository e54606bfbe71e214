import { parseJson } from "../../lib/json.ts";
import { isNameLike } from "./observed-name.ts";
import { KIND, MAX_DEPTH, MAX_MEMBERS, emptyObject } from "./observed-shape.ts";
import type { ObjectShape, Shape } from "./observed-shape.ts";

/** What is kept of one tool's results between two lives of the service. */
export interface KeptShape {
  readonly shape: Shape;
  /** Levels that are looked into, see `addValue`. */
  readonly depth: number;
}

/** Stands for what is missing. */
const NONE = 0;
const ALL_KINDS = Object.values(KIND).reduce((bits, bit) => bits | bit, 0);

/** Short JSON text: lists in place of objects, for the names of their members would be most of it. */
export function encodeShape({ shape, depth }: KeptShape): string {
  return JSON.stringify([depth, fromShape(shape)]);
}

/** @returns `undefined` for a text that this version would not have written: learning starts anew then. */
export function decodeShape(text: string): KeptShape | undefined {
  const value = parseJson(text)?.value;
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [depth, kept] = value as unknown[];
  if (!isCount(depth) || depth > MAX_DEPTH) return undefined;
  const shape = toShape(kept, MAX_DEPTH);
  return shape === undefined ? undefined : { shape, depth };
}

function fromShape({ kinds, items, object }: Shape): unknown {
  if (items === undefined && object === undefined) return kinds;
  return [kinds, items === undefined ? NONE : fromShape(items), object === undefined ? NONE : fromObject(object)];
}

function fromObject({ seen, members, hidden, others, isMap }: ObjectShape): unknown {
  const list = [...members].map(([name, member]) => [name, member.seen, fromShape(member.shape)]);
  return [seen, isMap, hidden, others === undefined ? NONE : fromShape(others), list];
}

function toShape(value: unknown, depth: number): Shape | undefined {
  const [kinds, items, object] = Array.isArray(value) ? (value as unknown[]) : [value, NONE, NONE];
  if (!isCount(kinds) || kinds > ALL_KINDS || (depth <= 0 && Array.isArray(value))) return undefined;
  const read = {
    items: items === NONE ? undefined : toShape(items, depth - 1),
    object: object === NONE ? undefined : toObject(object, depth - 1),
  };
  const isWhole = (items === NONE) === (read.items === undefined) && (object === NONE) === (read.object === undefined);
  return isWhole ? { kinds, ...read } : undefined;
}

function toObject(value: unknown, depth: number): ObjectShape | undefined {
  if (!Array.isArray(value)) return undefined;
  const [seen, isMap, hidden, others, list] = value as unknown[];
  if (!isCount(seen) || typeof isMap !== "boolean" || !isCount(hidden) || !Array.isArray(list)) return undefined;
  const otherShape = others === NONE ? undefined : toShape(others, depth);
  if ((others === NONE) !== (otherShape === undefined) || list.length > MAX_MEMBERS) return undefined;
  const object: ObjectShape = { ...emptyObject(), seen, isMap, hidden, others: otherShape };
  for (const entry of list as unknown[]) {
    if (!Array.isArray(entry)) return undefined;
    const [name, memberSeen, kept] = entry as unknown[];
    const shape = toShape(kept, depth);
    if (typeof name !== "string" || !isNameLike(name) || !isCount(memberSeen) || shape === undefined) return undefined;
    object.members.set(name, { seen: memberSeen, shape });
  }
  return object;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
