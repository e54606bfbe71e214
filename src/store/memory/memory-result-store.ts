import { resultWithoutRun, storeClosed } from "../refusals.ts";
import { RESULT_PART_BYTES } from "../result-store.ts";
import type { ResultStore, StoredResult } from "../result-store.ts";

/** What a store of results in memory may hold, and of which runs. */
export interface MemoryResultStoreOptions {
  /** All results together; the one kept first goes first. One that is larger alone is kept alone. */
  readonly maxBytes: number;
  readonly isStored: (runId: string) => boolean;
}

/** Results in this process's memory, bounded. */
export class MemoryResultStore implements ResultStore {
  readonly #results = new Map<string, Uint8Array>();
  readonly #options: MemoryResultStoreOptions;
  #bytes = 0;
  #closed = false;

  constructor(options: MemoryResultStoreOptions) {
    this.#options = options;
  }

  async put(runId: string, json: Uint8Array): Promise<void> {
    this.#use("keep a result");
    if (!this.#options.isStored(runId)) throw resultWithoutRun(runId);
    this.#drop(runId);
    this.#results.set(runId, json);
    this.#bytes += json.byteLength;
    for (const oldest of this.#results.keys()) {
      if (this.#bytes <= this.#options.maxBytes || oldest === runId) break;
      this.#drop(oldest);
    }
  }

  async get(runId: string): Promise<StoredResult | undefined> {
    this.#use("read a result");
    const json = this.#results.get(runId);
    if (json === undefined) return undefined;
    return {
      bytes: json.byteLength,
      async *parts() {
        for (let at = 0; at < json.byteLength; at += RESULT_PART_BYTES)
          yield new Uint8Array(json.subarray(at, at + RESULT_PART_BYTES));
      },
    };
  }

  async delete(runId: string): Promise<void> {
    this.#use("delete a result");
    this.#drop(runId);
  }

  /** Deletes the result of a run that is deleted. */
  forget(runId: string): void {
    this.#drop(runId);
  }

  /** Forgets everything. Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#results.clear();
    this.#bytes = 0;
  }

  #drop(runId: string): void {
    this.#bytes -= this.#results.get(runId)?.byteLength ?? 0;
    this.#results.delete(runId);
  }

  #use(action: string): void {
    if (this.#closed) throw storeClosed(action);
  }
}
