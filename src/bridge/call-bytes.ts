import { Turns } from "../lib/turns.ts";

const MIB = 1024 * 1024;
/**
 * Arguments of calls that are being made at once, by all runs together, as JSON in UTF-16 units. Each is held as text, as values and
 * as what goes to the server: some 20 bytes for one of the worst form.
 */
const MAX_UNITS = 64 * MIB;
/** Of one principal's runs. */
const MAX_UNITS_OF_ONE = MAX_UNITS / 2;

/** Arguments that are counted until this is disposed. Idempotent. */
export type CallBytesLease = Disposable;

interface Waiting {
  readonly owner: string;
  readonly units: number;
  readonly grant: () => void;
}

/**
 * Flow control of the calls that all runs make: bounds the arguments that are read, checked and sent at once. Calls that would be
 * over it wait as the text they came as, which their run's own limits bound; principals take turns, and none can have all of it.
 */
export class CallBytes {
  readonly #owners = new Map<string, number>();
  readonly #waiting = new Turns<Waiting>();
  #all = 0;

  /** Arguments that are counted now. */
  get held(): number {
    return this.#all;
  }

  /** Counts a call's arguments without waiting. @returns `undefined` when there is no room, or others wait for it. */
  tryTake(owner: string, units: number): CallBytesLease | undefined {
    const isNext = this.#waiting.count(owner) === 0 && this.#next() === undefined;
    return isNext && this.#isOwnRoom(owner, units) && this.#isRoom(units) ? this.#lease(owner, units) : undefined;
  }

  /**
   * Counts a call's arguments as soon as there is room. One call that is larger than all room has it alone.
   *
   * @throws The signal's reason when it aborts before.
   */
  take(owner: string, units: number, signal: AbortSignal): Promise<CallBytesLease> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.remove(waiting);
        reject(signal.reason as Error);
      };
      const waiting: Waiting = {
        owner,
        units,
        grant: () => {
          signal.removeEventListener("abort", leave);
          resolve(this.#lease(owner, units));
        },
      };
      if (signal.aborted) {
        leave();
        return;
      }
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiting);
      this.#grantAll();
    });
  }

  #isOwnRoom(owner: string, units: number): boolean {
    const own = this.#owners.get(owner) ?? 0;
    return own === 0 || own + units <= MAX_UNITS_OF_ONE;
  }

  #isRoom(units: number): boolean {
    return this.#all === 0 || this.#all + units <= MAX_UNITS;
  }

  /** The call whose turn it is, of those that only others keep waiting. */
  #next(): Waiting | undefined {
    return this.#waiting.next(({ owner, units }) => this.#isOwnRoom(owner, units));
  }

  #lease(owner: string, units: number): CallBytesLease {
    this.#owners.set(owner, (this.#owners.get(owner) ?? 0) + units);
    this.#all += units;
    let isOpen = true;
    return {
      [Symbol.dispose]: () => {
        if (!isOpen) return;
        isOpen = false;
        const left = (this.#owners.get(owner) ?? 0) - units;
        if (left > 0) this.#owners.set(owner, left);
        else this.#owners.delete(owner);
        this.#all -= units;
        this.#grantAll();
      },
    };
  }

  #grantAll(): void {
    // A large call is not overtaken by small ones for ever: what is free is kept for the one whose turn it is.
    for (let next = this.#next(); next !== undefined && this.#isRoom(next.units); next = this.#next()) {
      this.#waiting.take((item) => item === next);
      next.grant();
    }
  }
}
