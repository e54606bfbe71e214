import type { ThrownText } from "../src/bridge/protocol.ts";
import {
  define,
  ErrorCtor,
  freeze,
  parse,
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
  const error = new ToolError(info);
  const frames = framesOf(site);
  const from = stringIndexOf(frames, "\n    at ");
  const stack = `ToolError: ${info.message}${from < 0 ? "" : stringSlice(frames, from)}`;
  define(error, "stack", stack, false);
  weakMapSet(trueErrors, error, infoJson);
  return error;
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
      return typeof value === "string" ? stringSlice(value, 0, maxLength) : "";
    } catch {
      return "";
    }
  };
  if (isErrorLike(thrown))
    return toText({ name: read("name"), message: read("message"), stack: read("stack") } satisfies ThrownText);
  const text = typeof thrown === "string" ? thrown : inspect(thrown);
  return toText({ name: "", message: stringSlice(text, 0, maxLength), stack: "" } satisfies ThrownText);
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
