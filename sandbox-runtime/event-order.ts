import { createAlarms } from "./alarms.ts";
import type { SeededClock } from "./clock.ts";
import type { Send } from "./host.ts";
import { append, later, MapCtor, mapDelete, mapGet, mapSet, mapSize, newList, NumberCtor } from "./primordials.ts";

/** What reaches a script, and when. */
export interface EventOrder {
  /** Sends, and takes note of the calls and timers that something will come back for. */
  readonly send: Send;
  /** Takes what the host tells, and gives the script the one thing that is next, if it is there. @param events As in `Runtime.deliver` */
  deliver(events: readonly string[]): void;
}

/** What takes the events. */
export interface EventTakers {
  reply(id: number, ok: boolean, json: string): void;
  fire(id: number): unknown;
}

/** Texts that tell one event, see `Runtime.deliver`. */
export const EVENT_PARTS = 4;

interface Answer {
  readonly ok: boolean;
  readonly json: string;
}

/** How long an answer of a tool takes on a seeded clock, in ms. */
const ANSWER_MS = 1;
/** A timer of this id and delay has the host come in again as soon as the entry is left. */
export const AGAIN = "0";

/**
 * Orders what happens to a script so that it depends on the script and on what its tools answer, and not on when: answers
 * come in the order of their calls; timers in the order of their time, and only while no call is in flight; each in an
 * entry of its own, when all that the one before it caused is over. Time passes by an answer or by a timer alone.
 *
 * Every call is answered some day, so nothing waits for ever that would not without the order.
 */
export function createEventOrder(send: Send, clock: SeededClock, takers: EventTakers): EventOrder {
  const calls = createCallOrder();
  const alarms = createAlarms();
  const note: Send = (type, a, b) => {
    const id = NumberCtor(a);
    if (type === "call") calls.made(id);
    else if (type === "timer") alarms.set(id, clock.atMs() + NumberCtor(b));
    else if (type === "untimer") alarms.clear(id);
  };
  const giveAnswer = (): boolean => {
    const next = calls.takeFirst();
    if (next === undefined) return false;
    clock.advanceTo(clock.atMs() + ANSWER_MS);
    takers.reply(next.id, next.answer.ok, next.answer.json);
    return true;
  };
  const fireAlarm = (): boolean => {
    const alarm = alarms.takeFirst();
    if (alarm === undefined) return false;
    clock.advanceTo(alarm.dueMs);
    later(() => takers.fire(alarm.id));
    return true;
  };
  return {
    send(type, a, b, c) {
      note(type, a, b);
      send(type, a, b, c);
    },
    deliver(events) {
      for (let i = 0; i < events.length; i += EVENT_PARTS) {
        const id = NumberCtor(events[i + 1]);
        if (events[i] === "timer") alarms.ripen(id);
        else if (events[i] !== "tick") calls.answered(id, { ok: events[i] === "ok", json: events[i + 2] ?? "null" });
      }
      const gave = calls.inFlight() ? giveAnswer() : fireAlarm();
      if (gave && calls.answers() + alarms.ripe() > 0) send("timer", AGAIN, AGAIN);
    },
  };
}

/** Calls in the order they were made, with their outcomes. */
interface CallOrder {
  made(id: number): void;
  answered(id: number, answer: Answer): void;
  /** Whether there is a call whose outcome the script has not got. */
  inFlight(): boolean;
  /** How many outcomes are kept. */
  answers(): number;
  /** Takes the first call that is in flight, if it is answered. */
  takeFirst(): { readonly id: number; readonly answer: Answer } | undefined;
}

function createCallOrder(): CallOrder {
  const answers = new MapCtor();
  let ids: number[] = newList();
  /** Where in the list the first call is that is in flight. */
  let first = 0;
  return {
    made: (id) => append(ids, id),
    answered: (id, answer) => void mapSet(answers, id, answer),
    inFlight: () => first < ids.length,
    answers: () => mapSize(answers),
    takeFirst() {
      const id = ids[first] as number;
      const answer = mapGet(answers, id) as Answer | undefined;
      if (answer === undefined) return undefined;
      mapDelete(answers, id);
      if (++first === ids.length) {
        ids = newList();
        first = 0;
      }
      return { id, answer };
    },
  };
}
