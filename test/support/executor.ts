import { afterAll, beforeAll } from "vitest";
import { BUILT_IN_LIMITS } from "../../src/config/limits.ts";
import type { RunLimits } from "../../src/config/limits.ts";
import type { ExecutionResult, ResultJson } from "../../src/executor/executor.ts";
import { ProcessExecutor } from "../../src/executor/process-executor.ts";
import type { ExecutionClock } from "../../src/executor/run-seed.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { ErrorInfo } from "../../src/lib/errors.ts";
import type { RunnableScript } from "../../src/script/script.ts";
import { answering } from "./hosts.ts";
import type { Answer } from "./hosts.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Log } from "../../src/lib/log.ts";

/** One call that reached the host. */
export interface SeenCall {
  readonly path: unknown;
  readonly args: unknown;
}

/** What one script did: its result or its failure, and everything it sent meanwhile. */
export interface ScriptOutcome {
  /** The parsed result; `undefined` when the script failed or returned nothing. */
  readonly result: unknown;
  readonly error: ErrorInfo | undefined;
  readonly logs: readonly string[];
  readonly levels: readonly string[];
  readonly calls: readonly SeenCall[];
  readonly emitted: readonly unknown[];
  readonly wallMs: number;
}

/** How a script is run. */
export interface RunOptions {
  readonly limits?: Partial<RunLimits>;
  readonly input?: unknown;
  /** A seeded clock. @default the machine's */
  readonly clock?: ExecutionClock;
  /** Methods by namespace. @default `{ shop: ["list", "buy"] }` */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** Answers calls; by default with their arguments. */
  readonly answer?: (path: readonly string[], args: readonly unknown[]) => Answer | Promise<Answer>;
}

/** A real executor that is ready to take runs; of one process, unless said otherwise. The caller closes it. */
export async function startExecutor(
  change: { readonly processes?: number; readonly isolatesPerProcess?: number; readonly log?: Log } = {},
): Promise<ProcessExecutor> {
  const { processes = 1, isolatesPerProcess = 16, log = silentLog } = change;
  const executor = await ProcessExecutor.create({
    executors: { processes, isolatesPerProcess, profile: "hardened" },
    memoryMiB: BUILT_IN_LIMITS.defaults.memoryMiB,
    clock: systemClock,
    log,
  });
  try {
    await executor.ready();
  } catch (error) {
    await executor.close();
    throw error;
  }
  return executor;
}

/** Runs a prepared script, or a text as the body of an async function, in an isolate of its own. */
export async function runScript(
  executor: ProcessExecutor,
  script: string | RunnableScript,
  options: RunOptions = {},
): Promise<ScriptOutcome> {
  const logs: string[] = [];
  const levels: string[] = [];
  const calls: SeenCall[] = [];
  const emitted: unknown[] = [];
  const answer = options.answer ?? ((_, args) => ({ ok: true, json: JSON.stringify(args) }));
  const ended: ExecutionResult = await executor.execute(
    {
      principal: "test",
      script: typeof script === "string" ? asWritten(script) : script,
      inputJson: options.input === undefined ? undefined : JSON.stringify(options.input),
      namesJson: JSON.stringify(options.names ?? { shop: ["list", "buy"] }),
      limits: { ...BUILT_IN_LIMITS.defaults, wallMs: 10_000, ...options.limits },
      clock: options.clock,
      seed: crypto.randomUUID(),
      startMs: Date.now(),
      signal: new AbortController().signal,
    },
    {
      ...answering((path, args) => {
        const call = { path: JSON.parse(path) as string[], args: JSON.parse(args) as unknown[] };
        calls.push(call);
        return answer(call.path, call.args);
      }),
      log: (level, _, text) => {
        levels.push(level);
        logs.push(text);
      },
      emit: (json) => {
        emitted.push(JSON.parse(json));
      },
    },
  );
  const json = ended.status === "succeeded" ? ended.resultJson : undefined;
  return {
    result: json === undefined ? undefined : parseResult(json),
    error: ended.status === "failed" ? ended.error : undefined,
    logs,
    levels,
    calls,
    emitted,
    wallMs: ended.usage.wallMs,
  };
}

function asWritten(code: string): RunnableScript {
  return { code, source: code, edits: { toSource: (position) => position }, tracker: undefined, sameLines: true };
}

/** The value of a result, however it was sent. */
export function parseResult(json: ResultJson): unknown {
  return JSON.parse(typeof json === "string" ? json : Buffer.from(json).toString("utf8")) as unknown;
}

/** A failure as the host tells it to a script. */
export function failure(info: Readonly<Record<string, unknown>>): Answer {
  return { ok: false, json: JSON.stringify({ retryable: false, ...info }) };
}

/** The two ways a suite runs scripts. */
export interface ScriptRunner {
  readonly run: (script: string | RunnableScript, options?: RunOptions) => Promise<ScriptOutcome>;
  /** The result of a script that must not fail. */
  readonly value: (script: string | RunnableScript, options?: RunOptions) => Promise<unknown>;
}

/** One executor for all tests of a file: started before them, ended after them. */
export function useExecutor(): ScriptRunner {
  let executor: ProcessExecutor | undefined;
  beforeAll(async () => {
    executor = await startExecutor();
  });
  afterAll(async () => {
    await executor?.close();
  });
  const run: ScriptRunner["run"] = (script, options) => {
    if (executor === undefined) throw new Error("the executor is not started: run scripts inside tests");
    return runScript(executor, script, options);
  };
  return {
    run,
    value: async (script, options) => {
      const { result, error } = await run(script, options);
      if (error !== undefined) throw new Error(`the script failed: ${JSON.stringify(error)}`);
      return result;
    },
  };
}
