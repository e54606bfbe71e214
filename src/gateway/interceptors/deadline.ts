import type { Clock } from "../../lib/clock.ts";
import { callTimeoutsOf } from "../../config/call-timeouts.ts";
import { startDeadline } from "../../lib/deadline.ts";
import { RunletError } from "../../lib/errors.ts";
import type { Interceptor } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";

/**
 * Ends a call after its tool's or server's call timeout, waits for a place included; the caller's own abort ends it sooner. Only
 * this call is cancelled upstream. Its time stands still while somebody is asked for input.
 */
export function totalDeadline(clock: Clock): Interceptor<AdmittedCall> {
  return (next) => async (call) => {
    using deadline = startDeadline({
      clock,
      timeoutMs: callTimeoutsOf(call.upstream.config, call.tool).callMs,
      parent: call.signal,
      timeoutError: () => timedOut(call),
    });
    const pause = (): Disposable => deadline.pause();
    return await deadline.race(next({ ...call, signal: deadline.signal, pause }));
  };
}

/** The TOOL_TIMEOUT of a call whose time is over. */
export function timedOut(call: AdmittedCall): RunletError {
  const { callMs, callKey } = callTimeoutsOf(call.upstream.config, call.tool);
  const waited = Math.round(call.trace.queueMs);
  return new RunletError(
    "TOOL_TIMEOUT",
    `Cannot wait longer for ${toolLabel(call)} as a call of this server may take ${callMs} ms: current value is ${callMs} ms without an answer.`,
    {
      server: call.server,
      tool: call.tool,
      hint: `Ask for less work in one call, or raise ${callKey}.`,
      details: { timeoutMs: callMs, queueMs: waited },
    },
  );
}
