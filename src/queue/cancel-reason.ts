import { isErrorCode, RunletError } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";

/** Why a run is to end, as text for the process that runs it. */
export function toReason(reason: Error): string {
  const { message } = reason;
  return JSON.stringify(
    reason instanceof RunletError ? { code: reason.code, message, ...reason.context } : { message },
  );
}

/** Why a run is to end, as another process said it. */
export function fromReason(text: string): Error {
  const reason = parseJson(text)?.value;
  const { code, message, ...context } = isRecord(reason) ? reason : {};
  const said = typeof message === "string" ? message : "Cannot go on with the run as it must not be cancelled: it is.";
  return isErrorCode(code) ? new RunletError(code, said, context) : new Error(said);
}
