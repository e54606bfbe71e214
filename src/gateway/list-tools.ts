import type { Clock } from "../lib/clock.ts";
import { cancellation } from "../lib/deadline.ts";
import { RunletError } from "../lib/errors.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { toolLabel, type TracedCall } from "./policy.ts";

/**
 * Starts a server whose tools are not known, on behalf of a call; the time counts as the upstream's.
 *
 * @throws UPSTREAM_UNAVAILABLE naming the server, why it failed last and what to do; RUN_CANCELLED when the call aborts.
 */
export async function listTools(call: TracedCall, upstream: Upstream, clock: Clock): Promise<void> {
  const startedMs = clock.monotonic();
  try {
    await upstream.tools(call.signal);
  } catch (thrown) {
    if (call.signal.aborted) throw cancellation(call.signal);
    throw thrown instanceof RunletError && thrown.code === "UPSTREAM_UNAVAILABLE" ? unavailable(call, thrown) : thrown;
  } finally {
    call.trace.upstreamMs += clock.monotonic() - startedMs;
  }
}

function unavailable(call: TracedCall, cause: RunletError): RunletError {
  const { server } = call;
  return new RunletError(
    "UPSTREAM_UNAVAILABLE",
    `Cannot call ${toolLabel(call)} as its MCP server must be running: ${cause.message}`,
    {
      hint: `Mend server "${server}" (its status and stderr say more), or go on without it; it is tried again on a later call.`,
      ...cause.context,
      server,
      tool: call.tool,
      cause,
    },
  );
}
