import { boundText } from "../lib/bounded-text.ts";
import type { Clock } from "../lib/clock.ts";
import type { CallProgress } from "../upstream/upstream.ts";

/** How far one call of a run is, by its server's word. */
export interface ProgressOfCall extends CallProgress {
  readonly seq: number;
  readonly server: string;
  readonly tool: string;
}

/** Least time between two reports of one call that are passed on, in ms. */
const INTERVAL_MS = 100;
/** Reports of one run that are passed on: its watchers are kept every one. */
const MAX_REPORTS = 1_000;
const MAX_MESSAGE_BYTES = 256;

/** Passes on what servers report of a run's calls, within bounds: how much they report is theirs to say. */
export class ProgressReports {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #tell: (progress: ProgressOfCall) => void;
  #left = MAX_REPORTS;

  constructor(clock: Pick<Clock, "monotonic">, tell: (progress: ProgressOfCall) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** What is to be told of the progress of one call. */
  of(call: Pick<ProgressOfCall, "seq" | "server" | "tool">): (progress: CallProgress) => void {
    let nextMs = Number.NEGATIVE_INFINITY;
    return ({ progress, total, message }) => {
      const nowMs = this.#clock.monotonic();
      if (nowMs < nextMs || this.#left === 0) return;
      nextMs = nowMs + INTERVAL_MS;
      this.#left -= 1;
      this.#tell({
        ...call,
        progress,
        ...(total !== undefined && { total }),
        ...(message !== undefined && { message: boundText(message, MAX_MESSAGE_BYTES) }),
      });
    };
  }
}
