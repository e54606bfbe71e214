import { RunletError } from "../../lib/errors.ts";
import type { ArgumentProblem, ArgumentValidator, Interceptor } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";

/** Refuses arguments that cannot satisfy the tool's input schema, before anything is spent on them. */
export function validate(validator: ArgumentValidator): Interceptor<AdmittedCall> {
  return (next) => async (call) => {
    const problems = validator.check(call.definition, call.arguments);
    const [first] = problems;
    if (first === undefined) return next(call);
    call.trace.refusal = { reason: "arguments", scope: "tool" };
    const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    throw new RunletError(
      "TOOL_ARGUMENTS_INVALID",
      `Cannot call ${toolLabel(call)} as its arguments must satisfy its input schema: ${describe(first)}${rest}.`,
      {
        server: call.server,
        tool: call.tool,
        hint: `Call it as ${call.definition.signature}`,
        details: { problems },
      },
    );
  };
}

function describe({ pointer, message }: ArgumentProblem): string {
  return `${pointer === "" ? "the argument object" : pointer} ${message}`;
}
