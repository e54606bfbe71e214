import type { ThrownText } from "../src/bridge/protocol.ts";
import {
  define,
  ErrorCtor,
  errorNames,
  freeze,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  isError,
  mapGet,
  parse,
  NumberCtor,
  setPrototypeOf,
  stringIndexOf,
  stringSlice,
  toText,
  WeakMapCtor,
  weakMapGet,
  weakMapSet,
} from "./primordials.ts";

/** What the host tells of a failed call; the members of an `ErrorInfo` that a script may see. */
interface FailureInfo {
  readonly code: string;
  readonly message: string;
  readonly retryable?: boolean;
  readonly server?: string;
  readonly tool?: string;
  readonly hint?: string;
  readonly details?: unknown;
}

/** The true failures Runlet made in this isolate, with the JSON text each was made from: a script cannot add to it. */
const trueErrors = new WeakMapCtor();

/**
 * What a failed tool call rejects with; a script may catch it and read `code`, `server`, `tool`, `details`,
 * `retryable`, `hint`.
 */
export class ToolError extends ErrorCtor {
  readonly code: string;
  readonly retryable: boolean;
  readonly server: string | undefined;
  readonly tool: string | undefined;
  readonly hint: string | undefined;
  readonly details: unknown;

  constructor(info: FailureInfo) {
    super(info.message);
    this.code = info.code;
    this.retryable = info.retryable === true;
    this.server = info.server;
    this.tool = info.tool;
    this.hint = info.hint;
    this.details = info.details;
  }
}
define(ToolError.prototype, "name", "ToolError", false);
// The bundler takes the class its name.
define(ToolError, "name", "ToolError", false);
freeze(ToolError);

/**
 * Makes a true failure.
 *
 * @param infoJson JSON text of an `ErrorInfo`.
 * @param site Error made where the script made the call: its stack becomes the failure's.
 */
export function toolErrorFrom(infoJson: string, site: Error | undefined): ToolError {
  const info = parse(infoJson) as FailureInfo;
  // What a failure has not must not be found on a prototype that the script has changed.
  setPrototypeOf(info, null);
  const error = new ToolError(info);
  const stack = `ToolError: ${info.message}${scriptFrames(framesOf(site))}`;
  define(error, "stack", stack, false);
  weakMapSet(trueErrors, error, infoJson);
  return error;
}

const FRAME = "\n    at ";
/** How the places of our own code are told. */
const OURS = "runlet:";

/** The frames of a stack, those of the runtime left out. @param text Of a stack; what is before its frames is no part. */
export function scriptFrames(text: string): string {
  let frames = "";
  for (let at = stringIndexOf(text, FRAME); at >= 0;) {
    const next = stringIndexOf(text, FRAME, at + 1);
    const frame = stringSlice(text, at, next < 0 ? undefined : next);
    if (stringIndexOf(frame, OURS) < 0) frames += frame;
    at = next;
  }
  return frames;
}

const SCRIPT = "script.js:";

/** Line of the script at which an error was made; `undefined` where its stack does not tell. */
export function lineOf(site: Error): number | undefined {
  const frames = framesOf(site);
  const at = stringIndexOf(frames, SCRIPT);
  const end = at < 0 ? -1 : stringIndexOf(frames, ":", at + SCRIPT.length);
  const line = end < 0 ? NaN : NumberCtor(stringSlice(frames, at + SCRIPT.length, end));
  return line > 0 ? line : undefined;
}

/** Text of a stack, which a script's `Error.prepareStackTrace` may have made; empty where that throws. */
function framesOf(site: Error | undefined): string {
  try {
    const frames: unknown = site?.stack;
    return typeof frames === "string" ? frames : "";
  } catch {
    return "";
  }
}

/** A failure the runtime itself finds. */
export function limitError(code: string, message: string, hint: string, site: Error | undefined): ToolError {
  return toolErrorFrom(toText({ code, message, retryable: false, hint }), site);
}

/** The JSON text a true failure was made from; `undefined` for everything else, whatever it looks like. */
export function trueErrorInfo(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  return weakMapGet(trueErrors, thrown) as string | undefined;
}

/** Name, message and stack of anything a script threw, each bounded; never throws itself. */
export function describeThrown(thrown: unknown, maxLength: number, inspect: (value: unknown) => string): string {
  const read = (key: "name" | "message" | "stack"): string => {
    try {
      const value = (thrown as Record<string, unknown>)[key];
      return typeof value === "string" ? value : "";
    } catch {
      return "";
    }
  };
  const bound = (text: string): string => stringSlice(text, 0, maxLength);
  if (isErrorLike(thrown)) {
    const message = read("message");
    const stack = bound(withoutMessage(read("stack"), message));
    return toText({ name: bound(read("name")), message: bound(message), stack } satisfies ThrownText);
  }
  const text = typeof thrown === "string" ? thrown : inspect(thrown);
  return toText({ name: "", message: stringSlice(text, 0, maxLength), stack: "" } satisfies ThrownText);
}

/** What follows an error's message in its stack: a message may look like a frame, or leave no room for one. */
function withoutMessage(stack: string, message: string): string {
  const at = message === "" ? -1 : stringIndexOf(stack, message);
  return at < 0 ? stack : stringSlice(stack, at + message.length);
}

/** Longest part of a reason that is told. */
const MAX_REASON = 1_000;
/** Longest text a part is taken of: one that was put together is made one piece for that, which may take all of the heap. */
const MAX_READ = 100_000;

/**
 * What a promise was rejected with, as a part of a line, at most about 2,000 characters. Runs none of the script's code and
 * throws nothing: what nobody awaited must not change how its run ends. So an object that is no error is not looked at.
 */
export function describeReason(reason: unknown, inspect: (value: unknown) => string): string {
  switch (typeof reason) {
    case "string":
      return partOf(reason);
    case "object":
      if (reason === null) return "null";
      return isError(reason) ? describeError(reason as Error) : "an object that is no error";
    case "function":
    case "bigint":
    case "symbol":
      return `a ${typeof reason}`;
    default:
      return inspect(reason);
  }
}

function describeError(error: Error): string {
  const name = ownText(error, "name") ?? errorName(getPrototypeOf(error));
  const message = ownText(error, "message") ?? "";
  return message === "" ? name : `${name}: ${message}`;
}

/** A class's own name is not looked up: its prototype may be a proxy. */
function errorName(prototype: object | null): string {
  if (prototype === ToolError.prototype) return "ToolError";
  return (mapGet(errorNames, prototype) as string | undefined) ?? "Error";
}

/** A text that an error holds itself, and not through a getter. */
function ownText(error: Error, key: "name" | "message"): string | undefined {
  const value: unknown = getOwnPropertyDescriptor(error, key)?.value;
  return typeof value === "string" ? partOf(value) : undefined;
}

function partOf(text: string): string {
  return text.length > MAX_READ ? `[${text.length} characters]` : stringSlice(text, 0, MAX_REASON);
}

function isErrorLike(thrown: unknown): boolean {
  try {
    return (
      thrown instanceof ErrorCtor ||
      (typeof thrown === "object" && thrown !== null && typeof (thrown as Error).message === "string")
    );
  } catch {
    return false;
  }
}

/** Code frames of a stack, the text before them left out. */
export function stackOf(thrown: unknown, maxLength: number): string {
  return stringSlice(framesOf(thrown as Error | undefined), 0, maxLength);
}
