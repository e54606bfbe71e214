import type { ApprovalRule } from "../../config/approval-keys.ts";
import { RunletError } from "../../lib/errors.ts";
import type { ApprovalRules } from "../approval-rules.ts";
import type { CallTool, Interceptor } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";

/**
 * Refuses calls that a rule has somebody approve first, unless somebody did. A run waits for it and makes the call again; other
 * callers are told that they cannot wait.
 */
export function approval(rules: ApprovalRules): Interceptor<AdmittedCall> {
  return (next: CallTool<AdmittedCall>) => async (call) => {
    if (call.approved === true) return next(call);
    const { principal, server, tool, definition } = call;
    const rule = rules.find({ principal, server, tool, class: definition.class });
    if (rule === undefined) return next(call);
    throw required(call, rule);
  };
}

function required(call: AdmittedCall, { name, expiresMs }: ApprovalRule): RunletError {
  const { server, tool, runId, trace } = call;
  trace.refusal = { reason: "approval", scope: "tool", rule: name };
  const cannotWait = runId === undefined ? ", and only a run can wait for that" : "";
  return new RunletError(
    "APPROVAL_REQUIRED",
    `Cannot call ${toolLabel(call)} as ${name} has somebody approve it first: nobody has${cannotWait}.`,
    {
      server,
      tool,
      ...(runId === undefined && { hint: "Make the call in a script with POST /run, and have the run approved." }),
      details: { expiresAfterMs: expiresMs },
    },
  );
}
