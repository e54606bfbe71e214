import type { AccessRules } from "../config/principal.ts";
import type { CallUnit, ToolResult } from "../gateway/call.ts";
import { outcomeUnknown } from "../gateway/interceptors/again.ts";
import { boundText, byteLength } from "../lib/bounded-text.ts";
import { RunletError, errorInfo, toErrorInfo } from "../lib/errors.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import { traceField } from "../lib/trace-context.ts";
import type { CallRecord, CallStart } from "../store/journal.ts";
import { toArguments } from "./arguments.ts";
import { isAttemptOver } from "./attempt-over.ts";
import type { BridgeOptions } from "./bridge-options.ts";
import { CallGrants } from "./call-grants.ts";
import { CallLedger } from "./call-ledger.ts";
import type { Ending } from "./call-ledger.ts";
import { ProgressReports } from "./call-progress.ts";
import { readCall, Targets } from "./call-target.ts";
import type { Target } from "./call-target.ts";
import type { CallReply, StandStill } from "./execution-host.ts";
import { answerMeta, isMetaPath } from "./meta-calls.ts";
import { isSettled, keyOf, RecordedCalls } from "./recorded-calls.ts";
import { stillAsker } from "./still-asker.ts";

/** Failures of the gateway's own checks, which come before anything is sent. */
const NOT_SENT: ReadonlySet<ErrorInfo["code"]> = new Set<ErrorInfo["code"]>([
  "TOOL_NOT_FOUND",
  "TOOL_ARGUMENTS_INVALID",
  "QUOTA_EXCEEDED",
  "RATE_LIMITED",
  "FLOW_DENIED",
  "APPROVAL_DENIED",
  "CALL_NOT_MADE",
]);
const DENIED: ReadonlySet<ErrorInfo["code"]> = new Set<ErrorInfo["code"]>([
  "TOOL_NOT_FOUND",
  "FLOW_DENIED",
  "APPROVAL_DENIED",
]);

/** What a call waits by: what ends it, what tells the script, and what stops the run's time meanwhile. */
export interface CallWait {
  readonly signal: AbortSignal;
  readonly reply: (reply: CallReply) => void;
  readonly standStill: StandStill | undefined;
}

/** A call as it came. */
interface AskedCall extends CallWait {
  readonly seq: number;
  readonly key: string;
  readonly pathText: string;
  readonly argsText: string;
  /** What an earlier attempt journaled of it. */
  readonly recorded: CallRecord | undefined;
}

/** A call whose tool and arguments are known. */
interface PreparedCall extends AskedCall {
  readonly target: Target;
  readonly args: Readonly<Record<string, unknown>>;
  readonly start: CallStart;
}

/** What a call is made with beside what the script asked. */
interface Making {
  readonly approved?: true;
  /** An earlier attempt sent it and died. */
  readonly again?: true;
}

/**
 * Makes the calls of one attempt of a run: counts, resolves, journals and dispatches them, and tells the script in one order
 * how they ended. What earlier attempts were answered is answered again from the journal; a call that they sent and whose end
 * nobody knows is made again only where that is harmless; one that waits for a decision is neither made nor answered.
 */
export class RunCalls {
  readonly #options: BridgeOptions;
  readonly #attempt: number;
  /** Stands for the run: what one of its scripts was answered, the next may know. */
  readonly #answered = new Map<string, { readonly server: string; readonly tool: string }>();
  readonly #unit: CallUnit;
  readonly #recorded: RecordedCalls;
  readonly #ledger: CallLedger;
  readonly #grants: CallGrants;
  readonly #progress: ProgressReports;
  readonly #targets = new Targets();
  readonly #inFlight = new Set<Promise<unknown>>();
  /** Calls of tools that are not read-only which were, or may have been, dispatched. */
  #mayHaveChanged = 0;

  constructor(options: BridgeOptions) {
    const { clock, recorded = [], attempt = 1 } = options;
    this.#options = options;
    this.#attempt = attempt;
    const answered = this.#answered;
    this.#unit = { answered: { [Symbol.iterator]: () => answered.values() } };
    this.#recorded = new RecordedCalls(recorded);
    this.#ledger = new CallLedger(options, this.#recorded);
    this.#grants = new CallGrants(recorded);
    this.#progress = new ProgressReports(clock, (progress) => options.listener.callProgress(progress));
  }

