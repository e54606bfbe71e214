import { createAlarms } from "./alarms.ts";
import type { SeededClock } from "./clock.ts";
import { AGAIN, EVENT_PARTS } from "./event-order.ts";
import type { EventOrder, EventTakers } from "./event-order.ts";
import type { Send } from "./host.ts";
import { append, later, newList, NumberCtor, StringCtor } from "./primordials.ts";

/** An answer that has come and that the script has not got. */
interface ToldAnswer {
  readonly id: number;
  readonly ok: boolean;
  readonly json: string;
  /** The instant that the service gave it. */
  readonly atMs: number;
}

/** Answers in the order in which they came. */
interface Answers {
  add(answer: ToldAnswer): void;
  readonly first: () => ToldAnswer | undefined;
  takeFirst(): void;
  readonly size: () => number;
}

function createAnswers(): Answers {
  let answers: ToldAnswer[] = newList();
  let next = 0;
  return {
    add: (answer) => append(answers, answer),
    first: () => answers[next],
    takeFirst() {
      if (++next < answers.length) return;
      answers = newList();
      next = 0;
    },
    size: () => answers.length - next,
  };
}

/**
 * Orders what happens to a script by the times that the service tells, so that it can be told the same again: answers in the
 * order in which they come, which never go back in time; timers that are due by the time of an answer go before it. Each has an
 * entry of its own, when all that the one before it caused is over, and the clock stands still in between.
 *
 * A timer that is due while calls are in flight might race with an answer that is on its way: it fires once the service has
 * put it in its order.
 */
export function createToldOrder(send: Send, clock: SeededClock, takers: EventTakers): EventOrder {
  const alarms = createAlarms();
  const answers = createAnswers();
  let inFlight = 0;
  /** Up to when timers may fire while calls are in flight, and up to when the service was asked. */
  let allowedMs = 0;
  let askedMs = 0;

  const take = (events: readonly string[]): void => {
    for (let i = 0; i < events.length; i += EVENT_PARTS) {
      const kind = events[i];
      const id = NumberCtor(events[i + 1]);
      const atMs = NumberCtor(events[i + 3]);
      if (kind === "timer") alarms.ripen(id);
      else if (kind !== "tick") answers.add({ id, ok: kind === "ok", json: events[i + 2] ?? "null", atMs });
      else if (atMs > allowedMs) allowedMs = atMs;
    }
  };
  const fire = (alarm: ReturnType<typeof alarms.takeDue>): boolean => {
    if (alarm === undefined) return false;
    clock.advanceTo(alarm.dueMs);
    later(() => takers.fire(alarm.id));
    return true;
  };
  const giveAnswer = (answer: ToldAnswer): boolean => {
    if (fire(alarms.takeDue(answer.atMs))) return true;
    answers.takeFirst();
    inFlight--;
    clock.advanceTo(answer.atMs);
    takers.reply(answer.id, answer.ok, answer.json);
    return true;
  };
  const fireAlarm = (): boolean => {
    const alarm = alarms.firstRipe();
    if (alarm === undefined) return false;
    if (inFlight === 0 || alarm.dueMs <= allowedMs) return fire(alarms.takeFirst());
    if (alarm.dueMs > askedMs) {
      askedMs = alarm.dueMs;
      send("tick", StringCtor(askedMs), "");
    }
    return false;
  };
  return {
    send(type, a, b, c) {
      if (type === "timer") {
        const dueMs = clock.atMs() + NumberCtor(b);
        alarms.set(NumberCtor(a), dueMs);
        send(type, a, b, StringCtor(dueMs));
        return;
      }
      if (type === "call") inFlight++;
      else if (type === "untimer") alarms.clear(NumberCtor(a));
      send(type, a, b, c);
    },
    deliver(events) {
      take(events);
      const answer = answers.first();
      const gave = answer === undefined ? fireAlarm() : giveAnswer(answer);
      if (gave && answers.size() + alarms.ripe() > 0) send("timer", AGAIN, AGAIN);
    },
  };
}
