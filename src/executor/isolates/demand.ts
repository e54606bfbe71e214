/** Demand is what was asked for in one such time; half of it is forgotten with each that passes. */
const WINDOW_MS = 1_000;

/** What a stock is kept at. */
export interface DemandBounds {
  /** Kept when nobody asks. */
  readonly floor: number;
  /** Kept at most. */
  readonly most: number;
}

/** How many of something to keep ready: as many as were asked for in the busiest second of late. */
export class Demand {
  readonly #bounds: DemandBounds;
  #windowAtMs: number;
  #inWindow = 0;
  #peak = 0;

  /** @param nowMs Monotonic time, in ms. */
  constructor(bounds: DemandBounds, nowMs: number) {
    this.#bounds = bounds;
    this.#windowAtMs = nowMs;
  }

  /** One was asked for. */
  note(nowMs: number): void {
    this.#pass(nowMs);
    this.#inWindow++;
  }

  /** How many to keep ready now. */
  target(nowMs: number): number {
    this.#pass(nowMs);
    const { floor, most } = this.#bounds;
    return Math.max(floor, Math.min(most, Math.ceil(Math.max(this.#peak, this.#inWindow))));
  }

  #pass(nowMs: number): void {
    const windows = Math.floor((nowMs - this.#windowAtMs) / WINDOW_MS);
    if (windows <= 0) return;
    this.#peak = Math.max(this.#inWindow, this.#peak / 2) / 2 ** (windows - 1);
    this.#windowAtMs += windows * WINDOW_MS;
    this.#inWindow = 0;
  }
}
