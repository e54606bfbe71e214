import { MAX_PATH_UNITS } from "../src/bridge/protocol.ts";
import type { SandboxLimits } from "../src/bridge/protocol.ts";
import { CodecError, MAX_DEPTH, toJson } from "./codec.ts";
import { describeReason, limitError, lineOf, toolErrorFrom } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Inspect } from "./inspect.ts";
import type { Notify } from "./notices.ts";
import {
  append,
  ErrorCtor,
  MapCtor,
  mapDelete,
  mapForEach,
  mapGet,
  mapSet,
  mapSize,
  newList,
  PromiseCtor,
  promiseThen,
  setPrototypeOf,
  StringCtor,
  stringify,
} from "./primordials.ts";
import { watch } from "./promises.ts";
import type { Watched } from "./promises.ts";
import { fromJson } from "./revive.ts";
import { createValueNotes } from "./unawaited.ts";

/** One call of a script: what settles its promise, and what is known of that. */
interface Call {
  readonly label: string;
  readonly site: Error;
  readonly known: Watched;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** What calls work with. */
export interface ToolCallParts {
  readonly host: Host;
  readonly notify: Notify;
  readonly inspect: Inspect;
  /** Whether lines of the script are those of the caller's text, so that they can be told. */
  readonly sameLines: boolean;
}

/** The table of a script's calls. */
export interface ToolCalls {
  /** Starts a call. Limits are told by the promise, as every failure is. @param path Names after `mcp`. */
  start(path: readonly string[], args: readonly unknown[]): Promise<unknown>;
  /** Settles a call with what the host answered. */
  reply(id: number, ok: boolean, json: string): void;
  /** Tells of calls that failed unseen, and of those that are still in flight. @param failed Whether the script failed. */
  end(failed: boolean): void;
}

/** Failures that are kept to be told, and tools named in one line. */
const MAX_FAILURES = 100;
const MAX_NAMED = 5;

/** Makes the table. */
export function createToolCalls({ host, notify, inspect, sameLines }: ToolCallParts): ToolCalls {
  const pending = new MapCtor();
  const failures: { readonly call: Call; readonly reason: unknown }[] = newList();
  const admit = createAdmission(host.limits, () => mapSize(pending));
  let made = 0;
  const fail = (call: Call, reason: unknown): void => {
    if (!call.known.looked && failures.length < MAX_FAILURES) append(failures, { call, reason });
    call.reject(reason);
  };
  return {
    start(path, args) {
      const call = openCall(`mcp.${dotted(path)}`);
      try {
        const notes = createValueNotes(notify);
        const { pathText, json } = admit(path, args, call, notes);
        notes.tell(`The arguments of ${call.label} hold`);
        made++;
        mapSet(pending, made, call);
        host.send("call", StringCtor(made), pathText, json);
      } catch (reason) {
        fail(call, reason);
      }
      return call.promise;
    },
    reply(id, ok, json) {
      const call = mapGet(pending, id) as Call | undefined;
      if (call === undefined) return;
      mapDelete(pending, id);
      if (ok) call.resolve(fromJson(json));
      else fail(call, toolErrorFrom(json, call.site));
    },
    end(failed) {
      const unseen = new MapCtor();
      for (let i = 0; i < failures.length; i++) {
        const { call, reason } = failures[i] as (typeof failures)[number];
        if (call.known.looked) continue;
        const line = sameLines ? lineOf(call.site) : undefined;
        const where = line === undefined ? "" : ` at line ${line}`;
        count(
          unseen,
          `Tool call ${call.label}${where} failed and nothing awaited it: ${describeReason(reason, inspect)}`,
        );
      }
      mapForEach(unseen, (times, text) =>
        notify(times === 1 ? StringCtor(text) : `${StringCtor(text)} (${StringCtor(times)} times)`),
      );
      if (mapSize(pending) > 0) notify(inFlightText(pending, failed));
    },
  };
}

/** A call that is not sent yet, and its promise, which is watched. */
function openCall(label: string): Call & { readonly promise: Promise<unknown> } {
  const site = new ErrorCtor();
  const known: Watched = { looked: false, tool: label };
  let resolve: Call["resolve"] = ignore;
  let reject: Call["reject"] = ignore;
  const promise = new PromiseCtor<unknown>((onValue, onReason) => {
    resolve = onValue;
    reject = onReason;
  });
  // A failed call that is awaited late is no unhandled rejection; one that never is, is told at the end.
  void promiseThen(promise, undefined, ignore);
  watch(promise, known);
  return { label, site, known, resolve, reject, promise };
}

function ignore(): void {
  // The promise that the script holds still rejects.
}

function count(counts: Map<unknown, unknown>, key: string): void {
  mapSet(counts, key, ((mapGet(counts, key) as number | undefined) ?? 0) + 1);
}

function inFlightText(pending: Map<unknown, unknown>, failed: boolean): string {
  const counts = new MapCtor();
  mapForEach(pending, (call) => count(counts, (call as Call).label));
  let named = "";
  let tools = 0;
  mapForEach(counts, (times, label) => {
    if (++tools > MAX_NAMED) return;
    named += `${named === "" ? "" : ", "}${StringCtor(label)}${times === 1 ? "" : ` ×${StringCtor(times)}`}`;
  });
  if (tools > MAX_NAMED) named += ` and ${tools - MAX_NAMED} more`;
  const size = mapSize(pending);
  const what = `The script ${failed ? "failed" : "ended"} before ${size} tool call${size === 1 ? " was" : "s were"} answered (${named})`;
  return failed ? `${what}: they were cancelled` : `${what}: await them, or use Promise.all; forEach does not wait`;
}

/** The texts of a call that may be made. */
type Admit = (
  path: readonly string[],
  args: readonly unknown[],
  call: Call,
  notes: Parameters<typeof toJson>[2],
) => { readonly pathText: string; readonly json: string };

/** Holds the limits of calls: each admitted call is counted. @throws ToolError, and what getters and `toJSON` of arguments throw. */
function createAdmission(limits: SandboxLimits, inFlight: () => number): Admit {
  let made = 0;
  let argumentLength = 0;
  return (path, args, { label, site }, notes) => {
    const pathText = stringify(path);
    if (pathText.length > MAX_PATH_UNITS)
      throw limitError(
        "TOOL_NOT_FOUND",
        `Cannot call the tool as its name may have ${MAX_PATH_UNITS} characters: it has more`,
        "Object.keys(mcp) lists the servers.",
        site,
      );
    // They may run the script's own code, which may make calls too: nothing is counted before it.
    const json = argumentsText(args, label, limits, site, notes);
    if (made >= limits.toolCalls)
      throw limitError(
        "TOOL_CALL_LIMIT",
        `Cannot call ${label} as a run may make ${limits.toolCalls} tool calls: all are made`,
        "Make fewer calls, or ask for more with limits.toolCalls.",
        site,
      );
    if (inFlight() >= limits.concurrency)
      throw limitError(
        "CALL_CONCURRENCY_LIMIT",
        `Cannot call ${label} as ${limits.concurrency} calls may be in flight at once: so many are`,
        "Await some calls before you start more, or ask for more with limits.concurrency.",
        site,
      );
    if (argumentLength + json.length > limits.argumentTotalBytes)
      throw limitError(
        "ARGUMENTS_TOO_LARGE",
        `Cannot call ${label} as all arguments of a run may have ${limits.argumentTotalBytes} bytes together: these would be more`,
        "Pass less, or ask for more with limits.argumentTotalBytes.",
        site,
      );
    made++;
    argumentLength += json.length;
    return { pathText, json };
  };
}

/** JSON text of a call's arguments. @throws ARGUMENTS_TOO_LARGE, and what getters and `toJSON` of them throw. */
function argumentsText(
  args: readonly unknown[],
  label: string,
  limits: SandboxLimits,
  site: Error,
  notes: Parameters<typeof toJson>[2],
): string {
  try {
    // The list is ours: its prototype must not tell how it is written.
    setPrototypeOf(args, null);
    return toJson(args, limits.argumentBytes, notes) ?? "[]";
  } catch (thrown) {
    const reason = CodecError.reasonOf(thrown);
    if (reason === undefined) throw thrown;
    if (reason === "tooDeep")
      throw limitError(
        "ARGUMENTS_TOO_LARGE",
        `Cannot call ${label} as arguments may be nested ${MAX_DEPTH} deep: these are deeper`,
        "Pass flatter arguments.",
        site,
      );
    throw limitError(
      "ARGUMENTS_TOO_LARGE",
      `Cannot call ${label} as its arguments may have ${limits.argumentBytes} bytes: these have more`,
      "Pass less, or ask for more with limits.argumentBytes.",
      site,
    );
  }
}

/** Names joined by dots. */
export function dotted(path: readonly string[]): string {
  let text = "";
  for (let i = 0; i < path.length; i++) text += (i === 0 ? "" : ".") + (path[i] as string);
  return text;
}
