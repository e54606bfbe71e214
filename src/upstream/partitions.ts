import type { Partition } from "./partition.ts";
import { runKey, SHARED, UNUSED } from "./sharing.ts";

/** What the table of partitions needs. */
export interface PartitionsOptions {
  readonly maxSessions: number;
  /** Whether each run has its own: it keeps it while it lives, also when it makes no call. */
  readonly perRun: boolean;
  readonly create: () => Partition;
  /** No room is left. */
  readonly tooMany: () => Error;
}

/** The partitions of one server by key, the one used last at the end; bounded in number. */
export class Partitions {
  readonly #options: PartitionsOptions;
  readonly #byKey = new Map<string, Partition>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: PartitionsOptions) {
    this.#options = options;
  }

  /** Each with its key, the one used last at the end. */
  entries(): readonly (readonly [key: string, partition: Partition])[] {
    return [...this.#byKey];
  }

  /** How many have a live process. */
  get live(): number {
    let count = 0;
    for (const partition of this.#byKey.values()) if (partition.isLive) count += 1;
    return count;
  }

  /** Whether a key's partition is still this one. */
  has(key: string, partition: Partition): boolean {
    return this.#byKey.get(key) === partition;
  }

  /**
   * The partition of a key: its own, else the unused one, else a new one in place of the one unused longest.
   *
   * @throws What `tooMany` makes when every partition is in use.
   */
  take(key: string): Partition {
    const known = this.#byKey.get(key);
    if (known !== undefined) return this.#put(key, known);
    const unused = key === SHARED ? undefined : this.#byKey.get(UNUSED);
    if (unused !== undefined) {
      this.#byKey.delete(UNUSED);
      return this.#put(key, unused);
    }
    this.#makeRoom();
    return this.#put(key, this.#options.create());
  }

  /** The partition whose server can tell its tools soonest: one that is up, else the one used last, else `key`'s. */
  forListing(key: string): Partition {
    const all = [...this.#byKey.values()].toReversed();
    const up = all.find(({ replicas }) => replicas.some(({ session }) => session !== undefined));
    return up ?? all.find(({ isLive }) => isLive) ?? all[0] ?? this.take(key);
  }

  /** Takes what was shared out of common use: nobody has used it yet but to see the tools. */
  unshare(): void {
    const shared = this.#byKey.get(SHARED);
    if (shared === undefined) return;
    this.#byKey.delete(SHARED);
    if (this.#byKey.has(UNUSED)) this.#close(shared);
    else this.#put(UNUSED, shared);
  }

  /** Ends what a run keeps. */
  releaseRun(runId: string): void {
    this.release(runKey(runId));
  }

  /** Ends the partition of a key, if there is one. */
  release(key: string): void {
    const partition = this.#byKey.get(key);
    if (partition === undefined) return;
    this.#byKey.delete(key);
    this.#close(partition);
  }

  /** Ends all of them for good. Safe to call twice. */
  async close(): Promise<void> {
    await Promise.all([...this.#closing, ...[...this.#byKey.values()].map((partition) => partition.close())]);
  }

  #put(key: string, partition: Partition): Partition {
    this.#byKey.delete(key);
    this.#byKey.set(key, partition);
    return partition;
  }

  #makeRoom(): void {
    const { maxSessions, perRun, tooMany } = this.#options;
    if (this.#byKey.size < maxSessions) return;
    for (const [key, partition] of this.#byKey) {
      if (partition.isBusy || (perRun && partition.isLive)) continue;
      this.#byKey.delete(key);
      this.#close(partition);
      return;
    }
    throw tooMany();
  }

  #close(partition: Partition): void {
    const closing = partition.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
