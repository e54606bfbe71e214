import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";
import type { RunOptions, ScriptOutcome } from "../../support/executor.ts";

const { run, value } = useExecutor();
const START_MS = Date.UTC(2026, 0, 31, 12, 30, 45, 678);
const SEEDED: RunOptions = { clock: { seed: "a seed", nowMs: START_MS } };

describe("Date of a seeded run", () => {
  it("reads the time it was given, in every way there is", async () => {
    const code = `return [Date.now(), +new Date(), Date(), new Date().toISOString(), Reflect.construct(Date, []).getTime(),
      new Intl.DateTimeFormat("en", { dateStyle: "short", timeStyle: "medium" }).format(),
      Intl.DateTimeFormat("en").formatToParts().map((part) => part.value).join(""), new Event("x").timeStamp]`;
    expect(await value(code, SEEDED)).toEqual([
      START_MS,
      START_MS,
      "Sat Jan 31 2026 12:30:45 GMT+0000 (Coordinated Universal Time)",
      "2026-01-31T12:30:45.678Z",
      START_MS,
      "1/31/26, 12:30:45 PM",
      "1/31/2026",
      START_MS,
    ]);
  });

  it("is the language's Date in all else", async () => {
    const code = `
      class Day extends Date { plus() { return this.getTime() + 1 } }
      const day = new Day(5), bare = new Day(), other = Reflect.construct(Date, [7], Array);
      return [Date.length, Date.name, typeof Date, Date.prototype.constructor === Date, new Date() instanceof Date, day instanceof Day && day instanceof Date,
        day.plus(), Object.getPrototypeOf(bare) === Day.prototype, Object.getPrototypeOf(other) === Array.prototype, Date.prototype.getTime.call(other),
        Date.UTC(2020, 1), Date.parse("2020-01-01"), new Date(2020, 0, 2).getTime(), new Date("x").getTime(), new Date(new Date(9)).getTime(), new Date(undefined).getTime(),
        structuredClone(new Date(11)).getTime(), structuredClone(new Date(11)) instanceof Date, Object.prototype.toString.call(new Date()), typeof Date(1), Date(1) === Date(),
        Object.getOwnPropertyNames(Date).sort().join(), JSON.stringify(Object.getOwnPropertyDescriptor(globalThis, "Date")), "now" in Date.prototype]`;
    const coarse = (await value(code)) as unknown[];
    const seeded = (await value(code, SEEDED)) as unknown[];
    expect(seeded).toEqual(coarse);
    expect(seeded.slice(0, 8)).toEqual([7, "Date", "function", true, true, true, 6, true]);
  });

  it("leads nowhere to the machine's clock", async () => {
    const code = `
      const makers = [Date, Date.prototype.constructor, new Date().constructor, Object.getPrototypeOf(new Date(0)).constructor, class extends Date {}, Date.bind(null)];
      const traps = ["get", "has", "apply", "construct", "ownKeys"], got = [];
      for (const trap of traps) Object.defineProperty(Object.prototype, trap, { __proto__: null, value(target) { got.push(target) }, configurable: true });
      Date.x; "x" in Date; Object.keys(Date);
      for (const trap of traps) delete Object.prototype[trap];
      return [makers.map((Maker) => new Maker().getTime()), got.length, Reflect.apply(Date.now, Date, [])]`;
    expect(await value(code, SEEDED)).toEqual([Array.from({ length: 6 }, () => START_MS), 0, START_MS]);
  });

  it("moves on by timers and answers, and stands still while the script computes", async () => {
    const code = `
      const start = Date.now(), seen = [];
      let x = 0; for (let i = 0; i < 1e6; i++) x += i;
      seen.push(Date.now() - start);
      await new Promise((done) => setTimeout(done, 40)); seen.push(Date.now() - start);
      await mcp.shop.list(); seen.push(Date.now() - start);
      await Promise.all([1, 2, 3].map(() => mcp.shop.list())); seen.push(Date.now() - start);
      await null; seen.push(Date.now() - start);
      return seen`;
    expect(await value(code, SEEDED)).toEqual([0, 40, 41, 44, 44]);
  });

  it("lets a loop end that waits for a time", async () => {
    const code = `const start = Date.now(); let reads = 0; while (Date.now() < start + 50) reads++; return reads`;
    expect(await value(code, SEEDED)).toBe(4_998);
  });
});

