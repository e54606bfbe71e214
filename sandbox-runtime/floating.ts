import { describeReason } from "./errors.ts";
import type { Inspect } from "./inspect.ts";
import type { Notify } from "./notices.ts";
import {
  append,
  isInteger,
  MapCtor,
  mapForEach,
  mapGet,
  mapSet,
  newList,
  promiseThen,
  soon,
  StringCtor,
} from "./primordials.ts";
import { isOrdinary, watch, watchedAs } from "./promises.ts";
import type { Watched } from "./promises.ts";

/** Promises that a script dropped where it made them. */
export interface FloatingPromises {
  /**
   * Takes the value of an expression that the script's text does nothing with, and gives it back. A promise is watched from
   * here on. Never throws; a script that calls it itself gains a line in its own logs at most.
   *
   * @param line Of the expression, in the caller's text; anything else is left out of what is told.
   */
  readonly track: (value: unknown, line: unknown) => unknown;
  /** Tells of the promises that were rejected and that nothing has looked at since. */
  flush(): void;
  /** The script is over: goes on telling for as long as it takes what is being rejected to be so. */
  end(): void;
}

interface Rejection {
  readonly known: Watched;
  readonly line: unknown;
  readonly reason: unknown;
}

/** Rejections that are held to be told. */
const MAX_HELD = 100;
/** Microtasks after the end of a script for which its dropped promises are still heard. */
const TURNS_AFTER_END = 32;

/**
 * Finds rejections that nobody handles, as far as a script can be seen to drop promises: where its text calls something and
 * uses the value for nothing. Not seen are promises that are kept in a variable and forgotten, made by library code inside
 * of other expressions, or of a class of the script's own; nor is it known whether one was handled before it came here.
 *
 * @param notify Writes one line. @param inspect Text of what is no error.
 */
export function createFloating(notify: Notify, inspect: Inspect): FloatingPromises {
  let held: Rejection[] = newList();
  let pending = 0;
  const rejected = (known: Watched, line: unknown, reason: unknown): void => {
    pending--;
    if (!known.looked && held.length < MAX_HELD) append(held, { known, line, reason });
  };
  const flush = (): void => {
    if (held.length === 0) return;
    const rejections = held;
    held = newList();
    const texts = new MapCtor();
    for (let i = 0; i < rejections.length; i++) {
      const { known, line, reason } = rejections[i] as Rejection;
      if (known.looked) continue;
      const where = isInteger(line) ? ` (line ${line as number})` : "";
      const text = `A promise was rejected and nothing awaited it${where}: ${describeReason(reason, inspect)}`;
      mapSet(texts, text, ((mapGet(texts, text) as number | undefined) ?? 0) + 1);
    }
    mapForEach(texts, (count, text) =>
      notify(count === 1 ? StringCtor(text) : `${StringCtor(text)} (${StringCtor(count)} times)`),
    );
  };
  const drain = (turns: number): void => {
    if (pending > 0 && turns > 0) soon(() => drain(turns - 1));
    else flush();
  };
  return {
    track(value, line) {
      if (typeof value !== "object" || value === null) return value;
      try {
        if (watchedAs(value) !== undefined || !isOrdinary(value)) return value;
        const known: Watched = { looked: false, tool: undefined };
        // Throws when it is none; its own reaction comes after those the script has added.
        void promiseThen(
          value,
          () => void pending--,
          (reason) => rejected(known, line, reason),
        );
        watch(value, known);
        pending++;
      } catch {
        return value; // A proxy's own doing, or an object that only inherits from promises: nothing to watch.
      }
      return value;
    },
    flush,
    end: () => drain(TURNS_AFTER_END),
  };
}
