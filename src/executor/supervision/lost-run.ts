import { errorInfo } from "../../lib/errors.ts";
import type { ErrorInfo } from "../../lib/errors.ts";
import type { Blame } from "./blame.ts";

/** What is known of a run whose process died and that is not run again. */
export interface LostRun {
  readonly verdict: Blame["verdict"];
  /** Calls it had made. */
  readonly calls: number;
  /** Values it had sent with `emit`. */
  readonly emitted: number;
  /** How often it had been run again, after the process it was in before had died. */
  readonly moves: number;
}

const WHO = {
  guilty: {
    blame: "script",
    told: "The executor process died while this script alone ran in it: it crashed the engine, or took more memory or time than a process may",
    hint: "Change the script before it is run again: large sizes, deep nesting and hoards of objects are what crashes engines.",
  },
  suspect: {
    blame: "shared",
    told: "The executor process died while this script, and maybe others, computed in it",
    hint: "See in the run's calls what was done; should it happen again, change what the script computes.",
  },
  unknown: {
    blame: "unknown",
    told: "The executor process died while this script was in it, and no script in it was seen to compute",
    hint: "See in the run's calls what was done, then run it again.",
  },
  innocent: {
    blame: "others",
    told: "The executor process that ran this script died of something that was not this script's doing",
    hint: "See in the run's calls what was done, then run it again.",
  },
} as const satisfies Record<Blame["verdict"], { blame: string; told: string; hint: string }>;

/** What a caller is told whose run ended with its process: who was to blame, what it had done, why it was not run again. */
export function lostError({ verdict, calls, emitted, moves }: LostRun): ErrorInfo {
  const { blame, told, hint } = WHO[verdict];
  const done = [
    ...(calls > 0 ? [`made ${count(calls, "call")}`] : []),
    ...(emitted > 0 ? [`sent ${count(emitted, "value")}`] : []),
  ];
  const again =
    done.length > 0
      ? `. It had ${done.join(" and ")}, which is not done again`
      : moves > 0
        ? `. It had been run again ${moves === 1 ? "once" : `${moves} times`} already, after the process it was in before had died`
        : "";
  return errorInfo("EXECUTOR_LOST", told + again, { hint, details: { blame, calls, emitted } });
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
