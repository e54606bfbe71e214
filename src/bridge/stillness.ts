import type { Clock, Timer } from "../lib/clock.ts";

/** How long nothing may happen until a run counts as still: a script may compute between an answer and its next call. */
const STILL_AFTER_MS = 50;

/** Finds out that every call of a run that is in flight waits for a decision. */
export class Stillness {
  readonly #clock: Pick<Clock, "after">;
  readonly #onStill: () => void;
  readonly #awaiting = new Set<number>();
  #busy = 0;
  #timer: Timer | undefined;
  #over = false;

  /** @param onStill Called at most once. */
  constructor(clock: Pick<Clock, "after">, onStill: () => void) {
    this.#clock = clock;
    this.#onStill = onStill;
  }

  /** Numbers of the calls that wait for a decision. */
  get awaiting(): ReadonlySet<number> {
    return this.#awaiting;
  }

  /** A call began. */
  enter(): void {
    this.#busy++;
    this.#timer?.cancel();
  }

  /** A call ended and the script was told. */
  leave(): void {
    this.#busy--;
    this.#watch();
  }

  /** A call that began waits for a decision from now on. */
  await(seq: number): void {
    this.#awaiting.add(seq);
    this.leave();
  }

  /** The execution is over: nobody is told any more. */
  close(): void {
    this.#over = true;
    this.#timer?.cancel();
  }

  #watch(): void {
    this.#timer?.cancel();
    if (this.#over || this.#busy > 0 || this.#awaiting.size === 0) return;
    this.#timer = this.#clock.after(STILL_AFTER_MS, () => {
      this.#over = true;
      this.#onStill();
    });
  }
}
