import { MAX_EMITTED_VALUES } from "../src/bridge/protocol.ts";
import type { DoneKind, FailedText, SandboxStart } from "../src/bridge/protocol.ts";
import { CodecError, MAX_DEPTH, toJson } from "./codec.ts";
import { createConsole, createLog } from "./console.ts";
import type { WriteLog } from "./console.ts";
import { describeThrown, limitError, stackOf, ToolError, trueErrorInfo } from "./errors.ts";
import { defineLazy, defineValues, fix, harden } from "./harden.ts";
import type { Host, Send } from "./host.ts";
import { inspect } from "./inspect.ts";
import {
  apply,
  ErrorCtor,
  freeze,
  later,
  NumberCtor,
  parse,
  PromiseCtor,
  reportTo,
  thenOwn,
  toText,
  TypeErrorCtor,
} from "./primordials.ts";
import { createCrypto } from "./random.ts";
import { createTimers } from "./timers.ts";
import type { Timers } from "./timers.ts";
import { createToolProxy } from "./tool-proxy.ts";
import type { ToolProxy } from "./tool-proxy.ts";
import { createWebGlobals, WEB_NAMES } from "./web.ts";

/** What the executor process holds of the runtime: two functions, called with strings. */
export interface Runtime {
  /**
   * Runs the script. @param code An expression whose value is an async function without parameters.
   * @param startJson A `SandboxStart`.
   */
  start(code: string, startJson: string): void;
  /** Delivers events in threes: `"ok" | "error", call id, JSON` or `"timer", timer id, ""`. */
  deliver(...events: string[]): void;
}

/** Prepares the global object and hands out the two entries. Runs once, before any script. */
export function bootstrap(send: Send): Runtime {
  harden();
  const indirectEval = eval;
  let tools: ToolProxy | undefined;
  let timers: Timers | undefined;
  let host: Host | undefined;
  /**
   * isolated-vm copies the reason of the first unhandled rejection of an entry out of the isolate: whole, however large, and
   * running its getters. Ours is the first; it is kept, as one that is collected does not count.
   */
  const shield: { rejected: Promise<unknown> | undefined } = { rejected: undefined };
  const raiseShield = (): void => {
    shield.rejected = new PromiseCtor<unknown>((_, reject) => reject(undefined));
  };
  return {
    start(code, startJson) {
      raiseShield();
      const start = parse(startJson) as SandboxStart;
      host = { send, limits: start.limits, ended: false };
      const log = createLog(host);
      reportTo((thrown) => log("warn", `A callback failed: ${inspect(thrown)}`));
      tools = createToolProxy(host, start.names);
      timers = createTimers(host);
      defineGlobals(host, start, tools, timers, log);
      const end = createEnd(host, log);
      let body: () => Promise<unknown>;
      try {
        body = indirectEval(`${code}\n//# sourceURL=script.js`) as () => Promise<unknown>;
      } catch (thrown) {
        end.thrown(thrown);
        return;
      }
      void thenOwn(apply(body, undefined, []), end.value, end.thrown);
    },
    deliver(...events) {
      if (host === undefined || host.ended) return;
      raiseShield();
      timers?.entered();
      for (let i = 0; i < events.length; i += 3) {
        const id = NumberCtor(events[i + 1]);
        if (events[i] === "timer") later(() => timers?.fire(id));
        else tools?.reply(id, events[i] === "ok", events[i + 2] ?? "null");
      }
    },
  };
}

function defineGlobals(host: Host, start: SandboxStart, tools: ToolProxy, timers: Timers, log: WriteLog): void {
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
  const emit = (value: unknown): void => {
    const json = encode(value, emittedBytes - emitted, refuse);
    // What it holds may have emitted something itself.
    if (emitted + json.length > emittedBytes || values >= MAX_EMITTED_VALUES) refuse();
    emitted += json.length;
    values++;
    host.send("emit", json);
  };
  defineLazy(
    WEB_NAMES,
    createWebGlobals((callback, delayMs) => timers.set(callback, delayMs)),
  );
  defineValues(timers.globals);
  fix("mcp", tools.mcp);
  defineValues({
    input: start.input === undefined ? undefined : parse(start.input),
    console: createConsole(log),
    crypto: freeze(createCrypto(start.seed)),
    emit,
    ToolError,
  });
}

function encode(value: unknown, maxLength: number, tooLarge: () => never): string {
  try {
    return toJson(value, maxLength) ?? "null";
  } catch (thrown) {
    const reason = CodecError.reasonOf(thrown);
    if (reason === undefined) throw thrown;
    if (reason === "tooLarge") return tooLarge();
    throw new TypeErrorCtor(`Cannot emit the value as it may be nested ${MAX_DEPTH} deep: it is deeper`);
  }
}

/** Makes the two ends of a run: the first that is reached sends `done`; nothing is sent after it. */
function createEnd(
  host: Host,
  log: WriteLog,
): { readonly value: (value: unknown) => void; readonly thrown: (thrown: unknown) => void } {
  const { resultBytes, errorBytes } = host.limits;
  const done = (kind: DoneKind, text: string): void => {
    if (host.ended) return;
    host.ended = true;
    host.send("done", kind, text);
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
      let promises = 0;
      const json = toJson(result, resultBytes, () => promises++);
      if (promises > 0)
        log("warn", `The result holds ${promises} promise(s) that were not awaited: await them, or use Promise.all`);
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
