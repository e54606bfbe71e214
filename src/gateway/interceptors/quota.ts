import { RunletError } from "../../lib/errors.ts";
import type { CallTool, Interceptor, ToolResult } from "../call.ts";
import { type AdmittedCall, toolLabel } from "../policy.ts";
import type { QuotaKeeper } from "../quotas.ts";

/**
 * Refuses calls of a principal that has used up its calls or its bytes of results. An answer from the cache counts like any
 * other. How large an answer is shows when it is there: the one that uses up the bytes is given, as are those in flight.
 */
export function quota(quotas: QuotaKeeper): Interceptor<AdmittedCall> {
  async function admit(call: AdmittedCall): Promise<void> {
    const work = `call ${toolLabel(call)}`;
    try {
      await quotas.require(call.principal, "bytes", work);
      await quotas.take(call.principal, "calls", work);
    } catch (thrown) {
      if (!(thrown instanceof RunletError)) throw thrown;
      const { scope } = thrown.context.details as { readonly scope: string };
      call.trace.refusal = { reason: "quota", scope: "principal", rule: `limits.${scope}` };
      const { server, tool } = call;
      throw new RunletError(thrown.code, thrown.message, { ...thrown.context, server, tool });
    }
  }

  async function counted(next: CallTool<AdmittedCall>, call: AdmittedCall): Promise<ToolResult> {
    await admit(call);
    const result = await next(call);
    await quotas.spend(call.principal, "bytes", result.bytes);
    return result;
  }

  return (next) => (call) => {
    const { calls, bytes } = quotas.of(call.principal);
    return calls === undefined && bytes === undefined ? next(call) : counted(next, call);
  };
}
