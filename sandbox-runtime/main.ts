import { MAX_EMITTED_VALUES } from "../src/bridge/protocol.ts";
import type { DoneKind, FailedText, SandboxStart } from "../src/bridge/protocol.ts";
import { CodecError, MAX_DEPTH, toJson } from "./codec.ts";
import { createConsole, createLog } from "./console.ts";
import type { WriteLog } from "./console.ts";
import { toContentBlock } from "./emitted.ts";
import { describeThrown, limitError, stackOf, ToolError, trueErrorInfo } from "./errors.ts";
import { createSeededRun } from "./seeded-run.ts";
import type { SeededRun } from "./seeded-run.ts";
import { createFloating } from "./floating.ts";
import type { FloatingPromises } from "./floating.ts";
import { defineLazy, defineValues, fix, harden } from "./harden.ts";
import type { Host, Send } from "./host.ts";
import { inspect } from "./inspect.ts";
import { createIntl } from "./intl.ts";
import { createNotices } from "./notices.ts";
import type { Notify } from "./notices.ts";
import {
  apply,
  ErrorCtor,
  freeze,
  IntlNamespace,
  parse,
  PromiseCtor,
  reportTo,
  thenOwn,
  toText,
  TypeErrorCtor,
} from "./primordials.ts";
import { createCrypto } from "./random.ts";
import { fromJson } from "./revive.ts";
import { createTimers } from "./timers.ts";
import type { Timers } from "./timers.ts";
import { createToolCalls } from "./tool-calls.ts";
import type { ToolCalls } from "./tool-calls.ts";
import { createToolProxy } from "./tool-proxy.ts";
import { createValueNotes } from "./unawaited.ts";
import { createWebGlobals, WEB_NAMES } from "./web.ts";

/** What the executor process holds of the runtime: two functions, called with strings. */
export interface Runtime {
  /**
   * Runs the script.
   *
   * @param code An expression whose value is an async function without parameters or, for a `tracked` start, a function
   *   that makes one of the tracker.
   * @param startJson A `SandboxStart`. @param namesJson `{"namespace": ["method", …]}`. @param inputJson `input`, if any.
   */
  start(code: string, startJson: string, namesJson: string, inputJson?: string): void;
  /**
   * Delivers events in fours: `"ok" | "error", call id, JSON, instant in ms since the epoch`, `"timer", timer id, "", ""` for one
   * whose real time has come, or `"tick", "", "", instant`: timers due by then may fire while calls are in flight.
   */
  deliver(...events: string[]): void;
}

type Body = () => Promise<unknown>;

/** Prepares the global object and hands out the two entries. Runs once, before any script. */
export function bootstrap(send: Send): Runtime {
  harden();
  const indirectEval = eval;
  let calls: ToolCalls | undefined;
  let timers: Timers | undefined;
  let floating: FloatingPromises | undefined;
  let host: Host | undefined;
  let events: SeededRun | undefined;
  const raiseShield = createShield();
  return {
    start(code, startJson, namesJson, inputJson) {
      raiseShield();
      const start = parse(startJson) as SandboxStart;
      events = createSeededRun(start, send, {
        reply: (id, ok, json) => calls?.reply(id, ok, json),
        fire: (id) => timers?.fire(id),
      });
      host = { send: events.send, limits: start.limits, ended: false };
      const notify = createNotices(host);
      const log = createLog(host);
      reportTo(createReporter(host, log, notify));
      calls = createToolCalls({ host, notify, inspect, sameLines: start.sameLines });
      timers = createTimers(host);
      floating = createFloating(notify, inspect);
      defineLazy(
        WEB_NAMES,
        createWebGlobals((callback, delayMs) => timers?.set(callback, delayMs)),
      );
      defineLazy(["Intl"], () => createIntl(IntlNamespace, events?.clock));
      fix("mcp", createToolProxy(calls, namesJson));
      if (inputJson !== undefined) defineLazy(["input"], () => fromJson(inputJson));
      defineValues({
        ...timers.globals,
        ...(inputJson === undefined ? { input: undefined } : {}),
        console: createConsole(log),
        crypto: freeze(createCrypto(start.seed)),
        emit: createEmit(host, notify),
        ToolError,
      });
      const end = createEnd(host, notify, calls, floating);
      let body: Body;
      try {
        const value: unknown = indirectEval(`${code}\n//# sourceURL=script.js`);
        body = start.tracked ? (value as (track: unknown) => Body)(floating.track) : (value as Body);
      } catch (thrown) {
        end.thrown(thrown);
        return;
      }
      void thenOwn(apply(body, undefined, []), end.value, end.thrown);
    },
    deliver(...told) {
      if (host === undefined || host.ended) return;
      raiseShield();
      // All that an entry caused is over now: what is still not looked at is told.
      floating?.flush();
      timers?.entered();
      events?.deliver(told);
    },
  };
}

