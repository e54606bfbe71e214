import type { Asker, AskerCapabilities } from "../upstream/asker.ts";
import { createAsker } from "./asker.ts";
import type { ClientRequest } from "./asker.ts";

/** Told by a race that something is asked. */
export const ASKED = Symbol("asked");

interface OpenQuestion {
  readonly request: ClientRequest;
  readonly resolve: (answer: unknown) => void;
}

/**
 * What is asked of a client between its requests: the answer to one says what is asked, the next one brings the answers.
 *
 * @source Model Context Protocol 2026-07-28, basic/patterns/mrtr.
 */
export class Rounds {
  /** The client as somebody who can be asked; `undefined` when it declares nothing that servers ask for. */
  readonly asker: Asker | undefined;
  readonly #open = new Map<string, OpenQuestion>();
  #asked = Promise.withResolvers<typeof ASKED>();
  #count = 0;

  constructor(capabilities: AskerCapabilities) {
    this.asker = createAsker(capabilities, (request, signal) => this.#put(request, signal));
  }

  /** What is asked now, by keys that are this call's own. */
  get open(): Readonly<Record<string, ClientRequest>> {
    return Object.fromEntries([...this.#open].map(([key, { request }]) => [key, request]));
  }

  /** Resolves as soon as there is something open. */
  asked(): Promise<typeof ASKED> {
    return this.#asked.promise;
  }

  /** Takes answers in by their keys; those to nothing that is open are dropped. */
  answer(responses: Readonly<Record<string, unknown>>): void {
    for (const [key, response] of Object.entries(responses)) this.#open.get(key)?.resolve(response);
  }

  #put(request: ClientRequest, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const key = `q${++this.#count}`;
    return new Promise((resolve, reject) => {
      const close = (): void => {
        signal.removeEventListener("abort", abort);
        this.#open.delete(key);
        if (this.#open.size === 0) this.#asked = Promise.withResolvers();
      };
      const abort = (): void => {
        close();
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#open.set(key, {
        request,
        resolve: (answer) => {
          close();
          resolve(answer);
        },
      });
      this.#asked.resolve(ASKED);
    });
  }
}
