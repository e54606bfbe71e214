import type { ResultJson } from "../executor/executor.ts";
import { aborted } from "../lib/abort.ts";
import { byteLength } from "../lib/bounded-text.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { JsonValue } from "../lib/guards.ts";
import type { Log } from "../lib/log.ts";
import { resultGone } from "../store/refusals.ts";
import type { ResultStore, StoredResult } from "../store/result-store.ts";
import { OutputSchemas } from "./output-schema.ts";
import { ResultReader } from "./result-reader.ts";
import type { ReadResult } from "./result-reader.ts";
import type { RunView, WholeResult } from "./run.ts";

/** What a result is read for. */
export interface ResultNeeds {
  readonly replyBytes: number;
  /** The result must satisfy it; `undefined`: any does. */
  readonly outputSchema: JsonValue | undefined;
  /** Id of the principal whose run it is. */
  readonly owner: string;
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
}

/** A result as it was found. */
export interface FoundResult {
  /** Why it is not accepted, if it is not. */
  readonly error: ErrorInfo | undefined;
  /** `undefined` when the script returned none, or what it returned cannot be read. */
  readonly result: ReadResult | undefined;
}

/** What the results of runs are handled with. */
export interface RunResultsDeps {
  readonly store: ResultStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** The results of runs: read, checked, cut to what an answer carries, and kept whole. */
export class RunResults {
  readonly #deps: RunResultsDeps;
  readonly #reader: ResultReader;
  readonly #schemas: OutputSchemas;

  constructor(deps: RunResultsDeps) {
    this.#deps = deps;
    this.#reader = new ResultReader(deps.clock);
    this.#schemas = new OutputSchemas(deps.clock);
  }

  /** Refuses an output schema that cannot be used. @throws REQUEST_INVALID, QUEUE_FULL. */
  requireSchema(schema: JsonValue, owner: string): Promise<void> {
    return this.#schemas.require(schema, owner);
  }

  /** Reads what a script returned; no value counts as `null` for the schema. @throws The signal's reason. */
  async find(json: ResultJson | undefined, needs: ResultNeeds): Promise<FoundResult> {
    const { replyBytes, outputSchema, owner, signal } = needs;
    const asker = { owner, signal };
    const read = json === undefined ? undefined : await this.#reader.read(json, replyBytes, asker);
    if (read !== undefined && "code" in read) {
      if (read.fault === "service") this.#deps.log.error({ code: read.code }, "a result could not be read");
      return { error: read, result: undefined };
    }
    if (outputSchema === undefined) return { error: undefined, result: read };
    const error = await Promise.race([this.#schemas.mismatch(outputSchema, json, asker), aborted(signal)]);
    signal.throwIfAborted();
    return { error: error ?? undefined, result: read };
  }

  /**
   * Keeps the whole of a result that was cut. Never rejects: the run goes without.
   *
   * @returns Whether it is kept.
   */
  async keep(runId: string, whole: Uint8Array): Promise<boolean> {
    try {
      await this.#deps.store.put(runId, whole);
      return true;
    } catch (error) {
      this.#deps.log.warn(
        { runId, bytes: whole.byteLength, err: error },
        "the whole result of a run could not be kept",
      );
      return false;
    }
  }

  /**
   * The whole result of a run.
   *
   * @throws RUN_NOT_ENDED, RUN_WITHOUT_RESULT, RESULT_GONE.
   */
  async whole(run: RunView): Promise<WholeResult> {
    const { id, status, resultType, truncated } = run;
    if (status === "queued" || status === "running" || status === "waiting") throw notEnded(run);
    if (resultType === undefined || resultType === "none") throw withoutResult(run);
    if (truncated !== true) return inAnswer(resultType, run.result ?? null);
    const stored: StoredResult | undefined = await this.#deps.store.get(id);
    if (stored === undefined) throw resultGone(id);
    return { type: resultType, bytes: stored.bytes, parts: () => stored.parts() };
  }

  /** Ends the threads. Safe to call twice. */
  async close(): Promise<void> {
    await this.#reader.close();
    await this.#schemas.close();
  }
}

function inAnswer(type: WholeResult["type"], value: JsonValue): WholeResult {
  const json = JSON.stringify(value);
  return {
    type,
    bytes: byteLength(json),
    async *parts() {
      yield new TextEncoder().encode(json);
    },
  };
}

function notEnded({ status }: RunView): RunletError {
  return new RunletError(
    "RUN_NOT_ENDED",
    `Cannot give the result as the run must have ended: current status is ${status}`,
    {
      hint: "Wait for its end: GET /runs/{id} with `Prefer: wait=60`, or GET /runs/{id}/events.",
    },
  );
}

function withoutResult({ status, error }: RunView): RunletError {
  const why = error === undefined ? "" : ` (${error.code}: ${error.message})`;
  return new RunletError(
    "RUN_WITHOUT_RESULT",
    `Cannot give the result as the run must have one: current status is ${status}${why}`,
    { hint: "GET /runs/{id} says how the run ended.", ...(error === undefined ? {} : { details: { error } }) },
  );
}
