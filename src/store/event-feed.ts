/** One event of a run, as it is kept. */
export interface FeedEvent {
  /** Grows by one from 1 within the run. */
  readonly id: number;
  readonly json: string;
}

/** The events of runs, for watchers on any machine. Events of a run go when the run is deleted. */
export interface EventFeed {
  /**
   * Appends events of a run, in order; watchers see them once this resolved. Those of one run that are appended without waiting
   * keep their order.
   *
   * @param isLast Nothing follows: watchers end after these.
   */
  append(runId: string, events: readonly string[], isLast: boolean): Promise<void>;
  /**
   * The events after `afterId`: those there are, then those to come, until the last or the signal. Many watchers share one
   * connection.
   */
  watch(runId: string, afterId: number, signal: AbortSignal): AsyncGenerator<FeedEvent, void, undefined>;
  /** How many events of a run there are. */
  size(runId: string): Promise<number>;
  /** Ends every watcher. Safe to call twice. */
  close(): Promise<void>;
}
