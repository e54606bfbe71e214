import type { RunOutcome } from "./run.ts";

/**
 * How one attempt of a run went. `ended`: the run has; `waiting`: calls of it wait for decisions; `lost`: its executor process
 * died, and the run can be taken up again; `left`: another process has it, or will, as this one stops. The outcome is that of
 * the run as far as it came.
 */
export type Performance =
  | { readonly kind: "ended"; readonly outcome: RunOutcome }
  | { readonly kind: "waiting"; readonly outcome: RunOutcome }
  | { readonly kind: "lost"; readonly outcome: RunOutcome }
  | { readonly kind: "left"; readonly outcome: RunOutcome };
