import type { Catalog, CatalogSource, CatalogTool } from "../catalog/catalog.ts";
import type { RunLimits } from "../config/limits.ts";
import type { AccessRules, Principal } from "../config/principal.ts";
import type { Gateway, ToolResult } from "../gateway/call.ts";
import { byteLength } from "../lib/bounded-text.ts";
import type { Clock } from "../lib/clock.ts";
import { errorInfo, RunletError, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import { isRecord, isStringArray } from "../lib/guards.ts";
import { canonicalJson, parseJson } from "../lib/json.ts";
import type { Log } from "../lib/log.ts";
import type { CallSettlement, Journal } from "../store/journal.ts";
import { toArguments } from "./arguments.ts";
import { CallTable } from "./call-table.ts";
import { answerMeta, isMetaPath } from "./meta-calls.ts";
import type { LogLevel } from "./protocol.ts";
import { RunLog } from "./run-log.ts";
import type { LogLine } from "./run-log.ts";

/** What a run's bridge tells its watchers. */
export interface BridgeListener {
  log(line: LogLine): void;
  emit(value: unknown): void;
  callStarted(call: { readonly seq: number; readonly server: string; readonly tool: string }): void;
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
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the run is over: calls in flight are cancelled upstream. */
  readonly signal: AbortSignal;
  readonly listener: BridgeListener;
}

/** An answer as it crosses into the isolate. */
interface Reply {
  readonly ok: boolean;
  readonly json: string;
}

/**
 * Host half of one run's script ↔ host: resolves what a script wrote to a tool, counts, journals and dispatches its
 * calls, collects its logs and emitted values. Trusts nothing that comes from the executor process.
 */
export class Bridge {
  readonly runLog: RunLog;
  readonly emitted: unknown[] = [];
  readonly #options: BridgeOptions;
  readonly #calls: CallTable;
  #emittedBytes = 0;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#calls = new CallTable(options.limits);
    this.runLog = new RunLog(options.limits);
  }

  /** Tool calls made so far. */
  get callsMade(): number {
    return this.#calls.made;
  }

  /** Keeps a log line and tells the watchers. */
  log(level: LogLevel, atMs: number, text: string): void {
    const line = this.runLog.add(level, atMs, text);
    if (line !== undefined) this.#options.listener.log(line);
  }

  /** Keeps an emitted value and tells the watchers; what is over the limit or no JSON is dropped with a log line. */
  emit(json: string): void {
    this.#emittedBytes += byteLength(json);
    const parsed = this.#emittedBytes > this.#options.limits.emittedBytes ? undefined : parseJson(json);
    if (parsed === undefined) {
      this.log("warn", 0, "EMIT_LIMIT: an emitted value was dropped because the run's limit is reached");
      return;
    }
    this.emitted.push(parsed.value);
    this.#options.listener.emit(parsed.value);
  }

  /**
   * Makes one call for the script. Never rejects.
   *
   * @param pathText JSON text of the names after `mcp.`.
   * @param argsText JSON text of the positional arguments.
   */
  async call(pathText: string, argsText: string): Promise<Reply> {
    try {
      const path = parseJson(pathText)?.value;
      const args = parseJson(argsText)?.value;
      if (!isStringArray(path) || !Array.isArray(args))
        throw new RunletError("INTERNAL", "Cannot read the call as it is not of the protocol");
      const seq = this.#calls.admit(byteLength(argsText));
      try {
        return { ok: true, json: await this.#dispatch(seq, path, args) };
      } finally {
        this.#calls.release();
      }
    } catch (error) {
      return { ok: false, json: JSON.stringify(this.#toInfo(error)) };
    }
  }

  async #dispatch(seq: number, path: readonly string[], args: readonly unknown[]): Promise<string> {
    const { catalogs, principal, narrow } = this.#options;
    let catalog = catalogs.current(principal.access, narrow);
    if (isMetaPath(path)) {
      if (catalog.unlisted.length > 0) catalog = await this.#settledCatalog();
      return JSON.stringify(answerMeta(path, args, catalog));
    }
    let target = resolveTarget(catalog, path);
    if (target === undefined && catalog.unlisted.length > 0) {
      catalog = await this.#settledCatalog();
      target = resolveTarget(catalog, path);
    }
    if (target === undefined) {
      const resolution = catalog.resolve(path);
      throw unknownTool(path, resolution.kind === "unknown" ? resolution : undefined);
    }
    return this.#journaled(seq, target, toArguments(target.tool, args, path));
  }

  #settledCatalog(): Promise<Catalog> {
    const { catalogs, principal, narrow, signal } = this.#options;
    return catalogs.settled(principal.access, narrow, signal);
  }

  /** Writes the call down before it leaves and when it settles. */
  async #journaled(seq: number, target: Target, args: Readonly<Record<string, unknown>>): Promise<string> {
    const { runId, journal, clock, listener } = this.#options;
    const { server, name: tool } = target;
    const startedAtMs = clock.now();
    await journal.begin({ runId, seq, server, tool, argumentsJson: canonicalJson(args), startedAtMs });
    listener.callStarted({ seq, server, tool });
    const settle = async (settlement: Omit<CallSettlement, "settledAtMs">): Promise<void> => {
      const settledAtMs = clock.now();
      await journal.settle(runId, seq, { ...settlement, settledAtMs });
      listener.callSettled({ seq, server, tool, outcome: settlement.outcome, ms: settledAtMs - startedAtMs });
    };
    let result: ToolResult;
    try {
      result = await this.#throughGateway(target, args);
    } catch (error) {
      const info = this.#toInfo(error);
      await settle({
        outcome: info.code === "TOOL_NOT_FOUND" ? "denied" : "error",
        resultJson: undefined,
        error: info,
      });
      throw error;
    }
    const resultJson = JSON.stringify(result.value) ?? "null";
    await settle({ outcome: result.outcome, resultJson, error: undefined });
    return resultJson;
  }

  #throughGateway(target: Target, args: Readonly<Record<string, unknown>>): Promise<ToolResult> {
    const { principal, narrow, signal, limits, runId, gateway } = this.#options;
    return gateway.call({
      principal,
      narrow,
      server: target.server,
      tool: target.name,
      arguments: args,
      signal,
      maxResultBytes: limits.toolResultBytes,
      runId,
    });
  }

  #toInfo(error: unknown): ErrorInfo {
    const info = toErrorInfo(error);
    if (info.code === "INTERNAL")
      this.#options.log.error({ runId: this.#options.runId, err: error }, "a tool call failed for a reason of ours");
    return info;
  }
}

