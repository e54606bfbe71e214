import { append, floor, MapCtor, mapDelete, mapGet, mapSet, newList } from "./primordials.ts";

/** A time that is waited for. */
export interface Alarm {
  readonly id: number;
  readonly dueMs: number;
  /** Of its setting: of two that are due at once, the one set first is first. */
  readonly number: number;
  /** Its real time has come. */
  ripe: boolean;
  cleared: boolean;
}

/** Alarms by their time. */
export interface Alarms {
  /** Sets an alarm. The id is free: it was not set, or was cleared or taken since. */
  set(id: number, dueMs: number): void;
  clear(id: number): void;
  /** Tells that the real time of an alarm has come; nothing for one that is not set. */
  ripen(id: number): void;
  /** Takes the earliest of all alarms, if it is ripe. */
  takeFirst(): Alarm | undefined;
  /** Takes the earliest of all alarms, if it is due by then, ripe or not. */
  takeDue(atMs: number): Alarm | undefined;
  /** The earliest of all alarms, if it is ripe. */
  firstRipe(): Alarm | undefined;
  /** How many are ripe. */
  readonly ripe: () => number;
}

/** An empty set of alarms. */
export function createAlarms(): Alarms {
  const byId = new MapCtor();
  const heap: Alarm[] = newList();
  let made = 0;
  let ripe = 0;
  const first = (): Alarm | undefined => {
    while (heap.length > 0 && (heap[0] as Alarm).cleared) pop(heap);
    return heap[0];
  };
  const take = (alarm: Alarm): Alarm => {
    pop(heap);
    mapDelete(byId, alarm.id);
    if (alarm.ripe) ripe--;
    return alarm;
  };
  const find = (id: number): Alarm | undefined => mapGet(byId, id) as Alarm | undefined;
  return {
    set(id, dueMs) {
      const alarm: Alarm = { id, dueMs, number: ++made, ripe: false, cleared: false };
      mapSet(byId, id, alarm);
      push(heap, alarm);
    },
    clear(id) {
      const alarm = find(id);
      if (alarm === undefined) return;
      alarm.cleared = true;
      if (alarm.ripe) ripe--;
      mapDelete(byId, id);
    },
    ripen(id) {
      const alarm = find(id);
      if (alarm === undefined || alarm.ripe) return;
      alarm.ripe = true;
      ripe++;
    },
    takeFirst() {
      const alarm = first();
      return alarm?.ripe === true ? take(alarm) : undefined;
    },
    takeDue(atMs) {
      const alarm = first();
      return alarm !== undefined && alarm.dueMs <= atMs ? take(alarm) : undefined;
    },
    firstRipe() {
      const alarm = first();
      return alarm?.ripe === true ? alarm : undefined;
    },
    ripe: () => ripe,
  };
}

function isBefore(a: Alarm, b: Alarm): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.number < b.number);
}

/** Puts an alarm into a heap whose first is the earliest. */
function push(heap: Alarm[], alarm: Alarm): void {
  append(heap, alarm);
  let at = heap.length - 1;
  while (at > 0) {
    const above = floor((at - 1) / 2);
    const parent = heap[above] as Alarm;
    if (!isBefore(alarm, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = alarm;
}

/** Takes the earliest alarm out of a heap that has one. */
function pop(heap: Alarm[]): void {
  const last = heap[heap.length - 1] as Alarm;
  heap.length--;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let below = at * 2 + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Alarm, heap[below] as Alarm)) below++;
    if (!isBefore(heap[below] as Alarm, last)) break;
    heap[at] = heap[below] as Alarm;
    at = below;
  }
  heap[at] = last;
}
