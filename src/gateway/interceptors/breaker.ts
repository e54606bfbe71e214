import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import { wasTurnedAway } from "../../upstream/failures.ts";
import { incidentOf } from "../../upstream/incidents.ts";
import type { Breakers } from "../breakers.ts";
import type { Circuit, CircuitOutcome } from "../circuit.ts";
import type { Interceptor } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";

/**
 * Refuses calls of a server that keeps failing, before they take a place. Where callers have sessions of their own, what one of
 * them meets says nothing of the others. A server fails that cannot be reached or does not
 * answer in time; a tool that says it failed has answered. A call that never came as far says nothing.
 */
export function breaker(breakers: Breakers): Interceptor<AdmittedCall> {
  return (next) => async (call) => {
    const circuit = breakers.of(call.upstream, call.principal.id);
    if (circuit === undefined) return next(call);
    const pass = circuit.admit();
    if (pass === undefined) throw refuse(call, circuit);
    const { upstreamMs } = call.trace;
    try {
      const result = await next(call);
      circuit.record(pass, "success");
      return result;
    } catch (thrown) {
      const outcome = outcomeOf(thrown, call.trace.upstreamMs > upstreamMs);
      circuit.record(pass, outcome, outcome === "failure" ? sharedCause(thrown) : undefined);
      throw thrown;
    }
  };
}

/** @param reached Whether the call spent time at its server, and not only in line for it. */
function outcomeOf(thrown: unknown, reached: boolean): CircuitOutcome {
  if (!(thrown instanceof RunletError)) return "neutral";
  const { code } = thrown;
  switch (code) {
    case "TOOL_FAILED":
    case "TOOL_RESULT_TOO_LARGE":
    case "UPSTREAM_PROTOCOL":
    case "UPSTREAM_NEEDS_INPUT":
      return "success";
    case "TOOL_TIMEOUT":
      return reached ? "failure" : "neutral";
    case "UPSTREAM_UNAVAILABLE":
      return wasNotTried(thrown) ? "neutral" : "failure";
    default:
      return "neutral";
  }
}

/** A server that waits before its next start was not tried; one that limits its requests is well. */
function wasNotTried(thrown: RunletError): boolean {
  if (wasTurnedAway(thrown)) return true;
  const { details } = thrown.context;
  return isRecord(details) && details["sent"] === false && details["retryAfterMs"] !== undefined;
}

/** One crash fails every call in flight, and counts once; a time-out is each call's own. */
function sharedCause(thrown: unknown): object | undefined {
  return thrown instanceof RunletError && thrown.code === "UPSTREAM_UNAVAILABLE" ? incidentOf(thrown) : undefined;
}

function refuse(call: AdmittedCall, { state, retryAfterMs }: Circuit): RunletError {
  call.trace.refusal = { reason: "breaker_open", scope: "server" };
  const { server, tool } = call;
  const is = state === "open" ? "it has failed too often" : "one call is out to see whether it has recovered";
  return new RunletError(
    "UPSTREAM_CIRCUIT_OPEN",
    `Cannot call ${toolLabel(call)} as its MCP server must answer calls: current value is that ${is}.`,
    {
      server,
      tool,
      hint: `Go on without server "${server}", or try again in ${retryAfterMs} ms; nothing was sent to it.`,
      details: { reason: "breaker open", retryAfterMs },
    },
  );
}
