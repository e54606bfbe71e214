import type { ObservedResult } from "../../catalog/learned/observed-types.ts";
import type { Interceptor, ToolResult } from "../call.ts";
import type { AdmittedCall } from "../policy.ts";

/** Takes note of answers; must return at once and never throw. */
export type ObserveResult = (result: ObservedResult) => void;

/**
 * Lets what a tool has just answered teach its type. Failures teach nothing; of content that is not all text only is told that
 * it is blocks, for what is in them differs with each.
 */
export function learn(observe: ObserveResult): Interceptor<AdmittedCall> {
  return (next) => async (call) => {
    const result = await next(call);
    if (result.outcome === "ok") {
      const { bytes } = result;
      observe({ principal: call.principal.id, tool: call.definition, value: teaching(result), bytes });
    }
    return result;
  };
}

/** @see unwrapResult, which gives the blocks themselves when they are not all text. */
function teaching({ value, content }: ToolResult): unknown {
  return value === content ? content.map(({ type }) => ({ type })) : value;
}