describe("chance of a seeded run", () => {
  const code = `
    const ids = [crypto.randomUUID(), crypto.randomUUID()], numbers = Array.from({ length: 50 }, () => Math.random());
    return { ids, bytes: [...crypto.getRandomValues(new Uint8Array(8))], numbers }`;
  interface Drawn {
    readonly ids: readonly string[];
    readonly bytes: readonly number[];
    readonly numbers: readonly number[];
  }

  it("is the same for the same seed, and another for another", async () => {
    const first = (await value(code, SEEDED)) as Drawn;
    expect(await value(code, SEEDED)).toEqual(first);
    const other = (await value(code, { clock: { seed: "another", nowMs: START_MS } })) as Drawn;
    expect(other.ids).not.toEqual(first.ids);
    expect(other.bytes).not.toEqual(first.bytes);
    expect(other.numbers[0]).not.toBe(first.numbers[0]);
  });

  it("is spread over all of 0 to 1, in more than 32 bits", async () => {
    const counts = (await value(
      `const counts = Array(16).fill(0); let fine = 0; for (let i = 0; i < 16000; i++) { const n = Math.random(); counts[Math.floor(n * 16)]++; if (n * 2 ** 32 % 1 !== 0) fine++ } return [...counts, fine]`,
      SEEDED,
    )) as number[];
    expect(counts.slice(0, 16).every((count) => count > 800 && count < 1_200)).toBe(true);
    expect(counts[16]).toBeGreaterThan(15_900);
  });

  it("draws numbers that do not depend on how many ids are made", async () => {
    const [alone, after] = await Promise.all([
      value("return Math.random()", SEEDED),
      value("crypto.randomUUID(); return Math.random()", SEEDED),
    ]);
    expect(after).toBe(alone);
  });
});

