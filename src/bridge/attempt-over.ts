import { RunletError } from "../lib/errors.ts";
import type { ErrorCode } from "../lib/errors.ts";

/** Reason of a signal: the execution ends and another attempt of the run follows, which finds its calls as they are. */
export class AttemptOver extends Error {
  constructor() {
    super("This attempt of the run is over; another one goes on.");
  }
}

const FOLLOWED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["SHUTTING_DOWN", "RUN_SUPERSEDED"]);

/** Whether a signal has aborted for a reason after which another attempt of the run follows. */
export function isAttemptOver({ aborted, reason }: AbortSignal): boolean {
  return aborted && (reason instanceof AttemptOver || (reason instanceof RunletError && FOLLOWED.has(reason.code)));
}
