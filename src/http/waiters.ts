/** Counts who waits for what: a run that several requests wait for goes on until the last of them is gone. */
export interface Waiters {
  enter(runId: string): void;
  /** @returns How many are left. */
  leave(runId: string): number;
}

/** Starts counting at none. */
export function createWaiters(): Waiters {
  const counts = new Map<string, number>();
  return {
    enter(runId) {
      counts.set(runId, (counts.get(runId) ?? 0) + 1);
    },
    leave(runId) {
      const left = Math.max(0, (counts.get(runId) ?? 0) - 1);
      if (left === 0) counts.delete(runId);
      else counts.set(runId, left);
      return left;
    },
  };
}
