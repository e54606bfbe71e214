import { RunletError } from "../lib/errors.ts";
import type { ToolCall } from "./call.ts";
import { toolLabel } from "./policy.ts";

/**
 * Checks that a caller takes an answer of this size.
 *
 * @param bytes Of the value as JSON.
 * @throws TOOL_RESULT_TOO_LARGE when it does not.
 */
export function checkResultSize(call: ToolCall, bytes: number): void {
  if (bytes <= call.maxResultBytes) return;
  throw new RunletError(
    "TOOL_RESULT_TOO_LARGE",
    `Cannot take the answer of ${toolLabel(call)} as it may have ${call.maxResultBytes} bytes of JSON: current value is ${bytes} bytes.`,
    {
      server: call.server,
      tool: call.tool,
      hint: "Ask the tool for less (a filter, a page, fewer fields), or raise limits.toolResultBytes.",
      details: { maxBytes: call.maxResultBytes, bytes },
    },
  );
}
