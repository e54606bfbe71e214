import type { CatalogSource, CatalogTool, ToolResolution } from "../catalog/catalog.ts";
import type { RunLimits } from "../config/limits.ts";
import type { AccessRules, Principal } from "../config/principal.ts";
import type { Gateway, ToolResult } from "../gateway/call.ts";
import { boundText, byteLength } from "../lib/bounded-text.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import { isStringArray } from "../lib/guards.ts";
import type { JsonValue } from "../lib/guards.ts";
import { canonicalJson, isDeeperThan, parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import { traceField } from "../lib/trace-context.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { CallSettlement, Journal } from "../store/journal.ts";
import type { Asker } from "../upstream/asker.ts";
import { toArguments } from "./arguments.ts";
import type { CallSummary } from "./call-summary.ts";
import type { CallBytes } from "./call-bytes.ts";
import { ProgressReports } from "./call-progress.ts";
import type { ProgressOfCall } from "./call-progress.ts";
import { CallTable } from "./call-table.ts";
import type { CallReply, ExecutionHost, StandStill } from "./execution-host.ts";
import { answerMeta, isMetaPath } from "./meta-calls.ts";
import { MAX_EMITTED_VALUES, MAX_NESTING, MAX_PATH_UNITS } from "./protocol.ts";
import type { LogLevel } from "./protocol.ts";
import { RunLog } from "./run-log.ts";
import type { LogLine } from "./run-log.ts";
import { stillAsker } from "./still-asker.ts";

/** What a run's bridge tells its watchers. */
export interface BridgeListener {
  log(line: LogLine): void;
  /** @param json JSON text of the value: it is kept as text, as values take many times that. */
  emit(json: string): void;
  callStarted(call: { readonly seq: number; readonly server: string; readonly tool: string }): void;
  callProgress(progress: ProgressOfCall): void;
  callSettled(call: {
    readonly seq: number;
    readonly server: string;
    readonly tool: string;
    readonly outcome: CallSettlement["outcome"];
    readonly ms: number;
  }): void;
}

/** What one run's bridge works with. */
export interface BridgeOptions {
  readonly runId: string;
  readonly principal: Principal;
  /** Rules of the run; they narrow the principal's. */
  readonly narrow: AccessRules | undefined;
  readonly limits: RunLimits;
  readonly catalogs: CatalogSource;
  readonly gateway: Gateway;
  readonly journal: Journal;
  /** Shared by all runs. */
  readonly callBytes: CallBytes;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: BridgeListener;
  /** Who can be asked for what a tool wants to know. */
  readonly asker?: Asker | undefined;
}

const PENDING = { ms: undefined, outcome: "pending", resultBytes: 0 } as const;
/** Failures of the gateway's own checks, which come before anything is sent. */
const NOT_SENT: ReadonlySet<ErrorInfo["code"]> = new Set<ErrorInfo["code"]>([
  "TOOL_NOT_FOUND",
  "TOOL_ARGUMENTS_INVALID",
  "QUOTA_EXCEEDED",
  "RATE_LIMITED",
  "FLOW_DENIED",
]);
/** Calls of unknown tools that are told the nearest ones; finding them compares the name with every tool's. */
const MAX_SUGGESTIONS = 8;
/** How long calls that a script left in flight may take to end once they are cancelled. */
const SETTLE_WITHIN_MS = 500;

/**
 * Host half of one run's script ↔ host: resolves what a script wrote to a tool, counts, journals and dispatches its
 * calls, collects its logs and emitted values. Trusts nothing that comes from the executor process.
 */
export class Bridge {
  readonly runLog: RunLog;
  /** JSON texts. */
  #emitted: string[] = [];
  readonly #options: BridgeOptions;
  /** Stands for the run: what one of its scripts was answered, the next may know. */
  readonly #unit = {};
  readonly #calls: CallTable;
  readonly #progress: ProgressReports;
  readonly #summaries = new Map<number, CallSummary>();
  readonly #inFlight = new Set<Promise<unknown>>();
  #emittedBytes = 0;
  #emittedValues = 0;
  /** Calls of tools that are not read-only which were, or may have been, dispatched. */
  #mayHaveChanged = 0;
  #unknownTools = 0;
  /** What calls of the script that executes now are part of. */
  #trace: TraceContext | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#calls = new CallTable(options.limits);
    this.runLog = new RunLog(options.limits);
    this.#progress = new ProgressReports(options.clock, (progress) => options.listener.callProgress(progress));
  }

  /**
   * The host of one execution; the bridge lives as long as the run, which may execute more than one script.
   *
   * @param signal Aborts when the execution is over: calls in flight are cancelled upstream.
   * @param trace What its calls are part of.
   */
  host(signal: AbortSignal, trace?: TraceContext): ExecutionHost {
    this.#trace = trace;
    return {
      call: (_, path, args, standStill) => {
        const reply = this.#call(path, args, { signal, standStill });
        this.#inFlight.add(reply);
        void reply.finally(() => this.#inFlight.delete(reply));
        return reply;
      },
      log: (level, atMs, text) => this.log(level, atMs, text),
      emit: (json) => this.#emit(json),
    };
  }

  /** Waits until cancelled calls have settled, for a bounded time. */
  async settled(): Promise<void> {
    if (this.#inFlight.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(SETTLE_WITHIN_MS, resolve);
    await Promise.race([Promise.allSettled(this.#inFlight), promise]);
    timer.cancel();
  }

  /** The values emitted so far, in order; made anew at each reading. */
  get emitted(): readonly JsonValue[] {
    return this.#emitted.map((json) => JSON.parse(json) as JsonValue);
  }

  /** Forgets the values of a script that is replaced by another; they still count against the limit. */
  discardEmitted(): void {
    this.#emitted = [];
  }

  /** The calls made so far, in order. */
  get calls(): readonly CallSummary[] {
    return [...this.#summaries.values()];
  }

  /** Whether a call of a tool that is not read-only may have reached it: running the script again could repeat its effect. */
  get changedSomething(): boolean {
    return this.#mayHaveChanged > 0;
  }

  /** Keeps a log line and tells the watchers. */
  log(level: LogLevel, atMs: number, text: string): void {
    const line = this.runLog.add(level, atMs, text);
    if (line !== undefined) this.#options.listener.log(line);
  }

  /** Keeps an emitted value and tells the watchers; what is over the limit or no JSON is dropped with a log line. */
  #emit(json: string): void {
    this.#emittedBytes += byteLength(json);
    this.#emittedValues++;
    const isOver = this.#emittedBytes > this.#options.limits.emittedBytes || this.#emittedValues > MAX_EMITTED_VALUES;
    const parsed = isOver ? undefined : parseJson(json);
    if (parsed === undefined || isDeeperThan(parsed.value, MAX_NESTING)) {
      this.log(
        "warn",
        0,
        "EMIT_LIMIT: an emitted value was dropped because the run's limit is reached or it is no JSON",
      );
      return;
    }
    this.#emitted.push(json);
    this.#options.listener.emit(json);
  }

  /**
   * Makes one call for the script. Never rejects.
   *
   * @param pathText JSON text of the names after `mcp.`.
   * @param argsText JSON text of the positional arguments.
   */
  async #call(pathText: string, argsText: string, waiting: CallWait): Promise<CallReply> {
    const { signal } = waiting;
    try {
      const seq = this.#calls.admit(byteLength(argsText));
      try {
        const { callBytes, principal } = this.#options;
        using _lease =
          callBytes.tryTake(principal.id, argsText.length) ??
          (await callBytes.take(principal.id, argsText.length, signal));
        const { path, args } = readCall(pathText, argsText);
        return { ok: true, json: await this.#dispatch(seq, path, args, waiting) };
      } finally {
        this.#calls.release();
      }
    } catch (error) {
      const info = this.#toInfo(error);
      // A message may quote what the script wrote, which is of any length.
      return {
        ok: false,
        json: JSON.stringify({ ...info, message: boundText(info.message, this.#options.limits.errorBytes) }),
      };
    }
  }

  async #dispatch(seq: number, path: readonly string[], args: readonly unknown[], waiting: CallWait): Promise<string> {
    const { signal } = waiting;
    const { catalogs, principal, narrow } = this.#options;
    let catalog = catalogs.current(principal, narrow);
    if (isMetaPath(path)) {
      if (catalog.unlisted.length > 0) catalog = await catalogs.settled(principal, narrow, { signal });
      return JSON.stringify(answerMeta(path, args, catalog));
    }
    let resolution = catalog.resolve(path);
    if (resolution.kind !== "tool" && catalog.unlisted.length > 0) {
      // What a word means is known when its server has listed its tools; where the server is named, no other matters.
      const only = resolution.kind === "unlisted" ? { servers: [resolution.server] } : {};
      catalog = await catalogs.settled(principal, narrow, { signal, ...only });
      resolution = catalog.resolve(path);
    }
    if (resolution.kind === "unknown" && ++this.#unknownTools > MAX_SUGGESTIONS) throw unknownAgain();
    const target = toTarget(resolution);
    return this.#journaled({ seq, target, args: toArguments(target.tool, args, path), ...waiting });
  }

  /** Writes the call down before it leaves and when it settles. A call that cannot be written down does not leave. */
  async #journaled(call: PreparedCall): Promise<string> {
    const { seq, target } = call;
    const { runId, journal, clock, listener } = this.#options;
    const { server, name: tool } = target;
    const startedAtMs = clock.now();
    const argumentsJson = canonicalJson(call.args);
    await journal.begin({ runId, seq, server, tool, argumentsJson, startedAtMs });
    const started = { seq, server, tool, argsBytes: byteLength(argumentsJson), startedAtMs };
    this.#summaries.set(seq, { seq, server, tool, argsBytes: started.argsBytes, ...PENDING });
    listener.callStarted({ seq, server, tool });
    const isRead = target.tool?.class === "read";
    if (!isRead) this.#mayHaveChanged++;
    try {
      const result = await this.#throughGateway(call);
      const resultJson = JSON.stringify(result.value) ?? "null";
      await this.#settle(started, { outcome: result.outcome, resultJson, error: undefined }, result.bytes);
      return resultJson;
    } catch (error) {
      const info = this.#toInfo(error);
      if (!isRead && NOT_SENT.has(info.code)) this.#mayHaveChanged--;
      const outcome = ["TOOL_NOT_FOUND", "FLOW_DENIED"].includes(info.code) ? "denied" : "error";
      await this.#settle(started, { outcome, resultJson: undefined, error: info }, 0);
      throw error;
    }
  }

  /** Never rejects: how a call went is known to the script whether or not it could be written down. */
  async #settle(
    { seq, server, tool, argsBytes, startedAtMs }: StartedCall,
    settlement: Omit<CallSettlement, "settledAtMs">,
    resultBytes: number,
  ): Promise<void> {
    const { runId, journal, clock, listener, log } = this.#options;
    const settledAtMs = clock.now();
    const ms = settledAtMs - startedAtMs;
    const { outcome, error } = settlement;
    const failure = error === undefined ? {} : { error: error.code };
    this.#summaries.set(seq, { seq, server, tool, argsBytes, ms, outcome, resultBytes, ...failure });
    try {
      await journal.settle(runId, seq, { ...settlement, settledAtMs });
    } catch (reason) {
      log.error(
        { runId, seq, ...traceField(this.#trace), err: reason },
        "the outcome of a tool call could not be journaled",
      );
    }
    listener.callSettled({ seq, server, tool, outcome, ms });
  }

  #throughGateway({ seq, target, args, signal, standStill }: PreparedCall): Promise<ToolResult> {
    const { principal, narrow, limits, runId, gateway, asker } = this.#options;
    return gateway.call({
      principal,
      narrow,
      server: target.server,
      tool: target.name,
      arguments: args,
      signal,
      maxResultBytes: limits.toolResultBytes,
      runId,
      unit: this.#unit,
      asker: stillAsker(asker, standStill),
      traceContext: this.#trace,
      onProgress: this.#progress.of({ seq, server: target.server, tool: target.name }),
    });
  }

  #toInfo(error: unknown): ErrorInfo {
    const info = toErrorInfo(error);
    if (info.code === "INTERNAL")
      this.#options.log.error(
        { runId: this.#options.runId, ...traceField(this.#trace), err: error },
        "a tool call failed for a reason of ours",
      );
    return info;
  }
}

/** A call that was written down. */
interface StartedCall extends Pick<CallSummary, "seq" | "server" | "tool" | "argsBytes"> {
  readonly startedAtMs: number;
}

/** What a call waits by: what ends it, and what stops the run's time meanwhile. */
interface CallWait {
  readonly signal: AbortSignal;
  readonly standStill: StandStill | undefined;
}

/** A call whose tool and arguments are known. */
interface PreparedCall extends CallWait {
  readonly seq: number;
  readonly target: Target;
  readonly args: Readonly<Record<string, unknown>>;
}

/** The tool a path means; `tool` is unknown while its server was never listed. */
interface Target {
  readonly server: string;
  readonly name: string;
  readonly tool: CatalogTool | undefined;
}

/**
 * Rebuilds a call from its texts.
 *
 * @throws ARGUMENTS_TOO_LARGE when they are nested too deep: getters that give something else each time bring that past the
 *   runtime's own check; INTERNAL: only a process that is not ours any more sends others.
 */
function readCall(pathText: string, argsText: string): { readonly path: string[]; readonly args: unknown[] } {
  const path = pathText.length > MAX_PATH_UNITS ? undefined : parseJson(pathText)?.value;
  const args = parseJson(argsText)?.value;
  if (!isStringArray(path) || !Array.isArray(args))
    throw new RunletError("INTERNAL", "Cannot read the call as it is not of the protocol");
  if (!isDeeperThan(args, MAX_NESTING)) return { path, args };
  throw new RunletError(
    "ARGUMENTS_TOO_LARGE",
    `Cannot make the call as arguments may be nested ${MAX_NESTING} deep: these are deeper`,
    { hint: "Pass flatter arguments." },
  );
}

type UnknownTool = Extract<ToolResolution, { readonly kind: "unknown" }>;

/** @throws TOOL_NOT_FOUND with the nearest names. */
function toTarget(resolution: ToolResolution): Target {
  switch (resolution.kind) {
    case "tool":
      return { server: resolution.tool.server, name: resolution.tool.name, tool: resolution.tool };
    case "unlisted":
      return { server: resolution.server, name: resolution.name, tool: undefined };
    case "unknown":
      throw unknownTool(resolution);
    default:
      return resolution satisfies never;
  }
}

function unknownAgain(): RunletError {
  const message = `Cannot call the tool as there is none of this name: ${MAX_SUGGESTIONS} calls before named none either`;
  return new RunletError("TOOL_NOT_FOUND", message, {
    hint: "`await mcp.$servers()` lists the tools; what is like a name was told of the first calls.",
    details: { nearest: [] },
  });
}

function unknownTool({ message, nearest }: UnknownTool): RunletError {
  return new RunletError("TOOL_NOT_FOUND", message, {
    ...(nearest.length === 0 ? {} : { hint: `Did you mean ${nearest.map((tool) => tool.signature).join(" or ")}?` }),
    details: { nearest: nearest.map((tool) => `${tool.namespace}.${tool.method}`) },
  });
}
