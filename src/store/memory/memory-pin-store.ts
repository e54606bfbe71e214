import type { PinKey, PinRecord, PinStore } from "../pin-store.ts";
import { storeClosed } from "../refusals.ts";

/** Pins in this process's memory: what a server lists first after each start is trusted. */
export class MemoryPinStore implements PinStore {
  readonly #pins = new Map<string, PinRecord>();
  #closed = false;

  async list(): Promise<readonly PinRecord[]> {
    this.#use("list pins");
    return [...this.#pins.values()].sort((a, b) => compare(a.server, b.server) || compare(a.kind, b.kind));
  }

  async get(key: PinKey): Promise<PinRecord | undefined> {
    this.#use("read a pin");
    return this.#pins.get(keyText(key));
  }

  async save(written: readonly PinRecord[], removed: readonly PinKey[] = []): Promise<void> {
    this.#use("save pins");
    for (const key of removed) this.#pins.delete(keyText(key));
    for (const { server, kind, digest, atMs, approvedBy, listing } of written) {
      const kept = Object.freeze({ server, kind, digest, atMs, approvedBy, listing });
      this.#pins.set(keyText(kept), kept);
    }
  }

  /** Forgets everything. Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#pins.clear();
  }

  #use(action: string): void {
    if (this.#closed) throw storeClosed(action);
  }
}

function keyText({ server, kind }: PinKey): string {
  return JSON.stringify([server, kind]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
