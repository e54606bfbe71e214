import { limitError } from "./errors.ts";
import type { Host } from "./host.ts";
import {
  apply,
  ErrorCtor,
  floor,
  later,
  MapCtor,
  mapDelete,
  mapGet,
  mapSet,
  mapSize,
  NumberCtor,
  StringCtor,
  TypeErrorCtor,
} from "./primordials.ts";

interface PendingTimer {
  readonly callback: (...args: unknown[]) => void;
  readonly args: readonly unknown[];
  /** `undefined` for one that fires once. */
  readonly everyMs: number | undefined;
}

/** Timers of a script; the host owns the time. */
export interface Timers {
  readonly globals: Readonly<Record<string, unknown>>;
  /** `setTimeout` as it was before any script ran. @throws TIMER_LIMIT, as a `ToolError`. */
  set(callback: () => void, delayMs: number): void;
  /** Runs the callback of a timer whose time has come. @returns What it returned. */
  fire(id: number): unknown;
  /** The host comes in again: what was sent to it has been taken. */
  entered(): void;
}

const MAX_DELAY_MS = 2_147_483_647;
/** Timers that may be set before the host comes in again, cleared ones too: each is a message that waits for the host. */
const TIMERS_PER_ENTRY = 20_000;

/** Makes `setTimeout` and its like. Ids are numbers; strings are not run as code. */
export function createTimers(host: Host): Timers {
  const pending = new MapCtor();
  let lastId = 0;
  let setSinceEntry = 0;
  const add = (callback: unknown, delay: unknown, args: readonly unknown[], repeat: boolean): number => {
    if (typeof callback !== "function")
      throw new TypeErrorCtor("Cannot set a timer: the first argument must be a function");
    // It may run the script's own code, which may set timers too: nothing is counted before it.
    const asked = NumberCtor(delay);
    if (mapSize(pending) >= host.limits.timers) throw tooManyPending(host.limits.timers);
    if (++setSinceEntry > TIMERS_PER_ENTRY) throw tooManySet();
    const delayMs = asked >= 1 && asked <= MAX_DELAY_MS ? floor(asked) : 1;
    const id = ++lastId;
    mapSet(pending, id, {
      callback: callback as PendingTimer["callback"],
      args,
      everyMs: repeat ? delayMs : undefined,
    } satisfies PendingTimer);
    host.send("timer", StringCtor(id), StringCtor(delayMs));
    return id;
  };
  const clear = (id: unknown): void => {
    const number = typeof id === "symbol" ? NaN : NumberCtor(id);
    if (mapDelete(pending, number)) host.send("untimer", StringCtor(number));
  };
  return {
    globals: {
      setTimeout: (callback: unknown, delay?: unknown, ...args: unknown[]) => add(callback, delay, args, false),
      setInterval: (callback: unknown, delay?: unknown, ...args: unknown[]) => add(callback, delay, args, true),
      setImmediate: (callback: unknown, ...args: unknown[]) => add(callback, 1, args, false),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
      queueMicrotask: (callback: unknown) => {
        if (typeof callback !== "function")
          throw new TypeErrorCtor("Cannot queue a microtask: the argument must be a function");
        later(() => apply(callback, undefined, []) as unknown);
      },
    },
    set: (callback, delayMs) => void add(callback, delayMs, [], false),
    fire(id) {
      const timer = mapGet(pending, id) as PendingTimer | undefined;
      if (timer === undefined) return undefined;
      if (timer.everyMs === undefined) mapDelete(pending, id);
      else host.send("timer", StringCtor(id), StringCtor(timer.everyMs));
      return apply(timer.callback, undefined, timer.args);
    },
    entered() {
      setSinceEntry = 0;
    },
  };
}

function tooManyPending(timers: number): Error {
  return limitError(
    "TIMER_LIMIT",
    `Cannot set a timer as ${timers} may be pending at once: so many are`,
    "Clear timers you no longer need, or ask for more with limits.timers.",
    new ErrorCtor(),
  );
}

function tooManySet(): Error {
  return limitError(
    "TIMER_LIMIT",
    `Cannot set a timer as ${TIMERS_PER_ENTRY} may be set without waiting for one, cleared ones too: so many were`,
    "Look for a loop that sets timers without awaiting anything.",
    new ErrorCtor(),
  );
}
