import { describe, expect, test } from "vitest";
import { blame } from "../../../../src/executor/supervision/blame.ts";
import type { ProcessEnd } from "../../../../src/executor/supervision/blame.ts";
import { lostError } from "../../../../src/executor/supervision/lost-run.ts";

const END: ProcessEnd = { asked: false, isSpoilt: false, isFresh: false, runs: [1, 2, 3, 4], suspects: new Set() };

function verdicts(change: Partial<ProcessEnd>): readonly (readonly [string, number])[] {
  const end = { ...END, ...change };
  const of = blame(end);
  return end.runs.map((run) => [of(run).verdict, of(run).share]);
}

describe("who is to blame for the death of a process", () => {
  test("a run that was alone in it", () => {
    expect(verdicts({ runs: [1] })).toEqual([["guilty", 1]]);
  });

  test("not at once a run that had just come: the process may have been dying before", () => {
    expect(verdicts({ runs: [1], isFresh: true })).toEqual([["suspect", 1]]);
  });

  test("not a run that was alone in one that something before may have spoilt", () => {
    expect(verdicts({ runs: [1], isSpoilt: true })).toEqual([["unknown", 0.5]]);
    expect(verdicts({ runs: [1], isSpoilt: true, suspects: new Set([1]) })).toEqual([["suspect", 0.5]]);
  });

  test("of several those that computed, in equal parts; those that waited are innocent", () => {
    expect(verdicts({ suspects: new Set([2, 3]) })).toEqual([
      ["innocent", 0],
      ["suspect", 0.5],
      ["suspect", 0.5],
      ["innocent", 0],
    ]);
  });

  test("any of them, where none was seen computing", () => {
    expect(verdicts({})).toEqual(END.runs.map(() => ["unknown", 0.25]));
  });

  test("nobody, where the supervisor ended it", () => {
    expect(verdicts({ asked: true, runs: [1], suspects: new Set([1]) })).toEqual([["innocent", 0]]);
  });
});

describe("what the caller of a lost run is told", () => {
  test.each([
    ["guilty", "script", "this script alone ran in it"],
    ["suspect", "shared", "and maybe others, computed in it"],
    ["unknown", "unknown", "no script in it was seen to compute"],
    ["innocent", "others", "not this script's doing"],
  ] as const)("of a run that is %s, that the blame is with: %s", (verdict, who, text) => {
    const error = lostError({ verdict, calls: 0, emitted: 0, moves: 0 });
    expect(error).toMatchObject({ code: "EXECUTOR_LOST", fault: "service", hint: expect.any(String) as string });
    expect(error.message).toContain(text);
    expect(error.details).toEqual({ blame: who, calls: 0, emitted: 0 });
  });

  test("what it had done, and that nothing is done twice", () => {
    const lost = { verdict: "innocent", moves: 0 } as const;
    expect(lostError({ ...lost, calls: 2, emitted: 0 }).message).toContain(
      "It had made 2 calls, which is not done again",
    );
    expect(lostError({ ...lost, calls: 0, emitted: 1 }).message).toContain(
      "It had sent 1 value, which is not done again",
    );
    expect(lostError({ ...lost, calls: 1, emitted: 3 }).message).toContain("made 1 call and sent 3 values");
  });

  test("that it had been run again before", () => {
    expect(lostError({ verdict: "unknown", calls: 0, emitted: 0, moves: 2 }).message).toContain(
      "run again 2 times already",
    );
  });
});
