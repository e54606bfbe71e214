import type { CatalogSource } from "../catalog/catalog.ts";
import type { RunLimits } from "../config/limits.ts";
import type { AccessRules, Principal } from "../config/principal.ts";
import type { Gateway } from "../gateway/call.ts";
import type { Clock } from "../lib/clock.ts";
import type { RunletError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { CallRecord, CallSettlement, Journal } from "../store/journal.ts";
import type { Asker } from "../upstream/asker.ts";
import type { CallBytes } from "./call-bytes.ts";
import type { ProgressOfCall } from "./call-progress.ts";
import type { RecordedAnswers } from "./recorded-answers.ts";
import type { LogLine } from "./run-log.ts";

/** A call as a run's watchers are told of it. */
export interface WatchedCall {
  readonly seq: number;
  readonly server: string;
  readonly tool: string;
}

/** What a run's bridge tells its watchers. */
export interface BridgeListener {
  log(line: LogLine): void;
  /** @param json JSON text of the value: it is kept as text, as values take many times that. */
  emit(json: string): void;
  callStarted(call: WatchedCall): void;
  callProgress(progress: ProgressOfCall): void;
  callSettled(call: WatchedCall & { readonly outcome: CallSettlement["outcome"]; readonly ms: number }): void;
  /** A call waits for somebody's decision. */
  approvalRequested(call: WatchedCall & { readonly expiresAtMs: number }): void;
}

/** What one run's bridge works with. */
export interface BridgeOptions {
  readonly runId: string;
  /** Which attempt of the run this is. @default 1 */
  readonly attempt?: number;
  readonly principal: Principal;
  /** Rules of the run; they narrow the principal's. */
  readonly narrow: AccessRules | undefined;
  readonly limits: RunLimits;
  readonly catalogs: CatalogSource;
  readonly gateway: Gateway;
  readonly journal: Journal;
  /** What earlier attempts journaled: the script is told that again and goes on from there. @default nothing */
  readonly recorded?: readonly CallRecord[];
  /** Calls that change something are listed and not made. @default false */
  readonly dryRun?: boolean;
  /** Calls of another run that answer this one's. @default none */
  readonly answers?: RecordedAnswers | undefined;
  /** Shared by all runs. */
  readonly callBytes: CallBytes;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: BridgeListener;
  /** Who can be asked for what a tool wants to know. */
  readonly asker?: Asker | undefined;
  /** Every call that is in flight waits for a decision: nothing will happen before it. @default nobody is told */
  readonly onStill?: () => void;
  /** The attempt cannot go on: RUN_DIVERGED, RUN_SUPERSEDED. @default nobody is told */
  readonly onBroken?: (error: RunletError) => void;
}
