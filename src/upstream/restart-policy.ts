import { fullJitterMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { RunletError } from "../lib/errors.ts";
import type { UpstreamState } from "./upstream.ts";

const BACKOFF = { baseMs: 1_000, maxMs: 30_000 };
/** What was well for so long has its earlier failures forgiven. */
const STABLE_MS = 300_000;

/** What a restart policy needs. */
export interface RestartPolicyOptions {
  /** Failures in a row after which starts are rare; `undefined`: one is enough, and only `reset` allows another start. */
  readonly maxFailures: number | undefined;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** The first failure in a row costs no wait. @default false */
  readonly forgiving?: boolean;
}

/**
 * When something that failed may be tried again: after 1 s, doubled up to 30 s, with full jitter; once the failures in a row
 * are too many, every 30 s. Five minutes without a failure after a success make the next one the first.
 */
export class RestartPolicy {
  readonly #options: RestartPolicyOptions;
  #failures = 0;
  #error: RunletError | undefined;
  #retryAtMs = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #wellSinceMs: number | undefined;
  #trial: Promise<void> | undefined;

  constructor(options: RestartPolicyOptions) {
    this.#options = options;
  }

  /** `stopped` when nothing keeps it from a start, `failed` in or after a back-off, `degraded` when it failed too often. */
  get state(): Extract<UpstreamState, "stopped" | "failed" | "degraded"> {
    const { maxFailures = 0, forgiving } = this.#options;
    if (this.#failures === 0 || this.#wellSinceMs !== undefined) return "stopped";
    if (this.#failures > maxFailures) return "degraded";
    return forgiving === true && this.#failures === 1 ? "stopped" : "failed";
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** The last failure. */
  get error(): RunletError | undefined {
    return this.#error;
  }

  /** A start on which others wait, as the one before it failed. */
  get trial(): Promise<void> | undefined {
    return this.#trial;
  }

  /** Time until it may be tried, in whole ms: 0 is now, `Infinity` is never. */
  waitMs(): number {
    if (this.state === "stopped") return 0;
    return Math.max(0, Math.ceil(this.#retryAtMs - this.#options.clock.monotonic()));
  }

  /** Notes a start under way; others wait on it where the one before it failed. @param start Must not reject. */
  begun(start: Promise<void>): void {
    if (this.state === "stopped") return;
    const trial = start.finally(() => {
      if (this.#trial === trial) this.#trial = undefined;
    });
    this.#trial = trial;
  }

  /** Notes a success. */
  succeeded(): void {
    this.#wellSinceMs ??= this.#options.clock.monotonic();
  }

  /**
   * Notes a failure. One of an attempt that was under way when the last failure came tells nothing new and counts nothing.
   *
   * @param begunAtMs When the attempt began, on the monotonic clock.
   */
  failed(error: RunletError, begunAtMs: number): void {
    const { clock, random, maxFailures, forgiving = false } = this.#options;
    if (begunAtMs < this.#failedAtMs) return;
    const nowMs = clock.monotonic();
    if (this.#wellSinceMs !== undefined && nowMs - this.#wellSinceMs >= STABLE_MS) this.#failures = 0;
    this.#wellSinceMs = undefined;
    this.#failures += 1;
    this.#failedAtMs = nowMs;
    this.#error = error;
    if (maxFailures === undefined) this.#retryAtMs = Number.POSITIVE_INFINITY;
    else if (this.#failures > maxFailures) this.#retryAtMs = nowMs + BACKOFF.maxMs;
    else this.#retryAtMs = nowMs + fullJitterMs(this.#failures - (forgiving ? 1 : 0), BACKOFF, random);
  }

  /** Forgets every failure. */
  reset(): void {
    this.#failures = 0;
    this.#error = undefined;
    this.#failedAtMs = Number.NEGATIVE_INFINITY;
    this.#wellSinceMs = undefined;
    this.#trial = undefined;
  }
}