/**
 * What keeps the engine from telling of rejections, to be called in each entry. isolated-vm copies the reason of the first
 * unhandled rejection of an entry out of the isolate: whole, however large, and running its getters. Ours is the first; it
 * is kept, as one that is collected does not count. `createFloating` says which rejections are told of.
 */
function createShield(): () => void {
  const shield: { rejected: Promise<unknown> | undefined } = { rejected: undefined };
  return () => {
    shield.rejected = new PromiseCtor<unknown>((_, reject) => reject(undefined));
  };
}

/** What tells of callbacks that fail: those that do in the very entry in which the script ends are told like what it dropped. */
function createReporter(host: Host, log: WriteLog, notify: Notify): (thrown: unknown) => void {
  return (thrown) => {
    const text = `A callback failed: ${inspect(thrown)}`;
    if (host.ended) notify(text);
    else log("warn", text);
  };
}

/** Makes the global `emit`. */
function createEmit(host: Host, notify: Notify): (value: unknown) => void {
  const { emittedBytes } = host.limits;
  let emitted = 0;
  let values = 0;
  const refuse = (): never => {
    throw limitError(
      "EMIT_LIMIT",
      `Cannot emit a value as a run may emit ${emittedBytes} bytes and ${MAX_EMITTED_VALUES} values: with this one it would be more`,
      "Emit less and larger values, or ask for more with limits.emittedBytes.",
      new ErrorCtor(),
    );
  };
  return (value) => {
    const notes = createValueNotes(notify);
    const json = encode(() => toJson(toContentBlock(value), emittedBytes - emitted, notes), refuse);
    // What it holds may have emitted something itself.
    if (emitted + json.length > emittedBytes || values >= MAX_EMITTED_VALUES) refuse();
    emitted += json.length;
    values++;
    host.send("emit", json);
    notes.tell("An emitted value holds");
  };
}

function encode(write: () => string | undefined, tooLarge: () => never): string {
  try {
    return write() ?? "null";
  } catch (thrown) {
    const reason = CodecError.reasonOf(thrown);
    if (reason === undefined) throw thrown;
    if (reason === "tooLarge") return tooLarge();
    throw new TypeErrorCtor(`Cannot emit the value as it may be nested ${MAX_DEPTH} deep: it is deeper`);
  }
}

/** Makes the two ends of a run: the first that is reached sends `done`; nothing of the script is sent after it. */
function createEnd(
  host: Host,
  notify: Notify,
  calls: ToolCalls,
  floating: FloatingPromises,
): { readonly value: (value: unknown) => void; readonly thrown: (thrown: unknown) => void } {
  const { resultBytes, errorBytes } = host.limits;
  const done = (kind: DoneKind, text: string): void => {
    if (host.ended) return;
    calls.end(kind === "thrown" || kind === "failed");
    host.ended = true;
    host.send("done", kind, text);
    floating.end();
  };
  const fail = (code: string, message: string, hint: string): void => {
    done("failed", toText({ info: toText({ code, message, hint }), stack: "" } satisfies FailedText));
  };
  const thrown = (error: unknown): void => {
    const info = trueErrorInfo(error);
    if (info === undefined) done("thrown", describeThrown(error, errorBytes, inspect));
    else done("failed", toText({ info, stack: stackOf(error, errorBytes) } satisfies FailedText));
  };
  const value = (result: unknown): void => {
    try {
      const notes = createValueNotes(notify);
      const json = toJson(result, resultBytes, notes);
      notes.tell("The result holds");
      if (json === undefined) done("undefined", "");
      else done("value", json);
    } catch (error) {
      const reason = CodecError.reasonOf(error);
      if (reason === undefined) thrown(error);
      else if (reason === "tooDeep")
        fail(
          "RESULT_INVALID",
          `Cannot return the result as it may be nested ${MAX_DEPTH} deep: it is deeper`,
          "Return a flatter value.",
        );
      else
        fail(
          "RESULT_TOO_LARGE",
          `Cannot return the result as it may have ${resultBytes} bytes: it has more`,
          "Return less (filter, slice or summarise in the script), or ask for more with limits.resultBytes.",
        );
    }
  };
  return { value, thrown };
}
