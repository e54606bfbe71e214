/** A process that takes runs, as far as its load says. */
export interface Place {
  /** Runs it holds. */
  readonly load: number;
  /** Number of the run it took last. */
  readonly lastRun: number;
  /** It holds more memory than it should, and may soon be replaced. */
  readonly isSwollen: boolean;
  /** Whether nobody else has a run in it, or had one stopped there a moment ago. */
  isOnlyOf(principal: string): boolean;
  /** Whether a run of the principal was stopped there a moment ago, and may not have stopped yet. */
  hasStopped(principal: string): boolean;
}

/** How many runs more than the least loaded process one may hold and be preferred for whose runs are in it. */
const IMBALANCE = 2;

/**
 * Chooses the process for a principal's run, so that a crash costs as few others as possible and no process has much more
 * to do than another: among those about as loaded as the least, one where a run of the principal is being stopped, then one
 * that holds no other principal's runs; among equals the least loaded, then the one used longest ago, so that the others make isolates ready meanwhile.
 *
 * @param room Runs one process holds at most.
 * @returns `undefined` when none has room.
 */
export function choosePlace<T extends Place>(places: readonly T[], principal: string, room: number): T | undefined {
  const open = places.filter(({ load }) => load < room);
  const sound = open.filter(({ isSwollen }) => !isSwollen);
  const candidates = sound.length > 0 ? sound : open;
  const most = Math.min(...candidates.map(({ load }) => load)) + IMBALANCE;
  let best: T | undefined;
  for (const place of candidates) {
    if (place.load <= most && (best === undefined || isBetter(place, best, principal))) best = place;
  }
  return best;
}

function isBetter(a: Place, b: Place, principal: string): boolean {
  const stopped = a.hasStopped(principal);
  if (stopped !== b.hasStopped(principal)) return stopped;
  const own = a.isOnlyOf(principal);
  if (own !== b.isOnlyOf(principal)) return own;
  return a.load < b.load || (a.load === b.load && a.lastRun < b.lastRun);
}