  /** What is known of the calls, and when the script is told. */
  get ledger(): CallLedger {
    return this.#ledger;
  }

  /** Calls that have begun and not ended. */
  get inFlight(): ReadonlySet<Promise<unknown>> {
    return this.#inFlight;
  }

  /** Whether a call of a tool that is not read-only may have reached it. */
  get changedSomething(): boolean {
    return this.#mayHaveChanged > 0;
  }

  /**
   * Makes one call for the script.
   *
   * @param pathText JSON text of the names after `mcp.`. @param argsText JSON text of the positional arguments.
   */
  make(pathText: string, argsText: string, waiting: CallWait): void {
    const work = this.#make(pathText, argsText, waiting);
    this.#inFlight.add(work);
    void work.finally(() => this.#inFlight.delete(work));
  }

  /** Never rejects. */
  async #make(pathText: string, argsText: string, waiting: CallWait): Promise<void> {
    const seq = this.#ledger.admit(byteLength(argsText), waiting.reply);
    if (seq === undefined) return;
    try {
      const key = keyOf(pathText, argsText);
      const recorded = this.#recorded.find(seq, { key, pathText });
      const call: AskedCall = { ...waiting, seq, key, pathText, argsText, recorded };
      if (recorded === undefined || !isSettled(recorded)) await this.#perform(call);
      else {
        this.#noteRepeated(recorded);
        this.#ledger.repeat(recorded, call);
      }
    } catch (error) {
      this.#break(error, waiting.signal);
    }
  }

