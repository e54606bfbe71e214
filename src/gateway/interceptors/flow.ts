import { RunletError } from "../../lib/errors.ts";
import { wasNotSent } from "../../upstream/failures.ts";
import { isNeedsLogin } from "../../upstream/oauth/needs-login.ts";
import type { CallTool, Interceptor, ToolResult } from "../call.ts";
import { type FlowConflict, type FlowRules, Heard } from "../flow-rules.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";

/**
 * Refuses calls of tools that must not get what others have answered to the same unit before, a run. An answer counts from
 * just before it is given, one from the cache, one that was shared and a failure like any other; a call that was refused or
 * never sent does not. So no call that was made with an answer at hand slips through, however many are in flight: its
 * arguments are older than every answer that comes after this look. What was heard is forgotten with the unit.
 */
export function flow(rules: FlowRules): Interceptor<AdmittedCall> {
  const units = new WeakMap<object, Heard>();

  function heardOf(unit: object): Heard {
    let heard = units.get(unit);
    if (heard === undefined) units.set(unit, (heard = new Heard()));
    return heard;
  }

  async function listen(next: CallTool<AdmittedCall>, call: AdmittedCall, heard: Heard): Promise<ToolResult> {
    for (const tool of call.unit?.answered ?? []) heard.add(tool);
    const conflict = heard.conflict(rules.current, call);
    if (conflict !== undefined) throw denied(call, conflict);
    try {
      const result = await next(call);
      heard.add(call);
      return result;
    } catch (thrown) {
      if (maySay(call, thrown)) heard.add(call);
      throw thrown;
    }
  }

  return (next) => (call) =>
    call.unit === undefined || rules.current.length === 0 ? next(call) : listen(next, call, heardOf(call.unit));
}

/** Whether a failure may hold what the server said. */
function maySay({ trace }: AdmittedCall, thrown: unknown): boolean {
  return trace.refusal === undefined && !wasNotSent(thrown) && !isNeedsLogin(thrown);
}

function denied(call: AdmittedCall, { rule, from }: FlowConflict): RunletError {
  const { server, tool } = call;
  call.trace.refusal = { reason: "flow", scope: "run", rule: rule.name };
  return new RunletError(
    "FLOW_DENIED",
    `Cannot call ${toolLabel(call)} as ${rule.name} keeps from it what ${toolLabel(from)} answers: this run has such an answer.`,
    {
      server,
      tool,
      hint: `Call ${toolLabel(call)} before ${toolLabel(from)}, or in a run that does not call it.`,
      details: { rule: rule.name, from: { server: from.server, tool: from.tool }, to: { server, tool } },
    },
  );
}