/** The tool a path means; `tool` is unknown while its server was never listed. */
interface Target {
  readonly server: string;
  readonly name: string;
  readonly tool: CatalogTool | undefined;
}

function resolveTarget(catalog: Catalog, path: readonly string[]): Target | undefined {
  const resolution = catalog.resolve(path);
  switch (resolution.kind) {
    case "tool":
      return { server: resolution.tool.server, name: resolution.tool.name, tool: resolution.tool };
    case "unlisted":
      return { server: resolution.server, name: resolution.name, tool: undefined };
    case "unknown":
      return undefined;
    default:
      return resolution satisfies never;
  }
}

function unknownTool(
  path: readonly string[],
  unknown: { readonly message: string; readonly nearest: readonly CatalogTool[] } | undefined,
): RunletError {
  const nearest = unknown?.nearest ?? [];
  const info = errorInfo("TOOL_NOT_FOUND", unknown?.message ?? `There is no tool mcp.${path.join(".")}`);
  return new RunletError("TOOL_NOT_FOUND", info.message, {
    ...(nearest.length === 0 ? {} : { hint: `Did you mean ${nearest.map((tool) => tool.signature).join(" or ")}?` }),
    details: { nearest: nearest.map((tool) => `${tool.namespace}.${tool.method}`) },
  });
}
