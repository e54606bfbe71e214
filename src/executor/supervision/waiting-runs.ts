/**
 * Runs that wait for a process. Principals take turns, so that a crowd of one holds up its own; the runs of one go first
 * in, first out.
 */
export class WaitingRuns<T extends { readonly principal: string }> {
  /** By principal, in order of turns. */
  readonly #lanes = new Map<string, Set<T>>();

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const lane of this.#lanes.values()) size += lane.size;
    return size;
  }

  add(run: T): void {
    const lane = this.#lanes.get(run.principal);
    if (lane === undefined) this.#lanes.set(run.principal, new Set([run]));
    else lane.add(run);
  }

  /** Takes a run out that waits no more. */
  delete(run: T): void {
    const lane = this.#lanes.get(run.principal);
    if (lane?.delete(run) === true && lane.size === 0) this.#lanes.delete(run.principal);
  }

  /** Takes out all. */
  clear(): T[] {
    const all = Array.from(this.#lanes.values()).flatMap((lane) => Array.from(lane));
    this.#lanes.clear();
    return all;
  }

  /**
   * Starts as many as can be: offers the first run of each principal in turn until no principal's can be started.
   *
   * @param start Starts a run, which leaves the queue then. @returns Whether it did.
   */
  serve(start: (run: T) => boolean): void {
    for (let served = true; served;) {
      served = false;
      for (const [principal, lane] of Array.from(this.#lanes)) {
        const [first] = lane;
        if (first === undefined || !start(first)) continue;
        served = true;
        lane.delete(first);
        // Served last, so it is the last to be served again.
        this.#lanes.delete(principal);
        if (lane.size > 0) this.#lanes.set(principal, lane);
      }
    }
  }
}
