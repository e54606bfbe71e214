import { errorInfo, RunletError } from "../../lib/errors.ts";
import type { ErrorInfo } from "../../lib/errors.ts";
import type { CallTool } from "../call.ts";
import type { AdmittedCall } from "../policy.ts";

const MESSAGE =
  "The process that made this call died before it was answered: it may have been done or not, and is not made again";
const HINT = "Read what it would have changed before you make it again.";

/** What a script is told of a call that was sent by a process that died. */
export function outcomeUnknown(): ErrorInfo {
  return errorInfo("CALL_OUTCOME_UNKNOWN", MESSAGE, { hint: HINT });
}

/** Whether making a call twice is as good as once: it only reads, or a server that is believed says so. */
export function isRepeatable({ definition, upstream }: AdmittedCall): boolean {
  if (definition.class === "read") return true;
  return upstream.config.trustAnnotations && definition.annotations?.idempotentHint === true;
}

/** Refuses a call that a process which died may have made already, unless it can be made twice. */
export function again(next: CallTool<AdmittedCall>): CallTool<AdmittedCall> {
  return async (call) => {
    if (call.again === true && !isRepeatable(call))
      throw new RunletError("CALL_OUTCOME_UNKNOWN", MESSAGE, { hint: HINT });
    return next(call);
  };
}
