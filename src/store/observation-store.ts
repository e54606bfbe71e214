/** Names one tool as one principal uses it. */
export interface ObservationKey {
  /** The principal's id. */
  readonly principal: string;
  readonly server: string;
  readonly tool: string;
}

/** What the results of one tool looked like to one principal. Holds names of properties and no values. */
export interface Observation extends ObservationKey {
  /** Version of the tool that gave the results. */
  readonly digest: string;
  /** Opaque text; bounded by whoever writes it. */
  readonly shape: string;
  /** When the tool answered last, to a day or so. Milliseconds since the epoch. */
  readonly seenAtMs: number;
}

/** Keeps what was learned of tools' results. */
export interface ObservationStore {
  /** The latest seen first. @param limit At most this many. */
  list(limit: number): Promise<readonly Observation[]>;
  /** Writes and removes, all or nothing. A tool has one observation per principal: a newer one takes its place. */
  save(written: readonly Observation[], removed?: readonly ObservationKey[]): Promise<void>;
  /** Removes what was not seen since an instant, in milliseconds since the epoch. @returns How many. */
  prune(seenBeforeMs: number): Promise<number>;
}
