import type { Clock } from "../../lib/clock.ts";
import { startDeadline } from "../../lib/deadline.ts";
import { RunletError } from "../../lib/errors.ts";
import type { Interceptor } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";

/**
 * Ends a call after its server's call timeout, waits for a place included; the caller's own abort ends it sooner. Only
 * this call is cancelled upstream. Its time stands still while somebody is asked for input.
 */
export function totalDeadline(clock: Clock): Interceptor<AdmittedCall> {
  return (next) => async (call) => {
    using deadline = startDeadline({
      clock,
      timeoutMs: call.upstream.config.callTimeoutMs,
      parent: call.signal,
      timeoutError: () => timedOut(call),
    });
    const pause = (): Disposable => deadline.pause();
    return await deadline.race(next({ ...call, signal: deadline.signal, pause }));
  };
}

/** The TOOL_TIMEOUT of a call whose time is over. */
export function timedOut(call: AdmittedCall): RunletError {
  const { callTimeoutMs } = call.upstream.config;
  const waited = Math.round(call.trace.queueMs);
  return new RunletError(
    "TOOL_TIMEOUT",
    `Cannot wait longer for ${toolLabel(call)} as a call of this server may take ${callTimeoutMs} ms: current value is ${callTimeoutMs} ms without an answer.`,
    {
      server: call.server,
      tool: call.tool,
      hint: `Ask for less work in one call, or raise mcpServers.${call.server}.timeout.`,
      details: { timeoutMs: callTimeoutMs, queueMs: waited },
    },
  );
}
