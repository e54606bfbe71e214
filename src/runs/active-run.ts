import type { AccessRules, Principal } from "../config/principal.ts";
import type { RunLimits } from "../config/limits.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { Asker } from "../upstream/asker.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { Job } from "../queue/run-queue.ts";
import type { RunRecord } from "../store/run-store.ts";
import type { RecordedAnswers } from "../bridge/recorded-answers.ts";
import type { CallRecord } from "../store/journal.ts";
import type { RunEventSink, ToldBefore } from "./run-events.ts";
import type { RunEvent, RunOutcome, RunRequest } from "./run.ts";

/** What one attempt of a run leaves to the next. */
export interface RunState {
  /** Scripts that a model wrote, in order, with when each began: they are not asked for again. */
  readonly scripts: readonly {
    readonly script: string;
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly startedAtMs: number;
  }[];
  /** What attempts before used. */
  readonly wallMs: number;
  readonly cpuMs: number;
  /** How often it was run again from the start. */
  readonly retried: number;
  /** Events that were told, where they are kept in the process. */
  readonly events?: readonly RunEvent[] | undefined;
}

/** The state of a run that was never taken up. */
export const NO_STATE: RunState = { scripts: [], wallMs: 0, cpuMs: 0, retried: 0 };

/** A run that this process holds: in line, running, or ended a moment ago. */
export interface ActiveRun {
  /** Without the texts of the request and the state. */
  record: RunRecord;
  /** Without `input`. */
  readonly request: Omit<RunRequest, "input">;
  /** JSON of the request's `input`: as values it would take many times that. */
  readonly inputJson: string | undefined;
  /** Length of the request's JSON. */
  readonly requestUnits: number;
  readonly principal: Principal;
  /** The request's own rules; they narrow the principal's. */
  readonly narrow: AccessRules | undefined;
  readonly limits: RunLimits;
  /** Who submitted it and waits for it, where that one can be asked for what a tool wants to know. */
  readonly asker: Asker | undefined;
  /** What its work is part of: where it came from, and once it is performed its own place. */
  trace: TraceContext | undefined;
  readonly events: RunEventSink;
  state: RunState;
  /** What its scripts' chance follows from, the same for all attempts and for replays. */
  seed: string;
  /** What the clock of its script reads first, in ms since the epoch. */
  startMs: number;
  /** What attempts before journaled, read when the run is taken up again. */
  recorded: readonly CallRecord[];
  /** What of its logs and values watchers were told before this attempt: they are not told again. */
  told: ToldBefore;
  /** Calls of the run that it replays. */
  answers: RecordedAnswers | undefined;
  /** Set while it executes: tells the calls made so far. */
  bridge: Bridge | undefined;
  /** Set when it has ended. */
  outcome: RunOutcome | undefined;
  /** Resolves when it has ended, or waits for a decision and is held no more. */
  readonly rested: Promise<void>;
  readonly rest: () => void;
}

/** The request's narrowing rules as access rules. */
export function narrowingOf(request: Pick<RunRequest, "servers" | "tools">): AccessRules | undefined {
  if (request.servers === undefined && request.tools === undefined) return undefined;
  return {
    ...(request.servers === undefined ? {} : { servers: request.servers }),
    ...(request.tools === undefined ? {} : { tools: new Map(Object.entries(request.tools)) }),
  };
}

/** A run as its queue knows it. */
export function toJob({ record, request }: Pick<ActiveRun, "record" | "request">): Job {
  const { id: runId, principal, attempt, createdAtMs } = record;
  const { priority = 0, delayMs } = request;
  const isLater = attempt === 0 && delayMs !== undefined && delayMs > 0;
  return { runId, principal, priority, attempt: attempt + 1, ...(isLater && { notBeforeMs: createdAtMs + delayMs }) };
}
