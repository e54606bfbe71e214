import type { CallOutcome } from "../store/journal.ts";

/** One tool call as a run's answer lists it. */
export interface CallSummary {
  readonly seq: number;
  readonly server: string;
  readonly tool: string;
  /** `undefined` while it is pending. */
  readonly ms: number | undefined;
  readonly outcome: CallOutcome;
  readonly argsBytes: number;
  readonly resultBytes: number;
  /** Code of the error, when there is one. */
  readonly error?: string;
}