/** Scripts whose outcome would depend on when things happen. `slow` tools answer late, `quick` at once. */
const SCRIPTS: readonly (readonly [name: string, code: string])[] = [
  [
    "ids and times",
    `return [crypto.randomUUID(), Math.random(), Date.now(), String(new Date()), new Date().toLocaleString()]`,
  ],
  ["a race of calls", `return await Promise.race([mcp.shop.list("slow"), mcp.shop.list("quick")])`],
  [
    "any of failing calls",
    `return await Promise.any([mcp.shop.buy("slow"), mcp.shop.list("slow"), mcp.shop.list("quick")])`,
  ],
  [
    "the order of answers",
    `const seen = []; await Promise.all(["slow", "quick", "slow", "quick", "quick"].map(async (name, at) => { await mcp.shop.list(name); seen.push(at, Math.random(), Date.now()) })); return seen`,
  ],
  [
    "a call against a timeout",
    `return await Promise.race([mcp.shop.list("slow").then((v) => ["answer", v, Date.now()]), new Promise((done) => setTimeout(done, 5, "late"))])`,
  ],
  [
    "timers of other times",
    `const seen = []; const note = (name) => () => seen.push(name, Date.now());
     for (const ms of [9, 3, 7, 3, 1, 0, 12, 5]) setTimeout(note(ms), ms);
     setTimeout(() => { note("outer")(); setTimeout(note("inner"), 1); setImmediate(note("now")) }, 4);
     await new Promise((done) => setTimeout(done, 30)); return seen`,
  ],
  [
    "an interval beside timers and calls",
    `const seen = []; const id = setInterval(() => seen.push("tick", Date.now()), 4);
     for (let i = 0; i < 4; i++) { await mcp.shop.list(i % 2 ? "slow" : "quick"); seen.push("call", Date.now()); await new Promise((done) => setTimeout(done, 6)); seen.push("slept", Date.now()) }
     clearInterval(id); return seen`,
  ],
  [
    "workers that share a list of calls",
    `const todo = Array.from({ length: 12 }, (_, i) => i), seen = [];
     const work = async (name) => { while (todo.length) { const n = todo.shift(); await mcp.shop.list(n % 3 ? "quick" : "slow"); seen.push(name + n) } };
     await Promise.all(["a", "b", "c"].map(work)); return seen`,
  ],
  [
    "polling for what a call does",
    `let done = false, polls = 0; mcp.shop.list("slow").then(() => { done = true });
     while (!done) { polls++; await new Promise((go) => setTimeout(go, 1)) } return polls`,
  ],
  [
    "a signal that times out",
    `const signal = AbortSignal.timeout(8), seen = []; signal.onabort = () => seen.push("aborted", Date.now());
     await mcp.shop.list("slow"); seen.push(signal.aborted); await new Promise((done) => setTimeout(done, 15)); seen.push(signal.aborted, String(signal.reason)); return seen`,
  ],
  [
    "timers cleared while others are due",
    `const seen = []; const ids = [5, 6, 7].map((ms) => setTimeout(() => { seen.push(ms); clearTimeout(ids[1]) }, ms));
     await mcp.shop.list("slow"); await new Promise((done) => setTimeout(done, 20)); return seen`,
  ],
  [
    "events that say when they are",
    `const e = new Event("x"); await mcp.shop.list("slow"); return [e.timeStamp, new Event("y").timeStamp]`,
  ],
  [
    "what the garbage collector took",
    `let refs = Array.from({ length: 50 }, () => new WeakRef({ big: new Array(1000).fill(0) }));
     for (let i = 0; i < 20; i++) { new Array(1e5).fill(i); await mcp.shop.list("quick") }
     return [refs.filter((ref) => ref.deref() !== undefined).length, refs[0] instanceof WeakRef, new WeakRef({}).constructor === WeakRef]`,
  ],
  [
    "stacks",
    `try { null.x } catch (error) { return [error.stack, new Error("y").stack, (await mcp.shop.buy("slow").catch((e) => e)).stack] }`,
  ],
  [
    "languages and time zones",
    `return [Intl.DateTimeFormat().resolvedOptions(), new Intl.NumberFormat().resolvedOptions().locale, new Date(2020, 6, 1).getTimezoneOffset(), (1234.5).toLocaleString(), ["ä", "z"].sort((a, b) => a.localeCompare(b))]`,
  ],
  [
    "what is logged and emitted",
    `console.time("t"); mcp.shop.list("slow").then(() => console.log("slow", Date.now())); await mcp.shop.list("quick"); console.log("quick", Math.random()); emit({ at: Date.now() });
     await new Promise((done) => setTimeout(done, 3)); console.timeEnd("t"); (() => mcp.shop.buy("slow"))(); await mcp.shop.list("quick"); return 1`,
  ],
  [
    "errors of tools",
    `const results = await Promise.allSettled(["slow", "quick", "slow"].map((name) => mcp.shop.buy(name))); return results.map(({ reason }) => [reason.code, reason.message, Date.now()])`,
  ],
  [
    "a limit on calls in flight",
    `const results = await Promise.allSettled(Array.from({ length: 70 }, (_, i) => mcp.shop.list(i % 2 ? "quick" : "slow"))); return results.map((r) => r.status + (r.reason?.code ?? ""))`,
  ],
];

