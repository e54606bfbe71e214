import type { CodecListener, ValuePath } from "./codec.ts";
import { isIdentifier } from "./identifier.ts";
import type { Notify } from "./notices.ts";
import { getOwnPropertyDescriptor, getPrototypeOf, stringify, stringSlice } from "./primordials.ts";
import { watchedAs } from "./promises.ts";

const MAX_PATH = 120;

/** Counts what a value holds that has no JSON, and tells it once. */
export interface ValueNotes extends CodecListener {
  /** Tells what was found. @param what Begins the sentence, such as "The result holds". */
  tell(what: string): void;
}

/** Notes for one value that is written. */
export function createValueNotes(notify: Notify): ValueNotes {
  let promises = 0;
  let first = "";
  let empty = "";
  return {
    promise(promise, path) {
      if (promises++ > 0) return;
      const tool = watchedAs(promise)?.tool;
      first = ` at ${pathText(path)}${tool === undefined ? "" : `, of ${tool}`}`;
    },
    empty(instance, path) {
      if (empty === "") empty = `an object of class ${classOf(instance)} at ${pathText(path)}`;
    },
    tell(what) {
      if (promises === 1) notify(`${what} a promise that was not awaited${first}: await it, or use Promise.all`);
      else if (promises > 1)
        notify(`${what} ${promises} promises that were not awaited, the first${first}: await them, or use Promise.all`);
      if (empty !== "") notify(`${what} ${empty} that has no members of its own: it is written as {}`);
    },
  };
}

/** A path as a script would write it after the value: `.items[0]["a b"]`; its start for the value itself. */
function pathText(path: ValuePath): string {
  let text = "";
  for (let i = 0; i < path.length && text.length < MAX_PATH; i++) {
    const step = path[i] as string | number;
    if (typeof step === "number") text += `[${step}]`;
    else text += isIdentifier(step, true) ? `.${step}` : `[${stringify(stringSlice(step, 0, MAX_PATH))}]`;
  }
  return text === "" ? "its top" : text;
}

function classOf(instance: object): string {
  const prototype = getPrototypeOf(instance);
  const maker: unknown = prototype === null ? undefined : getOwnPropertyDescriptor(prototype, "constructor")?.value;
  const name: unknown = typeof maker === "function" ? getOwnPropertyDescriptor(maker, "name")?.value : undefined;
  return typeof name === "string" && name !== "" ? stringSlice(name, 0, MAX_PATH) : "without a name";
}
