import { createHash } from "node:crypto";
import { RunletError } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";

const MAX_KEYS = 10_000;

/** Remembers which run an idempotency key made: the newest 10,000 keys of this process. */
export class IdempotencyKeys {
  readonly #runs = new Map<string, { readonly digest: string; readonly runId: Promise<string> }>();

  /**
   * The run that a key made before, or the one that `make` makes now. Two requests with one key at the same time make one
   * run.
   *
   * @throws IDEMPOTENCY_CONFLICT when the key was used with another request; whatever `make` throws, and then the key is free again.
   */
  async once(principal: string, key: string, request: unknown, make: () => Promise<string>): Promise<string> {
    const name = JSON.stringify([principal, key]);
    const digest = createHash("sha256").update(canonicalJson(request)).digest("base64");
    const known = this.#runs.get(name);
    if (known !== undefined) {
      if (known.digest === digest) return known.runId;
      throw new RunletError(
        "IDEMPOTENCY_CONFLICT",
        "Cannot use the idempotency key again as it came with another request before",
        {
          hint: "Use a new key for a new request.",
        },
      );
    }
    const runId = make();
    this.#runs.set(name, { digest, runId });
    const [oldest] = this.#runs.keys();
    if (this.#runs.size > MAX_KEYS && oldest !== undefined) this.#runs.delete(oldest);
    try {
      return await runId;
    } catch (error) {
      this.#runs.delete(name);
      throw error;
    }
  }
}
