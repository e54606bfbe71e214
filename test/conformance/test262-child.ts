/**
 * Evaluates tests in isolates, each in one of its own; runs as a process of its own, because isolated-vm is loaded nowhere
 * else. Answers each request with a verdict.
 *
 * Ways to evaluate: `bare` and `ours` run the test as a global script, in a new isolate without anything and in one that
 * is prepared as for a run; `indirect` and `body` start it in a prepared one as Runlet starts scripts, through the
 * runtime: by an indirect `eval` in the script, and as the script's own body.
 */
import { setTimeout } from "node:timers/promises";
import ivm from "isolated-vm";
import { BUILT_IN_LIMITS } from "../../src/config/limits.ts";
import { runnableText } from "../../src/script/body-wrapper.ts";
import { isRecord } from "../../src/lib/guards.ts";
import type { ConformanceCase } from "./test262-cases.ts";

/** How a test is evaluated. */
export type Way = "bare" | "ours" | "indirect" | "body";

/** What the process is asked. `runtime`: the source of the isolate's runtime. */
export interface EvaluateRequest {
  readonly runtime: string;
  readonly way: Way;
  readonly test: ConformanceCase;
}

/** `why` is empty for a test that passes. */
export interface Verdict {
  readonly passes: boolean;
  readonly why: string;
}

const MEMORY_MIB = 128;
const TIMEOUT_MS = 60_000;
/** How often the end of a script that was left is looked for, some 1 ms apart. */
const MAX_TURNS = 100;
const COMPLETE = "Test262:AsyncTestComplete";

/** What the host gives to tests, as far as a script could make it. @source test262/INTERPRETING.md */
const HOST_DEFINED = `(function (global, print) {
  const define = (name, value) =>
    Object.defineProperty(global, name, { value, writable: true, enumerable: false, configurable: true });
  define("print", (text) => print(String(text)));
  define("$262", {
    global,
    detachArrayBuffer: (buffer) => { ArrayBuffer.prototype.transfer.call(buffer); return null; },
    gc() { throw new Error("not available"); },
  });
})`;

/** What a test has told so far, and what it threw. */
interface Progress {
  readonly printed: string[];
  /** Name of what the script ended with, by the runtime's own account. */
  done: { readonly kind: string; readonly text: string } | undefined;
}

interface Prepared {
  readonly isolate: ivm.Isolate;
  readonly context: ivm.Context;
  readonly start: ((code: string) => void) | undefined;
}

process.on("message", (request: EvaluateRequest) => {
  void evaluate(request).then((verdict) => process.send?.(verdict));
});

async function evaluate({ runtime, way, test }: EvaluateRequest): Promise<Verdict> {
  const progress: Progress = { printed: [], done: undefined };
  const prepared = prepare(way === "bare" ? undefined : runtime, progress);
  try {
    const { context, isolate, start } = prepared;
    // A script that never ends: its globals are defined, and it is still running.
    if (way === "ours") start?.("await new Promise(() => {})");
    if (test.harness !== "") isolate.compileScriptSync(test.harness).runSync(context, { timeout: TIMEOUT_MS });
    if (way === "bare" || way === "ours") return asScript(prepared, test, progress);
    start?.(way === "body" ? test.source : `(0, eval)(${JSON.stringify(test.source)})`);
    // What the runtime sends arrives between turns of the event loop.
    for (let turn = 0; turn < MAX_TURNS && progress.done === undefined; turn++) await setTimeout(1);
    return judge(test, progress, endOf(progress));
  } catch (error) {
    return { passes: false, why: `the harness failed: ${nameOf(error)}` };
  } finally {
    if (!prepared.isolate.isDisposed) prepared.isolate.dispose();
  }
}

