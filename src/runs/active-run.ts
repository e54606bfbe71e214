import type { AccessRules, Principal } from "../config/principal.ts";
import type { RunLimits } from "../config/limits.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { Asker } from "../upstream/asker.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { Job } from "../queue/run-queue.ts";
import type { RunRecord } from "../store/run-store.ts";
import type { RunEventLog } from "./run-events.ts";
import type { RunOutcome, RunRequest } from "./run.ts";

/** A run that this process holds: waiting, running, or ended a moment ago. */
export interface ActiveRun {
  /** Without the text of the request. */
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
  readonly events: RunEventLog;
  /** Set while it executes: tells the calls made so far. */
  bridge: Bridge | undefined;
  /** Set when it has ended. */
  outcome: RunOutcome | undefined;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  readonly end: () => void;
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
export function toJob({ record, request }: ActiveRun): Job {
  return { runId: record.id, principal: record.principal, priority: request.priority ?? 0 };
}
