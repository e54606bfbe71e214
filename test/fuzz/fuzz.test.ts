import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isProgram } from "./corpus.ts";
import { FOUND } from "./found.ts";
import { fuzzMessages } from "./message-fuzz.ts";
import { minimise } from "./minimise.ts";
import { fuzzPrograms } from "./program-fuzz.ts";
import { Programs } from "./programs.ts";
import { Rig } from "./rig.ts";

/** Any will do; another is tried by `node test/fuzz/fuzz.ts`. */
const SEED = 20_261_123;
const texts = (seed: number, from: number): readonly string[] => {
  const programs = new Programs(seed);
  return Array.from({ length: 40 }, (_, at) => programs.at(from + at).text);
};

describe("random programs", () => {
  test("are the same for the same seed and number, whatever came before", () => {
    expect(texts(SEED, 20).slice(0, 20)).toEqual(texts(SEED, 0).slice(20));
  });

  test("are others for another seed, and mostly parse", () => {
    const [ours, theirs] = [texts(SEED, 0), texts(SEED + 1, 0)];
    expect(ours.filter((text) => theirs.includes(text)).length).toBeLessThan(5);
    expect(ours.filter(isProgram).length).toBeGreaterThan(34);
  });
});

describe("a program that shows a fault", () => {
  test("is made as small as it shows it", async () => {
    const text = "let a = 1;\nif (a) { f(g(1, 'needle' + 2), h()); }\nfor (;;) { a++; }\nreturn a;";
    const small = await minimise(text, { stillShows: async (candidate) => candidate.includes("needle"), tries: 200 });
    expect(small).toBe("'needle'");
  });

  test("is tried no more often than it may be, and given as it is when nothing smaller shows the fault", async () => {
    let tries = 0;
    const stillShows = async (): Promise<boolean> => ++tries < 0;
    expect(await minimise("a();\nb();\nc();", { stillShows, tries: 3 })).toBe("a();\nb();\nc();");
    expect(tries).toBe(3);
  });
});

describe("a program that once did harm", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await Rig.start();
  });
  afterAll(async () => {
    expect(await rig.close()).toEqual([]);
  });

  test.for(FOUND)("does none: $name", async ({ code, ends }) => {
    const { outcome, fault } = await rig.run({ text: code, input: undefined, check: "none" });
    expect(fault).toBeUndefined();
    expect(ends).toContain(outcome);
    expect(await rig.inspect()).toEqual([]);
  });
});

test("random programs are all answered with a code that is no defect, and the service is right after each batch", async () => {
  const { programs, outcomes, findings } = await fuzzPrograms({ seed: SEED, count: 128, seconds: 6 });
  expect(findings).toEqual([]);
  expect(programs).toBeGreaterThan(0);
  expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(programs);
}, 120_000);

test("random messages bring down neither the service, whoever sends them, nor an executor while they are right", async () => {
  const { messages, outcomes, findings } = await fuzzMessages({ seed: SEED, seconds: 4 });
  expect(findings).toEqual([]);
  expect([...messages.keys()]).toEqual(["to the readers", "through a pipe", "to an executor", "from impostors: runs"]);
  expect(outcomes.size).toBeGreaterThan(3);
}, 120_000);