function prepare(runtime: string | undefined, progress: Progress): Prepared {
  const isolate = new ivm.Isolate({ memoryLimit: MEMORY_MIB, onCatastrophicError: () => process.abort() });
  const context = isolate.createContextSync();
  const start = runtime === undefined ? undefined : boot(isolate, context, runtime, progress);
  const define = isolate.compileScriptSync(HOST_DEFINED).runSync(context, { reference: true });
  const print = new ivm.Callback((text: unknown) => void progress.printed.push(String(text)));
  define.applySync(undefined, [context.global.derefInto(), print]);
  return { isolate, context, start };
}

/** Prepares the global object as an executor process does, and starts scripts as it does. */
function boot(isolate: ivm.Isolate, context: ivm.Context, runtime: string, progress: Progress): (body: string) => void {
  const bootstrap = isolate.compileScriptSync(runtime).runSync(context, { reference: true });
  const send = new ivm.Callback(
    (type: unknown, kind: unknown, text: unknown) => {
      if (type === "done") progress.done = { kind: String(kind), text: String(text) };
    },
    { ignored: true },
  );
  const entries = bootstrap.applySync(undefined, [send], { result: { reference: true } }) as ivm.Reference<{
    start: (code: string, startJson: string) => void;
  }>;
  const start = entries.getSync("start", { reference: true });
  const startJson = JSON.stringify({ limits: BUILT_IN_LIMITS.defaults, names: '{"shop":["buy"]}', seed: [1, 2, 3, 4] });
  return (body) => {
    try {
      start.applySync(undefined, [runnableText({ code: body, tracker: undefined }), startJson], {
        timeout: TIMEOUT_MS,
      });
    } catch (error) {
      // The runtime leaves one rejection without a handler, see its `bootstrap`: that is how every entry ends.
      if (error !== undefined) throw error;
    }
  };
}

function asScript({ isolate, context }: Prepared, test: ConformanceCase, progress: Progress): Verdict {
  let script: ivm.Script;
  try {
    script = isolate.compileScriptSync(test.source);
  } catch (error) {
    return judge(test, progress, { phase: "parse", name: nameOf(error) });
  }
  try {
    script.runSync(context, { timeout: TIMEOUT_MS });
  } catch (error) {
    return judge(test, progress, { phase: "runtime", name: nameOf(error) });
  }
  return judge(test, progress, undefined);
}

/** What the runtime said of the script's end; an end that never came is one, too, unless the test reports by `print`. */
function endOf({ done }: Progress): { readonly phase: string; readonly name: string } | undefined {
  if (done === undefined) return { phase: "runtime", name: "no end" };
  if (done.kind === "value" || done.kind === "undefined") return undefined;
  const thrown: unknown = JSON.parse(done.text);
  const name = isRecord(thrown) ? `${String(thrown["name"])}: ${String(thrown["message"])}` : done.kind;
  return { phase: "runtime", name };
}

function judge(
  test: ConformanceCase,
  { printed }: Progress,
  thrown: { readonly phase: string; readonly name: string } | undefined,
): Verdict {
  if (test.negative !== undefined) {
    const { phase, type } = test.negative;
    if (thrown === undefined) return { passes: false, why: `nothing was thrown; expected ${type}` };
    // A syntax error of a text that is evaluated by the script is thrown when it runs.
    const isPhase = thrown.phase === phase || thrown.phase === "runtime";
    const passes = isPhase && (thrown.name.startsWith(type) || isForeign(thrown.name, type));
    return { passes, why: passes ? "" : `${thrown.phase}: ${thrown.name}` };
  }
  if (test.isAsync) {
    const told = printed.find((line) => line.startsWith("Test262:"));
    const passes = told === COMPLETE;
    return { passes, why: passes ? "" : (told ?? thrown?.name ?? "it never reported its end") };
  }
  return { passes: thrown === undefined, why: thrown?.name ?? "" };
}

/** The harness's own error class is no `Error`: isolated-vm and the runtime tell only that something was thrown. */
function isForeign(name: string, type: string): boolean {
  return (
    type === "Test262Error" && !/^(?:Syntax|Reference|Type|Range|Eval|URI)?Error: (?!An object was thrown)/u.test(name)
  );
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
