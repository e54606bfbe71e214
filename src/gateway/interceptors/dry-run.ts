import type { CallTool } from "../call.ts";
import type { AdmittedCall } from "../policy.ts";

/** Answers calls of a dry run that would change something without making them: with `null`. */
export function dryRun(next: CallTool<AdmittedCall>): CallTool<AdmittedCall> {
  return async (call) => {
    if (call.dryRun !== true || call.definition.class === "read") return next(call);
    return { value: null, content: [], outcome: "skipped", bytes: 0 };
  };
}
