import { hash } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { canonicalJson, isDeeperThan } from "../../lib/json.ts";
import type { Audit } from "../../observability/audit.ts";
import type { CallTool, ToolCall } from "../call.ts";
import { shortName, type TracedCall } from "../policy.ts";

/** Deeper arguments cannot be written without fear for the stack. */
const MAX_NESTING = 512;

/** Notes every call, refused ones with the rule that refused them; of arguments only their hash. */
export function audit(to: Audit, clock: Clock) {
  return (next: CallTool<TracedCall>): CallTool<TracedCall> =>
    async (call) => {
      const atMs = clock.now();
      const startedMs = clock.monotonic();
      const note = (how: { readonly outcome: string; readonly code?: string; readonly bytes?: number }): void => {
        const ms = Math.round((clock.monotonic() - startedMs) * 1_000) / 1_000;
        // As they are now: an attempt that others share may go on.
        const { attempts, refusal: { reason, rule } = {} } = call.trace;
        to.write(() => {
          const { principal, runId: run, requestId: request } = call;
          const time = new Date(atMs).toISOString();
          const [server, tool] = [shortName(call.server), shortName(call.tool)];
          const traceId = call.traceContext?.traceId;
          const who = { time, run, request, traceId, principal: principal.id, server, tool };
          return { ...who, ...how, attempts, reason, rule, ms, argumentsSha256: hashOf(call.arguments) };
        });
      };
      try {
        const result = await next(call);
        note({ outcome: result.outcome, bytes: result.bytes });
        return result;
      } catch (thrown) {
        const code = thrown instanceof RunletError ? thrown.code : "INTERNAL";
        note({ outcome: failureOf(call, code), code });
        throw thrown;
      }
    };
}

function failureOf({ trace }: TracedCall, code: string): "denied" | "refused" | "cancelled" | "error" {
  if (trace.refusal !== undefined) return trace.refusal.reason === "access" ? "denied" : "refused";
  return code === "RUN_CANCELLED" ? "cancelled" : "error";
}

function hashOf(args: ToolCall["arguments"]): string | undefined {
  return isDeeperThan(args, MAX_NESTING) ? undefined : hash("sha256", canonicalJson(args));
}
