import { WeakMapCtor, weakMapGet, weakMapSet } from "./primordials.ts";

/** How an object of ours, whose state is private, is told to readers. */
interface Shown {
  /** Text in logs. */
  readonly text: () => string;
  /** Text in JSON, for objects whose members would tell nothing. */
  readonly json: (() => string) | undefined;
}

const shown = new WeakMapCtor();

/** Tells how an object of the runtime's own classes looks in logs and, where it has no `toJSON`, in JSON. */
export function showAs(object: object, text: () => string, json?: () => string): void {
  weakMapSet(shown, object, { text, json } satisfies Shown);
}

/** How the object looks; `undefined` for every object that is not of the runtime's own classes. */
export function shownAs(object: object): Shown | undefined {
  return weakMapGet(shown, object) as Shown | undefined;
}
