/** Names one record: what was `approved` of a server, or what it `listed` last where that differs. */
export interface PinKey {
  readonly server: string;
  readonly kind: "approved" | "listed";
}

/** What one server listed at one time. */
export interface PinRecord extends PinKey {
  /** Of the listing; the same text gives the same digest. */
  readonly digest: string;
  /** When it was listed or approved. Milliseconds since the epoch. */
  readonly atMs: number;
  /** Id of the principal who approved it. `undefined`: nobody did, it was the first that was seen. */
  readonly approvedBy: string | undefined;
  /** Opaque text; bounded by whoever writes it. */
  readonly listing: string;
}

/** Keeps the tool lists that servers are held to. */
export interface PinStore {
  /** Every record, sorted by server, `approved` first. */
  list(): Promise<readonly PinRecord[]>;
  /** @returns `undefined` when there is none. */
  get(key: PinKey): Promise<PinRecord | undefined>;
  /** Writes and removes, all or nothing; a record takes the place of the one with its key. */
  save(written: readonly PinRecord[], removed?: readonly PinKey[]): Promise<void>;
}
