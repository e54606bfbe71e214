interface Asked<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/** How a batch is sent. */
export interface BatchOptions<Item, Result> {
  /** @returns The result of each, in their order. */
  readonly send: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Calls `flush` when those that come together have come, such as `queueMicrotask` or `setImmediate`. */
  readonly schedule: (flush: () => void) => void;
  /** Items of one message; more go in several. */
  readonly most: number;
  /**
   * Whether a message waits for what came of the one before: until that was answered and those who asked have gone on. What comes
   * meanwhile goes together. @default false
   */
  readonly isSerial?: boolean;
}

/** Sends what comes within one turn in one message: a trip to a server for many costs little more than one for one. */
export class Batch<Item, Result> {
  readonly #options: BatchOptions<Item, Result>;
  #asked: Asked<Item, Result>[] = [];
  #isScheduled = false;

  constructor(options: BatchOptions<Item, Result>) {
    this.#options = options;
  }

  /** @throws Whatever the sending of its message throws. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#asked.length === 0) return;
    this.#isScheduled = true;
    this.#options.schedule(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    const { most, isSerial = false } = this.#options;
    if (isSerial) {
      await this.#send(this.#asked.splice(0, most));
    } else {
      const asked = this.#asked;
      this.#asked = [];
      for (let at = 0; at < asked.length; at += most) void this.#send(asked.slice(at, at + most));
    }
    this.#isScheduled = false;
    this.#schedule();
  }

  async #send(asked: readonly Asked<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.send(asked.map(({ item }) => item));
      for (const [at, { resolve, reject }] of asked.entries()) {
        if (at < results.length) resolve(results[at] as Result);
        else reject(new Error(`a batch of ${asked.length} has ${results.length} results`));
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
