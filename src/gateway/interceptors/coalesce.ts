import { callTimeoutsOf } from "../../config/call-timeouts.ts";
import type { Clock } from "../../lib/clock.ts";
import { cancellation, startDeadline } from "../../lib/deadline.ts";
import { RunletError } from "../../lib/errors.ts";
import { callKey } from "../call-key.ts";
import type { CallTool, Interceptor, ToolResult } from "../call.ts";
import type { AdmittedCall } from "../policy.ts";
import { SharedCall } from "../shared-call.ts";
import { timedOut } from "./deadline.ts";

/** The part of the call timeout that must be left for another try to be worth it. */
const LEAST_LEFT = 0.1;

/**
 * Lets identical reads of one principal that are in flight at once share one call, unless the server's configuration says
 * no. One who gives up does not end the call of the others. A call that may change something and has ended is seen by every
 * read that its principal makes after it, of whichever server: those share no call that began before. The time a call may
 * take counts from when each joined: who came late shares the failure of a call that ran out of time only when hardly any
 * of its own is left.
 */
export function coalesce(clock: Clock): Interceptor<AdmittedCall> {
  const inFlight = new ReadsInFlight();

  function open(next: CallTool<AdmittedCall>, call: AdmittedCall, key: string): SharedCall {
    const { id } = call.principal;
    const shared: SharedCall = new SharedCall(next, call, clock, () => inFlight.remove(id, key, shared));
    inFlight.add(id, key, shared);
    return shared;
  }

  /** Waits for the call of another, and makes one of its own when that runs out of time too early. */
  async function follow(
    next: CallTool<AdmittedCall>,
    call: AdmittedCall,
    key: string,
    first: SharedCall,
  ): Promise<ToolResult> {
    const { callMs: timeoutMs } = callTimeoutsOf(call.upstream.config, call.tool);
    const joinedMs = clock.monotonic();
    using deadline = startDeadline({ clock, timeoutMs, parent: call.signal, timeoutError: () => timedOut(call) });
    const own = { ...call, signal: deadline.signal };
    try {
      return await first.join(own);
    } catch (thrown) {
      const leftMs = timeoutMs - (clock.monotonic() - joinedMs);
      const isOther = thrown instanceof RunletError && thrown.code === "TOOL_TIMEOUT" && !deadline.signal.aborted;
      if (!isOther || leftMs < timeoutMs * LEAST_LEFT) throw thrown;
    }
    return await (inFlight.find(call.principal.id, key) ?? open(next, own, key)).join(own);
  }

  async function change(next: CallTool<AdmittedCall>, call: AdmittedCall): Promise<ToolResult> {
    try {
      return await next(call);
    } finally {
      inFlight.forget(call.principal.id);
    }
  }

  return (next) => (call) => {
    if (call.definition.class !== "read") return change(next, call);
    if (!call.upstream.config.coalesce) return next(call);
    if (call.signal.aborted) return Promise.reject(cancellation(call.signal));
    const key = call.key ?? callKey(call);
    if (key === undefined) return next(call);
    const shared = inFlight.find(call.principal.id, key);
    return shared === undefined ? open(next, call, key).join(call) : follow(next, call, key, shared);
  };
}

/** The reads that may be joined, by principal and key. */
class ReadsInFlight {
  readonly #calls = new Map<string, Map<string, SharedCall>>();

  find(principal: string, key: string): SharedCall | undefined {
    return this.#calls.get(principal)?.get(key);
  }

  add(principal: string, key: string, shared: SharedCall): void {
    const calls = this.#calls.get(principal);
    if (calls === undefined) this.#calls.set(principal, new Map([[key, shared]]));
    else calls.set(key, shared);
  }

  /** Takes one out, unless another is in its place. */
  remove(principal: string, key: string, shared: SharedCall): void {
    const calls = this.#calls.get(principal);
    if (calls?.get(key) !== shared) return;
    if (calls.size === 1) this.#calls.delete(principal);
    else calls.delete(key);
  }

  /** Lets nobody join what a principal has in flight; who has joined goes on waiting. */
  forget(principal: string): void {
    this.#calls.delete(principal);
  }
}
