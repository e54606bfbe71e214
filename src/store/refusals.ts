import { RunletError } from "../lib/errors.ts";

/** A run whose id is taken. */
export function runExists(id: string): RunletError {
  return new RunletError("INTERNAL", `Cannot insert a run as its id must be new: current value is "${id}".`);
}

/** A journal entry whose number is taken. */
export function callExists(runId: string, seq: number): RunletError {
  return new RunletError(
    "INTERNAL",
    `Cannot journal a call of run "${runId}" as its number must be new: current value is ${seq}.`,
  );
}

/** A journal entry of a run that is not stored. */
export function callWithoutRun(runId: string): RunletError {
  return new RunletError("INTERNAL", `Cannot journal a call as its run must be stored: current value is "${runId}".`);
}

/** A settlement of a call that was never begun, or has settled. */
export function callNotPending(runId: string, seq: number): RunletError {
  return new RunletError(
    "INTERNAL",
    `Cannot settle call ${seq} of run "${runId}" as it must be pending: it was never begun or has settled.`,
  );
}

/** A write of an attempt after which another took the run up. */
export function runSuperseded(runId: string, attempt: number): RunletError {
  return new RunletError(
    "RUN_SUPERSEDED",
    `Cannot write for attempt ${attempt} of run "${runId}" as it must be the latest: another process has taken the run up.`,
  );
}

/** A result of a run that is not stored. */
export function resultWithoutRun(runId: string): RunletError {
  return new RunletError("INTERNAL", `Cannot keep a result as its run must be stored: current value is "${runId}".`);
}

/** A whole result that is not there any more, or never was. */
export function resultGone(runId: string): RunletError {
  return new RunletError("RESULT_GONE", `Cannot give the whole result of run "${runId}" as it is not kept any more`, {
    hint: "GET /runs/{id} has the part that the answer carried; run the script again for the whole.",
  });
}

/** Work on a store after its end. @param action Verb and object, such as `insert a run`. */
export function storeClosed(action: string): RunletError {
  return new RunletError("INTERNAL", `Cannot ${action} as the store must be open: it is closed.`);
}