  /** A call that an earlier attempt made is a part of the run as any other: for repairs, and for what may flow where. */
  #noteRepeated({ kind, server, tool, error }: CallRecord): void {
    if (kind === "own" || (error !== undefined && NOT_SENT.has(error.code))) return;
    this.#noteAnswer({ server, tool });
    const { catalogs, principal, narrow } = this.#options;
    const known = catalogs.current(principal, narrow).find(server, tool);
    if (known?.class !== "read") this.#mayHaveChanged++;
  }

  #noteAnswer({ server, tool }: { readonly server: string; readonly tool: string }): void {
    this.#answered.set(`${server}__${tool}`, { server, tool });
  }

  /** Makes a call that was not answered before. @throws What breaks the attempt. */
  async #perform(call: AskedCall): Promise<void> {
    const { callBytes, principal } = this.#options;
    const { argsText, signal } = call;
    let prepared: PreparedCall | undefined;
    let ownJson: string | undefined;
    let failure: ErrorInfo | undefined;
    let lease: Disposable | undefined;
    try {
      try {
        lease =
          callBytes.tryTake(principal.id, argsText.length) ??
          (await callBytes.take(principal.id, argsText.length, signal));
        const found = await this.#prepare(call);
        if (typeof found === "string") ownJson = found;
        else prepared = found;
      } catch (error) {
        if (isAttemptOver(signal)) return;
        failure = this.#toInfo(error);
      }
      const { recorded } = call;
      if (failure !== undefined && recorded?.outcome === "pending") return await this.#lost(call, recorded);
      if (prepared !== undefined) await this.#journaled(prepared);
      else await this.#own(call, { outcome: failure ? "error" : "ok", resultJson: ownJson, error: failure });
    } finally {
      lease?.[Symbol.dispose]();
    }
  }

  /** Finds what a call is of. @returns The answer's JSON text for what is answered from the catalog. */
  async #prepare(call: AskedCall): Promise<PreparedCall | string> {
    const { signal, seq, key } = call;
    const { path, args } = readCall(call.pathText, call.argsText);
    const { catalogs, principal, narrow, runId, clock } = this.#options;
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
    const target = this.#targets.of(resolution);
    const bound = toArguments(target.tool, args, path);
    const argumentsJson = canonicalJson(bound);
    this.#ledger.journalBytes.require(byteLength(argumentsJson));
    const { server, name: tool } = target;
    const attempt = this.#attempt;
    const startedAtMs = clock.now();
    const start: CallStart = { runId, seq, attempt, kind: "tool", key, server, tool, argumentsJson, startedAtMs };
    return { ...call, target, args: bound, start };
  }

  /** Writes down what was not sent to a server, and tells the script. */
  async #own(call: AskedCall, ending: Ending): Promise<void> {
    const { journal, clock, runId } = this.#options;
    const { seq, key } = call;
    const tool = boundText(call.pathText, this.#options.limits.errorBytes);
    const startedAtMs = clock.now();
    const start: CallStart = {
      runId,
      seq,
      attempt: this.#attempt,
      kind: "own",
      key,
      server: "",
      tool,
      argumentsJson: "[]",
      startedAtMs,
    };
    await this.#ledger.finish(call, ending, (settlement) => journal.record(start, settlement));
  }

  /** A call that an earlier attempt sent, and whose tool is not there any more. */
  async #lost(call: AskedCall, recorded: CallRecord): Promise<void> {
    const { approval: _, ...before } = recorded;
    const start: CallStart = { ...before, attempt: this.#attempt };
    const ending: Ending = { outcome: "unknown", resultJson: undefined, error: outcomeUnknown() };
    this.#ledger.started({ ...call, start });
    await this.#ledger.settled({ ...call, start }, ending, (settled) => this.#options.journal.record(start, settled));
  }

  /** Writes the call down before it leaves and when it settles. A call that cannot be written down does not leave. */
  async #journaled(call: PreparedCall): Promise<void> {
    const { recorded, start } = call;
    const { journal, answers } = this.#options;
    const decided = recorded?.approval?.decided;
    const settleAtOnce = (ending: Ending): Promise<void> => {
      this.#ledger.started(call);
      return this.#ledger.settled(call, ending, (settlement) => journal.record(start, settlement));
    };
    if (recorded?.outcome === "awaiting" && decided?.decision !== "approve") {
      if (decided === undefined && !(await this.#isGranted(call))) return this.#ledger.wait(call);
      if (decided !== undefined)
        return settleAtOnce({ outcome: "denied", resultJson: undefined, error: deniedError(decided.reason) });
    }
    const answer = answers?.take(start);
    if (answer !== undefined) {
      const { resultJson, error } = answer;
      this.#noteAnswer(start);
      return settleAtOnce({ outcome: error === undefined ? "cached" : "error", resultJson, error });
    }
    if (answers?.isAll === true)
      return settleAtOnce({ outcome: "denied", resultJson: undefined, error: notMadeError() });
    try {
      await journal.begin(start);
    } catch (error) {
      if (error instanceof RunletError && error.code === "RUN_SUPERSEDED") throw error;
      return this.#own(call, { outcome: "error", resultJson: undefined, error: this.#toInfo(error) });
    }
    this.#ledger.started(call);
    const making: Making = {
      ...(recorded?.approval !== undefined && { approved: true }),
      ...(recorded?.outcome === "pending" && { again: true }),
    };
    await this.#send(call, making);
  }

  /** Sends a call that was written down. */
  async #send(call: PreparedCall, making: Making): Promise<void> {
    const { journal } = this.#options;
    const isRead = call.target.tool?.class === "read";
    if (!isRead) this.#mayHaveChanged++;
    let ending: Ending;
    let bytes = 0;
    try {
      const result = await this.#throughGateway(call, making);
      bytes = result.bytes;
      ending = { outcome: result.outcome, resultJson: JSON.stringify(result.value) ?? "null", error: undefined };
    } catch (error) {
      // Another attempt follows, and finds out whether it may be made again.
      if (isAttemptOver(call.signal)) return;
      const info = making.again === true ? unknownIfNotMade(this.#toInfo(error)) : this.#toInfo(error);
      if (!isRead && (NOT_SENT.has(info.code) || info.code === "APPROVAL_REQUIRED")) this.#mayHaveChanged--;
      if (info.code === "APPROVAL_REQUIRED") return this.#ask(call, info);
      const outcome = info.code === "CALL_OUTCOME_UNKNOWN" ? "unknown" : DENIED.has(info.code) ? "denied" : "error";
      ending = { outcome, resultJson: undefined, error: info };
    }
    await this.#ledger.settled(call, ending, (settlement) => journal.settle(call.start, settlement), bytes);
  }

  /** Somebody must approve the call: a grant of the run has, or it waits. */
  async #ask(call: PreparedCall, info: ErrorInfo): Promise<void> {
    const { journal, clock, listener } = this.#options;
    const { start, seq } = call;
    const askedAtMs = clock.now();
    const { expiresAfterMs } = (info.details ?? {}) as { readonly expiresAfterMs?: number };
    const expiresAtMs = askedAtMs + (expiresAfterMs ?? DEFAULT_EXPIRY_MS);
    await journal.ask(start, { askedAtMs, expiresAtMs });
    if (await this.#isGranted(call)) {
      await journal.begin(start);
      return this.#send(call, { approved: true });
    }
    listener.approvalRequested({ seq, server: start.server, tool: start.tool, expiresAtMs });
    this.#ledger.wait(call);
  }

  async #isGranted({ start, args, seq }: PreparedCall): Promise<boolean> {
    const { journal, clock, runId } = this.#options;
    const grantedBy = this.#grants.use({ server: start.server, tool: start.tool, args });
    if (grantedBy === undefined) return false;
    const decision = { decision: "approve", by: undefined, atMs: clock.now(), reason: undefined, grantedBy } as const;
    return (await journal.decide({ runId, seq }, decision))?.decision === "approve";
  }

  #throughGateway({ seq, target, args, signal, standStill }: PreparedCall, making: Making): Promise<ToolResult> {
    const { principal, narrow, limits, runId, gateway, asker, dryRun = false } = this.#options;
    return gateway.call({
      principal,
      narrow: narrow satisfies AccessRules | undefined,
      server: target.server,
      tool: target.name,
      arguments: args,
      signal,
      maxResultBytes: limits.toolResultBytes,
      runId,
      unit: this.#unit,
      asker: stillAsker(asker, standStill),
      traceContext: this.#ledger.trace,
      onProgress: this.#progress.of({ seq, server: target.server, tool: target.name }),
      ...making,
      ...(dryRun && { dryRun }),
    });
  }

  /** The attempt cannot go on; or it is over already, and nobody is to be told. */
  #break(error: unknown, signal: AbortSignal): void {
    const { onBroken, log, runId } = this.#options;
    if (isAttemptOver(signal)) return;
    const info = error instanceof RunletError ? error : new RunletError("INTERNAL", "A call failed", { cause: error });
    if (info.code === "INTERNAL")
      log.error({ runId, ...traceField(this.#ledger.trace), err: error }, "a tool call could not be journaled");
    onBroken?.(info);
  }

  #toInfo(error: unknown): ErrorInfo {
    const info = toErrorInfo(error);
    if (info.code === "INTERNAL")
      this.#options.log.error(
        { runId: this.#options.runId, ...traceField(this.#ledger.trace), err: error },
        "a tool call failed for a reason of ours",
      );
    return info;
  }
}

const DEFAULT_EXPIRY_MS = 24 * 3_600_000;

function deniedError(reason: string | undefined): ErrorInfo {
  const said = reason === undefined ? "" : `: ${reason}`;
  return errorInfo("APPROVAL_DENIED", `The call was not approved${said}`, {
    hint: "Nothing was sent. Do without it, or ask whoever decides.",
    ...(reason === undefined ? {} : { details: { reason } }),
  });
}

function notMadeError(): ErrorInfo {
  return errorInfo(
    "CALL_NOT_MADE",
    "Cannot make the call as a dry replay answers from its run: that made no such call",
    {
      hint: "Replay without dryRun to have it made.",
    },
  );
}

/** What was sent before and is refused now may have been done all the same. */
function unknownIfNotMade(info: ErrorInfo): ErrorInfo {
  return NOT_SENT.has(info.code) && info.code !== "TOOL_ARGUMENTS_INVALID" ? outcomeUnknown() : info;
}
