import type { CallTool, Interceptor, ToolCall } from "./call.ts";

/**
 * Puts policies around a step.
 *
 * @param interceptors Outermost first.
 * @param send The innermost step.
 */
export function compose<Call extends ToolCall>(
  interceptors: readonly Interceptor<Call>[],
  send: CallTool<Call>,
): CallTool<Call> {
  return interceptors.reduceRight<CallTool<Call>>((next, wrap) => wrap(next), send);
}
