import { runExists, storeClosed } from "../refusals.ts";
import { runSize, takeBySize } from "../run-size.ts";
import type { RunChange, RunQuery, RunRecord, RunStatus, RunStore } from "../run-store.ts";

/** How many ended runs are kept, and who is told of one that is dropped. */
export interface MemoryRunStoreOptions {
  readonly endedRuns: number;
  readonly onDropped: (runId: string) => void;
}

/** Runs in this process's memory: for embedders and tests. Lasts as long as the process. */
export class MemoryRunStore implements RunStore {
  readonly #runs = new Map<string, RunRecord>();
  /** Ids of ended runs, the one that ended first first. */
  readonly #ended = new Set<string>();
  readonly #options: MemoryRunStoreOptions;
  #closed = false;

  constructor(options: MemoryRunStoreOptions) {
    this.#options = options;
  }

  async insert(run: RunRecord): Promise<void> {
    this.#use("insert a run");
    if (this.#runs.has(run.id)) throw runExists(run.id);
    this.#runs.set(run.id, Object.freeze({ ...run, metadata: structuredClone(run.metadata) }));
  }

  async update(id: string, from: readonly RunStatus[], change: RunChange): Promise<boolean> {
    this.#use("update a run");
    const run = this.#runs.get(id);
    if (run === undefined || !from.includes(run.status)) return false;
    this.#runs.set(id, Object.freeze({ ...run, ...change }));
    if (change.endedAtMs !== undefined) this.#dropOldest(id);
    return true;
  }

  #dropOldest(endedId: string): void {
    this.#ended.add(endedId);
    if (this.#ended.size <= this.#options.endedRuns) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      this.#runs.delete(oldest);
      this.#options.onDropped(oldest);
      return;
    }
  }

  async get(id: string): Promise<RunRecord | undefined> {
    this.#use("read a run");
    return this.#runs.get(id);
  }

  async list({ principal, status, limit, before, maxSize }: RunQuery): Promise<readonly RunRecord[]> {
    this.#use("list runs");
    const page = [...this.#runs.values()]
      .filter((run) => principal === undefined || run.principal === principal)
      .filter((run) => status === undefined || run.status === status)
      .filter((run) => before === undefined || run.id < before)
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .slice(0, limit);
    return takeBySize(page, runSize, maxSize);
  }

  async unfinished(): Promise<readonly RunRecord[]> {
    this.#use("list unfinished runs");
    return [...this.#runs.values()]
      .filter((run) => run.status === "queued" || run.status === "running")
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#runs.clear();
    this.#ended.clear();
  }

  /** Whether a run is stored. */
  has(id: string): boolean {
    return this.#runs.has(id);
  }

  /** Deletes runs that ended before an instant. @returns Their ids. */
  deleteEndedBefore(endedBeforeMs: number): readonly string[] {
    this.#use("prune runs");
    const ended = [...this.#runs.values()].filter(
      (run) => run.endedAtMs !== undefined && run.endedAtMs < endedBeforeMs,
    );
    for (const { id } of ended) {
      this.#runs.delete(id);
      this.#ended.delete(id);
    }
    return ended.map(({ id }) => id);
  }

  #use(action: string): void {
    if (this.#closed) throw storeClosed(action);
  }
}
