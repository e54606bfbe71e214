import { expect, test } from "vitest";
import { RecentRuns } from "../../../src/runs/recent-runs.ts";
import { RunEventLog } from "../../../src/runs/run-events.ts";
import type { RunEvent } from "../../../src/runs/run.ts";

const MIB = 1024 * 1024;

async function take(log: RunEventLog, count: number): Promise<readonly RunEvent[]> {
  const taken: RunEvent[] = [];
  for await (const event of log.watch(0, undefined)) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

test("all watchers of a run get the same events, so that what is made of one for a watcher serves all", async () => {
  const log = new RunEventLog();
  log.add({ type: "queued" }, 1);
  log.add({ type: "emit", json: '{"a":[1]}' }, 2);
  const [first, second] = [await take(log, 2), await take(log, 2)];
  expect(first.map((event, at) => event === second[at])).toEqual([true, true]);
  expect(JSON.stringify(first[1])).toBe('{"type":"emit","value":{"a":[1]},"id":2,"atMs":2}');
});

test("an emitted value is kept as its text: a watcher's copy of it is its own", async () => {
  const log = new RunEventLog();
  log.add({ type: "emit", json: "[1]" }, 1);
  const [event] = await take(log, 1);
  const values = event?.type === "emit" ? [event.value, event.value] : [];
  expect(values).toEqual([[1], [1]]);
  expect(values[0]).not.toBe(values[1]);
});

test("of ended runs so many are held as take a bounded amount of memory, whatever their values are", () => {
  const recent = new RecentRuns();
  const small = Array.from({ length: 300 }, (_, at) => recent.add(`small ${at}`, 1_000)).flat();
  expect(small).toEqual(Array.from({ length: 44 }, (_, at) => `small ${at}`));
  // A mebibyte of JSON may take fourteen as values.
  const large = Array.from({ length: 12 }, (_, at) => recent.add(`large ${at}`, MIB)).flat();
  expect(large.slice(-3)).toEqual(["large 0", "large 1", "large 2"]);
  expect(recent.add("huge", 64 * MIB)).toContain("huge");
  expect(recent.oldest).toBeUndefined();
});
