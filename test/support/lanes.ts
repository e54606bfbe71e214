/** A fixed number of things of which each is used by one at a time. */
export interface Lanes<T> {
  /** Waits for one that is free. */
  take(): Promise<T>;
  /** Gives one back; once what is still to be done with it is done, it is free again. */
  give(lane: T, after?: Promise<unknown>): void;
  /** Resolves when all are free. @throws what `after` threw */
  settled(): Promise<readonly T[]>;
}

/** Makes lanes of the things. Who waits longest is served first. */
export function createLanes<T>(all: readonly T[]): Lanes<T> {
  const free = [...all];
  const waiting: ((lane: T) => void)[] = [];
  const pending = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const release = (lane: T): void => {
    const next = waiting.shift();
    if (next === undefined) free.push(lane);
    else next(lane);
  };
  return {
    take: () => {
      const lane = free.shift();
      return lane === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(lane);
    },
    give: (lane, after) => {
      if (after === undefined) {
        release(lane);
        return;
      }
      const settling = after
        .then(
          () => undefined,
          (error: unknown) => void failures.push(error),
        )
        .finally(() => {
          pending.delete(settling);
          release(lane);
        });
      pending.add(settling);
    },
    settled: async () => {
      while (pending.size > 0) await Promise.all(pending);
      if (failures.length > 0) throw new AggregateError(failures, "lanes failed");
      return all;
    },
  };
}
