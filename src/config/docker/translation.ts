import { isRecord } from "../../lib/guards.ts";
import { pathText } from "../problem.ts";
import type { Fault, KeyPath } from "../problem.ts";

/** Something that people should know of a configuration that can be used. */
export interface Note {
  readonly path: KeyPath;
  /** Completes the key: "is off: …". */
  readonly text: string;
}

/**
 * A configuration on its way from another gateway's keys to ours. The tree is a copy: what was read stays as it is. Each
 * value that is put somewhere keeps the line it was written on.
 */
export class Translation {
  readonly #tree: Record<string, unknown>;
  readonly #lines: Map<string, number>;
  readonly notes: Note[] = [];
  readonly faults: Fault[] = [];
  /** Where values are now that must never be shown, whatever their keys are called. */
  readonly secretPaths: KeyPath[] = [];

  constructor(tree: Readonly<Record<string, unknown>>, lines: ReadonlyMap<string, number>) {
    this.#tree = { ...tree };
    this.#lines = new Map(lines);
  }

  /** The tree as it is by now. */
  get tree(): Readonly<Record<string, unknown>> {
    return this.#tree;
  }

  /** The 1-based line of each key path, old and new. */
  get lines(): ReadonlyMap<string, number> {
    return this.#lines;
  }

  /** The value at a path; `undefined` when there is none. */
  get(path: KeyPath): unknown {
    let value: unknown = this.#tree;
    for (const step of path) value = isRecord(value) ? ownValue(value, String(step)) : undefined;
    return value;
  }

  /** Removes a key, and returns what it held. */
  take(path: KeyPath): unknown {
    const value = this.get(path);
    if (value !== undefined) this.#change(path, undefined);
    return value;
  }

  /**
   * Puts a value where our key is.
   *
   * @param from Where it was written: its lines become those of the new place.
   */
  put(to: KeyPath, value: unknown, from: KeyPath): void {
    this.#change(to, value);
    const [before, after] = [pathText(from), pathText(to)];
    const moved = [...this.#lines].filter(
      ([key]) => key.startsWith(before) && /^(?:$|[.[])/u.test(key.slice(before.length)),
    );
    for (const [key, line] of moved) this.#lines.set(`${after}${key.slice(before.length)}`, line);
  }

  #change(path: KeyPath, value: unknown): void {
    let parent = this.#tree;
    const [last = "", ...before] = path.map(String).toReversed();
    for (const step of before.toReversed()) {
      const child = ownValue(parent, step);
      const copy: Record<string, unknown> = isRecord(child) ? { ...child } : {};
      parent[step] = copy;
      parent = copy;
    }
    if (value === undefined) delete parent[last];
    else parent[last] = value;
  }

  /** Keeps something that people should know. */
  note(path: KeyPath, text: string): void {
    this.notes.push({ path, text });
  }

  /** Keeps a fault. @param current Never a secret. */
  fault(path: KeyPath, rule: string, current: string, remedy: string): void {
    this.faults.push({ path, rule, current, remedy });
  }

  /**
   * What is written under a key as an object; nothing (`key:`) is an empty one.
   *
   * @returns `undefined` when it is something else, which is kept as a fault.
   */
  record(path: KeyPath, value: unknown): Readonly<Record<string, unknown>> | undefined {
    if (value === null || value === undefined) return {};
    if (isRecord(value)) return value;
    this.fault(path, "must be an object with keys", Array.isArray(value) ? "a list" : typeof value, "Write its keys.");
    return undefined;
  }
}

/** A member of an object that came from outside. */
function ownValue(value: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
