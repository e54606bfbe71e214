import { runExists, storeClosed } from "../refusals.ts";
import { runSize, takeBySize } from "../run-size.ts";
import type {
  ClaimedRun,
  IdempotencyClaim,
  RunChange,
  RunQuery,
  RunRecord,
  RunStatus,
  RunStore,
  RunTaken,
} from "../run-store.ts";

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
  readonly #claims = new Map<string, ClaimedRun>();
  /** Claims by run, to let go of them together. */
  readonly #claimOf = new Map<string, string>();
  readonly #options: MemoryRunStoreOptions;
  #closed = false;

  constructor(options: MemoryRunStoreOptions) {
    this.#options = options;
  }

  async insert(run: RunRecord, claim?: IdempotencyClaim): Promise<ClaimedRun | undefined> {
    this.#use("insert a run");
    const name = claim === undefined ? undefined : JSON.stringify([run.principal, claim.key]);
    const claimed = name === undefined ? undefined : this.#claims.get(name);
    if (claimed !== undefined) return claimed;
    if (this.#runs.has(run.id)) throw runExists(run.id);
    this.#runs.set(run.id, Object.freeze({ ...run, metadata: structuredClone(run.metadata) }));
    if (name === undefined || claim === undefined) return undefined;
    this.#claims.set(name, Object.freeze({ runId: run.id, digest: claim.digest }));
    this.#claimOf.set(run.id, name);
    return undefined;
  }

  async claimed(principal: string, key: string): Promise<ClaimedRun | undefined> {
    this.#use("look an idempotency key up");
    return this.#claims.get(JSON.stringify([principal, key]));
  }

  async unclaim(principal: string, key: string): Promise<void> {
    this.#use("free an idempotency key");
    const name = JSON.stringify([principal, key]);
    this.#claimOf.delete(this.#claims.get(name)?.runId ?? "");
    this.#claims.delete(name);
  }

  async take(id: string, from: readonly RunStatus[], now: number): Promise<RunTaken | undefined> {
    this.#use("take a run up");
    const run = this.#runs.get(id);
    if (run === undefined || !from.includes(run.status)) return undefined;
    const startedAtMs = run.startedAtMs ?? now;
    const attempt = run.attempt + 1;
    this.#runs.set(id, Object.freeze({ ...run, status: "running", attempt, startedAtMs }));
    return { attempt, startedAtMs };
  }

  async update(id: string, from: readonly RunStatus[], change: RunChange, attempt?: number): Promise<boolean> {
    this.#use("update a run");
    const run = this.#runs.get(id);
    if (run === undefined || !from.includes(run.status)) return false;
    if (attempt !== undefined && run.attempt !== attempt) return false;
    this.#runs.set(id, Object.freeze({ ...run, ...change }));
    if (change.endedAtMs !== undefined) this.#dropOldest(id);
    return true;
  }

  #dropOldest(endedId: string): void {
    this.#ended.add(endedId);
    if (this.#ended.size <= this.#options.endedRuns) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      this.#forget(oldest);
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
    this.#claims.clear();
    this.#claimOf.clear();
  }

  #forget(id: string): void {
    this.#runs.delete(id);
    this.#claims.delete(this.#claimOf.get(id) ?? "");
    this.#claimOf.delete(id);
  }

  /** Whether a run is stored. */
  has(id: string): boolean {
    return this.#runs.has(id);
  }

  /** The latest attempt of a run. @returns `undefined` when it is not stored. */
  attemptOf(id: string): number | undefined {
    return this.#runs.get(id)?.attempt;
  }

  /** Deletes runs that ended before an instant. @returns Their ids. */
  deleteEndedBefore(endedBeforeMs: number): readonly string[] {
    this.#use("prune runs");
    const ended = [...this.#runs.values()].filter(
      (run) => run.endedAtMs !== undefined && run.endedAtMs < endedBeforeMs,
    );
    for (const { id } of ended) {
      this.#forget(id);
      this.#ended.delete(id);
    }
    return ended.map(({ id }) => id);
  }

  #use(action: string): void {
    if (this.#closed) throw storeClosed(action);
  }
}
