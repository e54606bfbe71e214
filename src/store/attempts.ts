import { callWithoutRun, runSuperseded } from "./refusals.ts";

/**
 * The latest attempts of the runs that are performed now, for stores that one process alone writes to: knowing them here saves
 * reading the run at each write of its journal.
 */
export class Attempts {
  readonly #latest = new Map<string, number>();
  readonly #read: (runId: string) => number | undefined;

  /** @param read The attempt of a stored run; `undefined` when it is not stored. */
  constructor(read: (runId: string) => number | undefined) {
    this.#read = read;
  }

  /** A run was taken up. */
  set(runId: string, attempt: number): void {
    this.#latest.set(runId, attempt);
  }

  /** A run is performed no more: what is asked of it is read again. */
  forget(runId: string): void {
    this.#latest.delete(runId);
  }

  /** @throws RUN_SUPERSEDED when a later attempt has the run; INTERNAL when it is not stored. */
  require(runId: string, attempt: number): void {
    const latest = this.#latest.get(runId) ?? this.#read(runId);
    if (latest === undefined) throw callWithoutRun(runId);
    if (latest !== attempt) throw runSuperseded(runId, attempt);
  }
}