describe("a seeded run", () => {
  const told = ({ result, error, logs, emitted, calls }: ScriptOutcome): unknown => ({
    result,
    error,
    logs,
    emitted,
    calls,
  });
  /** Answers late or at once, each time after another while. */
  const answerIn = (unit: number): NonNullable<RunOptions["answer"]> => {
    let calls = 0;
    return async ([, tool], args) => {
      const late = args[0] === "slow" ? 8 * unit : 0;
      await new Promise((done) => setTimeout(done, late + (calls++ % 3) * unit));
      return tool === "buy"
        ? {
            ok: false,
            json: JSON.stringify({ code: "TOOL_FAILED", message: `no ${String(args[0])}`, retryable: false }),
          }
        : { ok: true, json: JSON.stringify(args) };
    };
  };

  it.each(SCRIPTS)("gives the same twice: %s", async (_, code) => {
    const first = told(await run(code, { ...SEEDED, answer: answerIn(1) }));
    const second = told(await run(code, { ...SEEDED, answer: answerIn(3) }));
    const third = told(await run(code, { ...SEEDED, answer: answerIn(0) }));
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(first).toMatchObject({ error: undefined });
  });

  it("gets answers in the order of its calls, and timers while no call is in flight only", async () => {
    const code = `
      const seen = []; setTimeout(() => seen.push("timer"), 1);
      await Promise.all(["slow", "quick"].map((name) => mcp.shop.list(name).then(() => seen.push(name))));
      await new Promise((done) => setTimeout(done, 5)); return seen`;
    expect(await value(code, { ...SEEDED, answer: answerIn(2) })).toEqual(["slow", "quick", "timer"]);
  });

  it("really waits for its timers", async () => {
    const { wallMs } = await run(`await new Promise((done) => setTimeout(done, 120)); return 1`, SEEDED);
    expect(wallMs).toBeGreaterThan(115);
  });

  it("that waits for nothing is a deadlock, with what was cleared too", async () => {
    const waits = [
      `await new Promise(() => {})`,
      `clearTimeout(setTimeout(() => {}, 5000)); await new Promise(() => {})`,
      `const id = setTimeout(() => {}, 2); mcp.shop.list("slow").then(() => clearTimeout(id)); await new Promise(() => {})`,
    ];
    for (const code of waits) {
      const { error, wallMs } = await run(code, { ...SEEDED, answer: answerIn(1) });
      expect(error, code).toMatchObject({ code: "SCRIPT_DEADLOCK" });
      expect(wallMs, code).toBeLessThan(4_000);
    }
  });

  it("may have as many timers as any", async () => {
    const code = `let fired = 0; for (let i = 0; i < 1000; i++) setTimeout(() => fired++, i % 7);
      await mcp.shop.list("slow"); while (fired < 1000) await mcp.shop.list().then(() => new Promise((done) => setTimeout(done, 1))); return fired`;
    const { result, error } = await run(code, { ...SEEDED, limits: { timers: 1_001, toolCalls: 2_000 } });
    expect([result, error]).toEqual([1_000, undefined]);
  });

  it("has timers that tell what they throw, and others go on", async () => {
    const { result, logs } = await run(
      `setTimeout(() => { throw new Error("in a timer") }, 1); await new Promise((done) => setTimeout(done, 10)); return "on"`,
      SEEDED,
    );
    expect([result, logs]).toEqual(["on", [expect.stringContaining("in a timer")]]);
  });
});

describe("the clock of other runs", () => {
  it("is the machine's, in whole milliseconds", async () => {
    const before = Date.now();
    const [now, parts, high] = (await value(
      `return [Date.now(), [Date.now(), +new Date(), new Event("x").timeStamp].map((at) => at % 1), typeof performance]`,
    )) as [number, number[], string];
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
    expect([parts, high]).toEqual([[0, 0, 0], "undefined"]);
  });

  it("fires no timer before a millisecond has passed", async () => {
    const code = `const start = Date.now(); for (let i = 0; i < 20; i++) await new Promise((done) => setTimeout(done, 0)); return Date.now() - start`;
    expect(await value(code)).toBeGreaterThanOrEqual(19);
  });
});
