import type { Observation, ObservationKey, ObservationStore } from "../observation-store.ts";
import { storeClosed } from "../refusals.ts";

/** Observations in this process's memory. */
export class MemoryObservationStore implements ObservationStore {
  readonly #observations = new Map<string, Observation>();
  #closed = false;

  async list(limit: number): Promise<readonly Observation[]> {
    this.#use("list observations");
    return [...this.#observations.values()].sort((a, b) => b.seenAtMs - a.seenAtMs).slice(0, limit);
  }

  async save(written: readonly Observation[], removed: readonly ObservationKey[] = []): Promise<void> {
    this.#use("save observations");
    for (const key of removed) this.#observations.delete(keyText(key));
    for (const { principal, server, tool, digest, shape, seenAtMs } of written) {
      const kept = Object.freeze({ principal, server, tool, digest, shape, seenAtMs });
      this.#observations.set(keyText(kept), kept);
    }
  }

  async prune(seenBeforeMs: number): Promise<number> {
    this.#use("prune observations");
    const old = [...this.#observations].filter(([, { seenAtMs }]) => seenAtMs < seenBeforeMs);
    for (const [key] of old) this.#observations.delete(key);
    return old.length;
  }

  /** Forgets everything. Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#observations.clear();
  }

  #use(action: string): void {
    if (this.#closed) throw storeClosed(action);
  }
}

function keyText({ principal, server, tool }: ObservationKey): string {
  return JSON.stringify([principal, server, tool]);
}
