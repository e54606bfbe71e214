import { createHash } from "node:crypto";
import type { ResultJson } from "../executor/executor.ts";
import { byteLength } from "../lib/bounded-text.ts";
import type { Clock } from "../lib/clock.ts";
import { errorInfo, RunletError } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import type { JsonValue } from "../lib/guards.ts";
import { Thread, threadModule } from "../lib/thread.ts";
import type { Asker } from "../lib/thread.ts";
import type { SchemaProblem } from "./output-schema-check.ts";
import { toBytes } from "./result-reader.ts";

/** What the thread is asked: whether a schema can be used, or whether a result satisfies it. */
export interface SchemaQuestion {
  readonly schemaJson: string;
  /** The result as JSON, in shared memory where it is large; absent when only the schema is looked at. */
  readonly bytes: Uint8Array | undefined;
}

/** Longest schema, as JSON. Real ones have some KiB. */
const MAX_SCHEMA_BYTES = 256 * 1024;
/** Schemas that are known to be usable. */
const MAX_KNOWN = 1_000;
/** Schemas of one owner that may wait to be tried: each may take `COMPILE_WITHIN_MS`. */
const MAX_WAITING = 32;
/** For one schema, the start of the thread included. @source measured: 256 KiB of properties take some 300 ms */
const COMPILE_WITHIN_MS = 3_000;
/**
 * For one result: the start of the thread and the compilation, and more for a larger one.
 *
 * @source measured: 32 MiB of objects take some 1,500 ms
 */
const CHECK_WITHIN_MS = { least: 4_000, perMiB: 200, most: 10_000 } as const;
const IDLE_MS = 30_000;
/** What the values of a large result may take; a result that unfolds to more cannot be checked. */
const THREAD_HEAP_MIB = 1_024;
const NULL = "null";
const MIB = 1024 * 1024;

/**
 * The schemas that callers give for results. They and what is checked against them come from others, so both happen in a
 * thread that is ended when it takes too long: what could not be checked does not pass. Owners take turns. A `format` is
 * tested on texts of up to 1,024 characters.
 */
export class OutputSchemas {
  /** Apart from each other, so that runs that end do not wait for schemas that nobody has tried yet. */
  readonly #submitted: Thread<SchemaQuestion, readonly SchemaProblem[]>;
  readonly #ended: Thread<SchemaQuestion, readonly SchemaProblem[]>;
  /** Digests of usable schemas, the one used longest ago first. */
  readonly #known = new Set<string>();
  #isClosed = false;

  constructor(clock: Clock) {
    const options = {
      entry: threadModule("./output-schema-worker", import.meta.url),
      idleMs: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB },
      clock,
    };
    this.#submitted = new Thread({ ...options, name: "runlet-output-schemas" });
    this.#ended = new Thread({ ...options, name: "runlet-output-checks" });
  }

  /**
   * Refuses a schema that cannot be used, before anything runs.
   *
   * @throws REQUEST_INVALID; QUEUE_FULL when many of this owner wait; SHUTTING_DOWN.
   */
  async require(schema: JsonValue, owner: string): Promise<void> {
    const schemaJson = JSON.stringify(schema);
    const bytes = byteLength(schemaJson);
    if (bytes > MAX_SCHEMA_BYTES)
      throw invalid([{ pointer: "", message: `must be at most ${MAX_SCHEMA_BYTES} bytes long: it has ${bytes}` }]);
    const digest = createHash("sha256").update(schemaJson).digest("base64");
    if (!this.#known.delete(digest)) {
      if (this.#isClosed) throw stopping();
      if (this.#submitted.waiting(owner) >= MAX_WAITING) throw tooMany();
      const problems = await this.#submitted.ask({ schemaJson, bytes: undefined }, COMPILE_WITHIN_MS, { owner });
      if (problems === undefined) throw this.#isClosed ? stopping() : invalid([{ pointer: "", message: TOO_HARD }]);
      if (problems.length > 0) throw invalid(problems);
    }
    this.#known.add(digest);
    const [oldest] = this.#known;
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }

  /**
   * Checks a result against a schema that was not refused; no result counts as `null`.
   *
   * @returns RESULT_SCHEMA_MISMATCH with at most 10 problems, or `undefined` when the result satisfies it.
   * @throws The signal's reason when it aborts before the check began.
   */
  async mismatch(
    schema: JsonValue,
    result: ResultJson | undefined,
    asker: Required<Asker>,
  ): Promise<ErrorInfo | undefined> {
    const bytes = toBytes(result ?? NULL);
    const { least, perMiB, most } = CHECK_WITHIN_MS;
    const withinMs = Math.min(most, least + Math.ceil((bytes.byteLength / MIB) * perMiB));
    const problems = await this.#ended.ask({ schemaJson: JSON.stringify(schema), bytes }, withinMs, asker);
    return problems?.length === 0 ? undefined : mismatch(problems ?? [{ pointer: "", message: unchecked(withinMs) }]);
  }

  /** Ends the threads; what waits for them is refused. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#submitted.close();
    await this.#ended.close();
  }
}

const TOO_HARD = "takes too long or too much memory to be compiled and tried: simplify it, its patterns above all";

function unchecked(withinMs: number): string {
  return `cannot be checked: it takes longer than ${withinMs} ms or more memory than a check may have`;
}

function tooMany(): RunletError {
  return new RunletError(
    "QUEUE_FULL",
    `Cannot try the output schema as at most ${MAX_WAITING} of one client may wait: so many do`,
    {
      hint: "Come back later.",
      details: { retryAfterMs: COMPILE_WITHIN_MS },
    },
  );
}

function stopping(): RunletError {
  return new RunletError("SHUTTING_DOWN", "Cannot try the output schema as the service must be open: it is stopping");
}

function invalid(problems: readonly SchemaProblem[]): RunletError {
  const own = problems.map(({ pointer, message }) => ({ pointer: `/outputSchema${pointer}`, message }));
  const told = own.map(({ pointer, message }) => `${pointer} ${message}`).join("; ");
  return new RunletError("REQUEST_INVALID", `Cannot accept the run as its output schema must be usable: ${told}`, {
    hint: "Give a JSON Schema of the 2020-12 dialect or draft-07 that refers to parts of itself only.",
    details: { problems: own },
  });
}

function mismatch(problems: readonly SchemaProblem[]): ErrorInfo {
  const [first] = problems;
  const told = first === undefined ? "" : `: ${first.pointer === "" ? "it" : first.pointer} ${first.message}`;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return errorInfo("RESULT_SCHEMA_MISMATCH", `Cannot accept the result as it must satisfy outputSchema${told}${more}`, {
    hint: "Return a value of the shape that outputSchema describes.",
    details: { problems },
  });
}
