import type { ExecutionHost } from "../../../src/bridge/execution-host.ts";
import { BUILT_IN_LIMITS } from "../../../src/config/limits.ts";
import type { RunLimits } from "../../../src/config/limits.ts";
import type { ExecutionResult, Executor } from "../../../src/executor/executor.ts";
import { prepareScript } from "../../../src/script/prepare.ts";
import { answering } from "../../support/hosts.ts";
import { parseResult } from "../../support/executor.ts";

/** The default limits, tighter where a test would wait for them. */
export function limits(change: Partial<RunLimits> = {}): RunLimits {
  return { ...BUILT_IN_LIMITS.defaults, wallMs: 10_000, cpuMs: 3_000, ...change };
}

/** A host that keeps what it is told; calls are answered by `answer`, else with `null`. */
export interface RecordingHost extends ExecutionHost {
  readonly calls: { readonly path: string; readonly args: string }[];
  readonly logs: string[];
  readonly emitted: string[];
}

/** What `answer` throws for a call that failed. */
export class FailedCall extends Error {
  readonly info: object;

  /** @param info An `ErrorInfo` as the bridge tells it. */
  constructor(info: object) {
    super("a failed call");
    this.info = info;
  }
}

/** @param answer The value of a call, or throws a `FailedCall`. */
export function recordingHost(answer: (path: string[], args: unknown[]) => unknown = () => null): RecordingHost {
  const host: RecordingHost = {
    calls: [],
    logs: [],
    emitted: [],
    ...answering(async (path, args) => {
      host.calls.push({ path, args });
      try {
        const value = await answer(JSON.parse(path) as string[], JSON.parse(args) as unknown[]);
        return { ok: true, json: JSON.stringify(value) ?? "null" };
      } catch (error) {
        if (!(error instanceof FailedCall)) throw error;
        return { ok: false, json: JSON.stringify(error.info) };
      }
    }),
    log: (_, __, text) => void host.logs.push(text),
    emit: (json) => void host.emitted.push(json),
  };
  return host;
}

/** What one execution is asked for besides its text. */
export interface ExecuteOptions {
  readonly host?: ExecutionHost;
  readonly limits?: Partial<RunLimits>;
  readonly inputJson?: string;
  readonly signal?: AbortSignal;
  /** @default "tester" */
  readonly principal?: string;
}

/** Prepares and executes a script. */
export async function execute(
  executor: Executor,
  text: string,
  options: ExecuteOptions = {},
): Promise<ExecutionResult> {
  const script = await prepareScript(text, { maxBytes: 1_000_000 });
  return executor.execute(
    {
      principal: options.principal ?? "tester",
      script,
      inputJson: options.inputJson,
      namesJson: "{}",
      limits: limits(options.limits),
      seed: crypto.randomUUID(),
      startMs: Date.now(),
      signal: options.signal ?? new AbortController().signal,
    },
    options.host ?? recordingHost(),
  );
}

/** The value of a script that must succeed. */
export async function valueOf(executor: Executor, text: string, options: ExecuteOptions = {}): Promise<unknown> {
  const result = await execute(executor, text, options);
  if (result.status === "failed") throw new Error(`the script failed: ${JSON.stringify(result.error)}`);
  return result.resultJson === undefined ? undefined : parseResult(result.resultJson);
}

/** The error of a script that must fail. */
export async function errorOf(executor: Executor, text: string, options: ExecuteOptions = {}) {
  const result = await execute(executor, text, options);
  if (result.status === "succeeded") throw new Error(`the script succeeded: ${result.resultJson}`);
  return result.error;
}
