import type { BreakerPolicy } from "../config/call-policies.ts";
import type { Clock } from "../lib/clock.ts";

/** Whether calls pass: all, one to probe, none. */
export type CircuitState = "closed" | "half-open" | "open";

/** What a call says of its server; `neutral`: nothing. */
export type CircuitOutcome = "success" | "failure" | "neutral";

const SLICES = 12;
/** How soon to come back while the probe is under way. */
const PROBE_MS = 1_000;

/**
 * Refuses the calls of a server that keeps failing, so that it can recover and callers know at once.
 *
 *     closed ──(failures in a row, or their share)──► open ──(its time is over)──► half-open
 *       ▲                                              ▲                               │
 *       └──────────────────(the probe goes well)───────┼───────────────────────────────┤
 *                                                      └──────(the probe fails)────────┘
 *
 * What a call says that was let through in an earlier state is not heard. One incident, such as the end of a process, is one
 * failure, however many calls it hits.
 */
export class Circuit {
  readonly #policy: BreakerPolicy;
  readonly #clock: Clock;
  readonly #onChange: (state: CircuitState) => void;
  readonly #rate: FailureRate;
  #state: CircuitState = "closed";
  /** Grows with each change of state. */
  #era = 0;
  readonly #incidents = new WeakSet();
  #inARow = 0;
  #openUntilMs = 0;
  #probing = false;

  constructor(policy: BreakerPolicy, clock: Clock, onChange: (state: CircuitState) => void) {
    this.#policy = policy;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#rate = new FailureRate(policy.windowMs, clock);
  }

  /** The state the next call meets. */
  get state(): CircuitState {
    return this.#state === "open" && this.retryAfterMs <= 0 ? "half-open" : this.#state;
  }

  /** When calls may pass again, ms from now; more than 0 only where they do not. */
  get retryAfterMs(): number {
    if (this.#state === "open") return Math.max(0, Math.ceil(this.#openUntilMs - this.#clock.monotonic()));
    return this.#probing ? PROBE_MS : 0;
  }

  /** @returns What to give to `record` when the call has ended; `undefined` when it may not be made. */
  admit(): number | undefined {
    if (this.#state === "closed") return this.#era;
    if (this.retryAfterMs > 0) return undefined;
    if (this.#state === "open") this.#become("half-open");
    this.#probing = true;
    return this.#era;
  }

  /**
   * @param pass What `admit` gave.
   * @param incident What the failure shares with those of other calls. @default nothing
   */
  record(pass: number, outcome: CircuitOutcome, incident?: object): void {
    if (pass !== this.#era) return;
    if (this.#state === "half-open") {
      this.#probing = false;
      if (outcome !== "neutral") this.#become(outcome === "success" ? "closed" : "open");
    } else if (outcome !== "neutral" && !this.#isKnown(incident)) {
      this.#count(outcome === "failure");
    }
  }

  #isKnown(incident: object | undefined): boolean {
    if (incident === undefined) return false;
    const known = this.#incidents.has(incident);
    this.#incidents.add(incident);
    return known;
  }

  #count(failed: boolean): void {
    const { failures, errorRate, minCalls } = this.#policy;
    this.#inARow = failed ? this.#inARow + 1 : 0;
    this.#rate.add(failed);
    if (!failed) return;
    const { calls, failed: wrong } = this.#rate;
    if (this.#inARow >= failures || (calls >= minCalls && wrong >= calls * errorRate)) this.#become("open");
  }

  #become(state: CircuitState): void {
    this.#state = state;
    this.#era++;
    if (state === "open") this.#openUntilMs = this.#clock.monotonic() + this.#policy.openMs;
    if (state === "closed") {
      this.#inARow = 0;
      this.#rate.clear();
    }
    this.#onChange(state);
  }
}

/** Calls and failures of the time just past, in slices. */
class FailureRate {
  calls = 0;
  failed = 0;
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #calls = new Uint32Array(SLICES);
  readonly #failed = new Uint32Array(SLICES);
  /** Number of the slice that is counted into, from the clock's start. */
  #slice = 0;

  constructor(windowMs: number, clock: Clock) {
    this.#sliceMs = windowMs / SLICES;
    this.#clock = clock;
  }

  add(failed: boolean): void {
    const slice = Math.floor(this.#clock.monotonic() / this.#sliceMs);
    if (slice !== this.#slice) this.#advance(slice);
    const at = slice % SLICES;
    this.#calls[at] = (this.#calls[at] ?? 0) + 1;
    this.calls++;
    if (!failed) return;
    this.#failed[at] = (this.#failed[at] ?? 0) + 1;
    this.failed++;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failed.fill(0);
    this.calls = 0;
    this.failed = 0;
  }

  /** Forgets the slices that are too old. */
  #advance(slice: number): void {
    if (slice - this.#slice >= SLICES) this.clear();
    for (let old = this.#slice + 1; old <= slice && slice - this.#slice < SLICES; old++) {
      const at = old % SLICES;
      this.calls -= this.#calls[at] ?? 0;
      this.failed -= this.#failed[at] ?? 0;
      this.#calls[at] = 0;
      this.#failed[at] = 0;
    }
    this.#slice = slice;
  }
}
