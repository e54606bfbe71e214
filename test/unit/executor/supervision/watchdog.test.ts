import { describe, expect, test } from "vitest";
import { Watchdog } from "../../../../src/executor/supervision/watchdog.ts";

const IDLE = { runs: 0, cpuMs: 0, memoryMiB: 0 };
const ONE = { runs: 1, cpuMs: 1_000, memoryMiB: 64 };
const MANY = { runs: 16, cpuMs: 16_000, memoryMiB: 1_024 };
const NONE = { runs: 0, cpuMs: 0 };
const BEAT_MS = 500;

describe("memory", () => {
  test("a process that takes more than any set of runs may is killed at once", () => {
    expect(new Watchdog().memory(1_600, MANY)).toEqual({ act: "kill", because: "memory" });
    expect(new Watchdog().memory(1_600, IDLE)).toEqual({ act: "kill", because: "memory" });
  });

  test("a process that holds more than its runs may use takes no more, as soon as two readings say so", () => {
    const dog = new Watchdog();
    expect([dog.memory(340, ONE), dog.memory(340, ONE)]).toEqual([undefined, undefined]);
    expect([dog.memory(400, ONE), dog.memory(400, ONE)]).toEqual([undefined, { act: "drain", because: "memory" }]);
    expect([dog.memory(1_000, MANY), dog.memory(1_000, MANY)]).toEqual([undefined, undefined]);
    expect([dog.memory(1_100, MANY), dog.memory(1_100, MANY)]).toEqual([
      undefined,
      { act: "drain", because: "memory" },
    ]);
  });

  test("many runs that only wait are no reason to kill the process they wait in", () => {
    const waiting = { runs: 900, cpuMs: 900_000, memoryMiB: 900 * 64 };
    const dog = new Watchdog();
    expect([dog.memory(1_600, waiting), dog.memory(1_600, waiting)]).toEqual([undefined, undefined]);
    expect(dog.memory(4_300, waiting)).toEqual({ act: "kill", because: "memory" });
  });

  test("one reading between that is in order starts the count again", () => {
    const dog = new Watchdog();
    expect([400, 300, 400].map((rssMiB) => dog.memory(rssMiB, ONE))).toEqual([undefined, undefined, undefined]);
  });

  test("an idle process that stays large is replaced, and avoided until then", () => {
    const dog = new Watchdog();
    expect([dog.memory(160, IDLE), dog.isSwollen]).toEqual([undefined, false]);
    dog.emptied(400);
    expect(dog.isSwollen).toBe(true);
    expect(dog.memory(400, IDLE)).toEqual({ act: "replace", because: "memory" });
  });

  test("an idle process that only had to put its last isolate away is kept", () => {
    const dog = new Watchdog();
    dog.emptied(400);
    dog.emptied(400);
    expect([dog.memory(120, IDLE), dog.isSwollen]).toEqual([undefined, false]);
  });
});

describe("computing time", () => {
  /** Beats that each use so much, from the second on. */
  function beats(dog: Watchdog, each: readonly number[], allowed = IDLE, ended = NONE): readonly unknown[] {
    let cpuMs = 0;
    dog.computing(0, 0, allowed, ended);
    return each.map((usedMs, at) => dog.computing((cpuMs += usedMs), (at + 1) * BEAT_MS, allowed, ended)?.act);
  }

  test("a process without runs that computes for four seconds is killed, even on a machine that is busy", () => {
    expect(beats(new Watchdog(), Array(8).fill(500)).indexOf("kill")).toBe(7);
    expect(beats(new Watchdog(), Array(8).fill(40)).indexOf("kill")).toBe(7);
  });

  test("what a process without runs uses to make isolates ready is its own", () => {
    const bursts = [400, 400, 400, 400, 400, 400, 400, 10, 400, 400, 400];
    expect(beats(new Watchdog(), bursts).filter((act) => act !== undefined)).toEqual([]);
    expect(beats(new Watchdog(), Array(50).fill(20)).filter((act) => act !== undefined)).toEqual([]);
  });

  test("a process whose runs cannot have used what it did is drained", () => {
    const acts = beats(new Watchdog(), Array(40).fill(500), ONE);
    expect(acts.indexOf("drain")).toBeGreaterThan(14);
    expect(acts.at(-1)).toBe("drain");
  });

  test("what runs that ended say they used is taken off", () => {
    const ended = { runs: 1, cpuMs: 400 };
    expect(beats(new Watchdog(), Array(100).fill(500), ONE, ended).filter((act) => act !== undefined)).toEqual([]);
  });
});
