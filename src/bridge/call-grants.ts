import { isDeepStrictEqual } from "node:util";
import { matchesGlob } from "../lib/glob.ts";
import type { CallGrant, CallRecord } from "../store/journal.ts";

interface HeldGrant extends CallGrant {
  /** Number of the call that it was given with. */
  readonly givenWith: number;
  used: number;
}

/** What was approved beforehand for the later calls of one run. */
export class CallGrants {
  readonly #grants: readonly HeldGrant[];

  /** @param calls The run's journal: grants are in the decisions of calls that waited, and so is what was used of them. */
  constructor(calls: Iterable<CallRecord>) {
    const decided = [...calls].flatMap(({ seq, approval }) =>
      approval?.decided === undefined ? [] : [{ seq, ...approval.decided }],
    );
    this.#grants = decided.flatMap(({ seq, grant }) => {
      if (grant === undefined) return [];
      return [{ ...grant, givenWith: seq, used: decided.filter(({ grantedBy }) => grantedBy === seq).length }];
    });
  }

  /** Uses one up that fits a call. @returns The number of the call it was given with; `undefined` when none fits. */
  use(call: {
    readonly server: string;
    readonly tool: string;
    readonly args: Readonly<Record<string, unknown>>;
  }): number | undefined {
    const grant = this.#grants.find((held) => held.used < (held.times ?? Infinity) && fits(held, call));
    if (grant === undefined) return undefined;
    grant.used++;
    return grant.givenWith;
  }
}

function fits(
  { server = "*", tool, match = {} }: CallGrant,
  call: { readonly server: string; readonly tool: string; readonly args: Readonly<Record<string, unknown>> },
): boolean {
  if (!matchesGlob(server, call.server) || !matchesGlob(tool, call.tool)) return false;
  return Object.entries(match).every(
    ([name, value]) => Object.hasOwn(call.args, name) && isDeepStrictEqual(call.args[name], value),
  );
}
