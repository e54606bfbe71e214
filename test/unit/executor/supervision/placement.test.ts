import { describe, expect, test } from "vitest";
import { choosePlace } from "../../../../src/executor/supervision/placement.ts";
import type { Place } from "../../../../src/executor/supervision/placement.ts";
import { WaitingRuns } from "../../../../src/executor/supervision/waiting-runs.ts";

/** A process by whose runs it holds. */
function place(
  owners: string,
  { lastRun = 0, isSwollen = false, stopped = "" } = {},
): Place & { readonly owners: string } {
  const isOnlyOf = (principal: string): boolean =>
    `${owners}${stopped}`.split("").every((owner) => owner === principal);
  const hasStopped = (principal: string): boolean => stopped.includes(principal);
  return { owners, load: owners.length, lastRun, isSwollen, isOnlyOf, hasStopped };
}

function chosen(owners: readonly string[], principal: string, room = 16): string | undefined {
  return choosePlace(
    owners.map((each) => place(each)),
    principal,
    room,
  )?.owners;
}

describe("a run is placed", () => {
  test("with the fewest others, where all are its principal's", () => {
    expect(chosen(["aaa", "a", "aa"], "a")).toBe("a");
  });

  test("beside runs of its principal, or of nobody, rather than of others", () => {
    expect(chosen(["b", "aa"], "a")).toBe("aa");
    expect(chosen(["a", ""], "b")).toBe("");
    expect(chosen(["ab", "b", "aab"], "a")).toBe("b");
  });

  test("beside others rather than where much more is to do", () => {
    expect(chosen(["b", "aaa"], "a")).toBe("aaa");
    expect(chosen(["b", "aaaa"], "a")).toBe("b");
  });

  test("nowhere when no process has room", () => {
    expect(chosen(["aa", "bb"], "a", 2)).toBeUndefined();
    expect(chosen(["aa", "b"], "a", 2)).toBe("b");
    expect(chosen([], "a")).toBeUndefined();
  });

  test("of two alike on the one used longest ago", () => {
    const places = [place("a", { lastRun: 7 }), place("a", { lastRun: 3 })];
    expect(choosePlace(places, "a", 16)).toBe(places[1]);
  });

  test("where its principal's last one is being stopped, and not where another's is", () => {
    const [stopping, empty, busy] = [place("", { stopped: "a" }), place(""), place("a")];
    expect(choosePlace([empty, stopping, busy], "a", 16)).toBe(stopping);
    expect(choosePlace([stopping, busy, empty], "b", 16)).toBe(empty);
    expect(choosePlace([stopping, place("bbb")], "b", 16)).toBe(stopping);
  });

  test("on a process that may soon be replaced only when there is no other", () => {
    const swollen = place("", { isSwollen: true });
    const other = place("bbb");
    expect(choosePlace([swollen, other], "a", 16)).toBe(other);
    expect(choosePlace([swollen, other], "a", 3)).toBe(swollen);
  });
});

describe("runs that wait", () => {
  const all = () => true;

  /** Puts runs in, named by principal and number. */
  function waiting(names: readonly string[]): {
    queue: WaitingRuns<{ principal: string; name: string }>;
    taken: string[];
  } {
    const queue = new WaitingRuns<{ principal: string; name: string }>();
    for (const name of names) queue.add({ principal: name.slice(0, 1), name });
    return { queue, taken: [] };
  }

  test("start in turns of their principals, each principal's in order", () => {
    const { queue, taken } = waiting(["a1", "a2", "a3", "b1", "c1", "c2"]);
    queue.serve(({ name }) => taken.push(name) > 0);
    expect(taken).toEqual(["a1", "b1", "c1", "a2", "c2", "a3"]);
    expect(queue.size).toBe(0);
  });

  test("keep turns over several servings: who was served last is served last", () => {
    const { queue, taken } = waiting(["a1", "a2", "b1", "b2"]);
    for (let i = 0; i < 4; i++) {
      let places = 1;
      queue.serve(({ name }) => places-- > 0 && taken.push(name) > 0);
    }
    expect(taken).toEqual(["a1", "b1", "a2", "b2"]);
  });

  test("a principal whose runs cannot start holds up nobody else", () => {
    const { queue, taken } = waiting(["a1", "b1", "a2", "b2"]);
    queue.serve(({ principal, name }) => principal === "b" && taken.push(name) > 0);
    expect([taken, queue.size]).toEqual([["b1", "b2"], 2]);
  });

  test("one that is taken out is not started", () => {
    const queue = new WaitingRuns<{ principal: string }>();
    const [first, second] = [{ principal: "a" }, { principal: "a" }];
    queue.add(first);
    queue.add(second);
    queue.delete(first);
    queue.delete(first);
    const started: unknown[] = [];
    queue.serve((run) => started.push(run) > 0);
    expect(started).toEqual([second]);
    expect(queue.clear()).toEqual([]);
    queue.serve(all);
  });
});
