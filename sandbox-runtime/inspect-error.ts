import {
  getOwnPropertyDescriptor,
  isArray,
  StringCtor,
  stringIndexOf,
  stringSlice,
  append,
  hasOwn,
  newList,
} from "./primordials.ts";
import { scriptFrames } from "./errors.ts";
import { prefix } from "./inspect-class.ts";

const FRAME = "\n    at";

/** An error's own text, and the keys of its members that are to be shown beside it. */
export interface ErrorText {
  readonly text: string;
  readonly keys: readonly PropertyKey[];
}

/**
 * How an error is told: its stack, its name corrected where its class says more; in brackets when there is no frame in it.
 *
 * @param keys Of its enumerable members.
 */
export function errorText(
  error: Error,
  name: string | undefined,
  tag: string,
  keys: readonly PropertyKey[],
): ErrorText {
  const read = (key: "stack" | "name" | "message"): string => {
    try {
      const value: unknown = error[key];
      return typeof value === "string" ? value : "";
    } catch {
      return ""; // A getter's own doing.
    }
  };
  const message = read("message");
  const ownName = read("name");
  const plain = ownName === "" ? message : message === "" ? ownName : `${ownName}: ${message}`;
  const told = read("stack") || plain || "Error";
  const text = improved(told, name, ownName || "Error", tag);
  const at = message === "" ? 0 : stringIndexOf(text, message) + message.length;
  const frames = stringIndexOf(text, FRAME, at < 0 ? 0 : at);
  const shown = frames < 0 ? `[${text}]` : stringSlice(text, 0, frames) + scriptFrames(stringSlice(text, frames));
  return { text: shown, keys: shownKeys(error, keys, told, ownName, message) };
}

/** `Error: no` of a class `AppError extends Error` becomes `AppError: no`; a name that is not of the class is told beside it. */
function improved(stack: string, className: string | undefined, name: string, tag: string): string {
  const after = stringSlice(stack, name.length, name.length + 1);
  const isRegular =
    stringSlice(name, -5) === "Error" &&
    stringIndexOf(stack, name) === 0 &&
    (after === "" || after === ":" || after === "\n");
  if (className !== undefined && !isRegular) return stack;
  const length = isRegular ? name.length : 0;
  const whole = stringSlice(prefix(className, tag, isRegular ? name : "Error"), 0, -1);
  if (whole === name) return stack;
  if (stringIndexOf(whole, name) < 0) return `${whole} [${name}]${stringSlice(stack, length)}`;
  return length === 0 ? `${whole}: ${stack}` : `${whole}${stringSlice(stack, length)}`;
}

/** What the text tells already is left out; cause and errors, which are not enumerable, are added. */
function shownKeys(
  error: Error,
  keys: readonly PropertyKey[],
  stack: string,
  name: string,
  message: string,
): readonly PropertyKey[] {
  const shown: PropertyKey[] = newList();
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as PropertyKey;
    const isTold =
      key === "stack" ||
      (key === "message" && stringIndexOf(stack, message) >= 0) ||
      (key === "name" && stringIndexOf(stack, name) >= 0);
    if (!isTold) append(shown, key);
  }
  if (hasOwn(error, "cause") && !has(shown, "cause")) append(shown, "cause");
  const errors: unknown = getOwnPropertyDescriptor(error, "errors")?.value;
  if (isArray(errors) && !has(shown, "errors")) append(shown, "errors");
  return shown;
}

function has(keys: readonly PropertyKey[], key: string): boolean {
  for (let i = 0; i < keys.length; i++) if (StringCtor(keys[i]) === key) return true;
  return false;
}
