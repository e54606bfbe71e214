/** How a process ended, as far as it says who was to blame. */
export interface ProcessEnd {
  /** Its supervisor ended it, for nothing its runs did. */
  readonly asked: boolean;
  /** Something that is over may have spoilt it for these runs: an isolate that V8 gave up, a run that did not end. */
  readonly isSpoilt: boolean;
  /** The run it was given last had come so shortly before that it may have been dying already. */
  readonly isFresh: boolean;
  /** Numbers of the runs it held. */
  readonly runs: readonly number[];
  /** Those of them that computed, or may have begun to, when it was last heard of. */
  readonly suspects: ReadonlySet<number>;
}

/**
 * What a run has to do with the death of its process. `guilty`: it was alone; `suspect`: it computed, as others may have,
 * or came at the last moment; `unknown`: none was seen computing, so that it may have been any; `innocent`: it waited for
 * something.
 */
export interface Blame {
  readonly verdict: "guilty" | "suspect" | "unknown" | "innocent";
  /** The part of a crash that it is to blame for, if nothing more is ever known. */
  readonly share: number;
}

/** Share of those found in a process that was spoilt before it died. */
const SPOILT_SHARE = 0.5;

/** Says of each run of a process that died whether it is to blame. */
export function blame({ asked, isSpoilt, isFresh, runs, suspects }: ProcessEnd): (run: number) => Blame {
  if (asked) return () => ({ verdict: "innocent", share: 0 });
  if (runs.length === 1 && !isSpoilt) return () => ({ verdict: isFresh ? "suspect" : "guilty", share: 1 });
  const spoilt = isSpoilt ? SPOILT_SHARE : 1;
  if (suspects.size === 0) return () => ({ verdict: "unknown", share: spoilt / runs.length });
  const suspect: Blame = { verdict: "suspect", share: spoilt / suspects.size };
  return (run) => (suspects.has(run) ? suspect : { verdict: "innocent", share: 0 });
}
