import { createHash } from "node:crypto";
import { toolDigest } from "../catalog/digest.ts";
import { canonicalJson } from "../lib/json.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { AdmittedCall } from "./policy.ts";

/** Longer arguments stand in a key by their hash. */
const MAX_EXACT_CHARS = 512;

const numbers = new WeakMap<Upstream, number>();
let lastNumber = 0;

/**
 * Text that two calls have in common only when the same principal calls the same version of the same tool on the same
 * upstream object with equal arguments; where each run has a server of its own, also only when the same run does.
 *
 * @returns `undefined` for a call that is like no other: its server is its own, its caller said something beside the arguments, or its arguments are nested too deep to be
 *   compared.
 */
export function callKey(call: AdmittedCall): string | undefined {
  const { runId, upstream } = call;
  if (call.meta !== undefined) return undefined;
  const perRun = upstream.config.lifecycle.sharing === "perRun";
  if (perRun && runId === undefined) return undefined;
  const args = canonicalArguments(call.arguments);
  if (args === undefined) return undefined;
  const { id } = call.principal;
  const run = perRun ? ` ${runId}` : "";
  return `${numberOf(upstream)}${run} ${toolDigest(call.definition)} ${id.length}:${id} ${args}`;
}

function canonicalArguments(args: ToolArguments): string | undefined {
  try {
    const text = canonicalJson(args);
    // Exact text begins with a brace, a hash with a hex digit: neither is taken for the other.
    return text.length <= MAX_EXACT_CHARS ? text : createHash("sha256").update(text).digest("hex");
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

type ToolArguments = AdmittedCall["arguments"];

/** A server that is configured anew is another upstream, though it may have the same name. */
function numberOf(upstream: Upstream): number {
  let number = numbers.get(upstream);
  if (number === undefined) numbers.set(upstream, (number = ++lastNumber));
  return number;
}
