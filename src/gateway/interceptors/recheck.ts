import type { PrincipalSource } from "../../config/callers.ts";
import { RunletError } from "../../lib/errors.ts";
import type { CallTool } from "../call.ts";
import { toolLabel, type TracedCall } from "../policy.ts";

/**
 * Lets a call on for its principal as the configuration has it now, so that a client that was removed, or whose rules were
 * narrowed, is held to that at the next call of a run in flight. What calls before it answered stays the run's.
 */
export function recheck(callers: PrincipalSource) {
  return (next: CallTool<TracedCall>): CallTool<TracedCall> =>
    async (call) => {
      const principal = callers.current(call.principal);
      if (principal === call.principal) return next(call);
      if (principal !== undefined) return next({ ...call, principal });
      call.trace.refusal = { reason: "revoked", scope: "principal" };
      throw new RunletError(
        "PRINCIPAL_REVOKED",
        `Cannot call ${toolLabel(call)} as its caller must still be a client: ${call.principal.id} is none any more, or its key or token no longer counts.`,
        { hint: "Calls made before were answered; nothing more is called for this run." },
      );
    };
}
