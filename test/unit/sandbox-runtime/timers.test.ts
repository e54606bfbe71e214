import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run, value } = useExecutor();

describe("timers", () => {
  it("fire in the order of their delays, with their arguments", async () => {
    const code = `
      const seen = [];
      setTimeout((...args) => seen.push(["late", ...args]), 30, 1, 2);
      setTimeout(() => seen.push("soon"), 2);
      setImmediate((a) => seen.push(["next", a]), 7);
      await new Promise((done) => setTimeout(done, 60));
      return seen`;
    const seen = (await value(code)) as unknown[];
    expect(seen.at(-1)).toEqual(["late", 1, 2]);
    expect(seen.slice(0, 2)).toEqual(expect.arrayContaining(["soon", ["next", 7]]));
  });

  it("repeat until they are cleared, also by themselves", async () => {
    const code = `
      let ticks = 0;
      await new Promise((done) => { const id = setInterval(() => { if (++ticks === 3) { clearInterval(id); done() } }, 2) });
      await new Promise((done) => setTimeout(done, 20));
      return ticks`;
    expect(await value(code)).toBe(3);
  });

  it("do not fire once cleared, however their id is written", async () => {
    const code = `
      const seen = [];
      clearTimeout(setTimeout(() => seen.push("number"), 5));
      clearTimeout(String(setTimeout(() => seen.push("text"), 5)));
      const id = setTimeout(() => seen.push("object"), 5);
      clearTimeout({ valueOf: () => id });
      clearTimeout(undefined); clearInterval(NaN); clearImmediate(999); clearTimeout(Symbol());
      await new Promise((done) => setTimeout(done, 20));
      return seen`;
    expect(await value(code)).toEqual([]);
  });

  it("that are cleared leave nothing to wait for", async () => {
    const { error, wallMs } = await run(
      `const id = setTimeout(() => {}, 5000); clearTimeout({ valueOf: () => id }); await new Promise(() => {})`,
    );
    expect(error).toMatchObject({ code: "SCRIPT_DEADLOCK" });
    expect(wallMs).toBeLessThan(2_000);
  });

  it("take odd delays as one millisecond", async () => {
    const code = `
      let fired = 0;
      for (const delay of [undefined, 0, -5, NaN, "x", Infinity, 2 ** 40]) setTimeout(() => fired++, delay);
      await new Promise((done) => setTimeout(done, 30));
      return fired`;
    expect(await value(code)).toBe(7);
  });

  it("run no text as code", async () => {
    expect((await run(`setTimeout("1")`)).error?.message).toContain("the first argument must be a function");
    expect((await run(`queueMicrotask("1")`)).error?.message).toContain("the argument must be a function");
  });

  it("over the limit are refused until others have ended", async () => {
    const code = `
      const ids = [setTimeout(() => {}, 50), setTimeout(() => {}, 50)];
      let refused;
      try { setTimeout(() => {}, 1) } catch (error) { refused = [error.code, error instanceof ToolError] }
      clearTimeout(ids[0]);
      await new Promise((done) => setTimeout(done, 1));
      return refused`;
    expect(await value(code, { limits: { timers: 2 } })).toEqual(["TIMER_LIMIT", true]);
  });

  it("whose callback throws are told of in the log, and the others go on", async () => {
    const { result, logs } = await run(`
      setTimeout(() => { throw new Error("in a timer") }, 1);
      await new Promise((done) => setTimeout(done, 10));
      return "on"`);
    expect(result).toBe("on");
    expect(logs.join()).toContain("in a timer");
  });

  it("pending at the end do not hold the run", async () => {
    const { result, wallMs } = await run(`setInterval(() => {}, 10); setTimeout(() => {}, 9000); return 1`);
    expect(result).toBe(1);
    expect(wallMs).toBeLessThan(2_000);
  });

  it("work when a script has replaced what promises are made of", async () => {
    const code = `
      Promise.resolve = () => { throw new Error("resolve") };
      Object.defineProperty(Promise, Symbol.species, { get() { throw new Error("species") } });
      Map.prototype.get = Map.prototype.set = () => { throw new Error("map") };
      return await new Promise((done) => setTimeout(done, 1, "fired"))`;
    expect(await value(code)).toBe("fired");
  });
});

describe("queueMicrotask", () => {
  it("runs before any timer, after the code that called it", async () => {
    const code = `
      const seen = [];
      setTimeout(() => seen.push("timer"), 0);
      queueMicrotask(() => seen.push("microtask"));
      seen.push("code");
      await new Promise((done) => setTimeout(done, 15));
      return seen`;
    expect(await value(code)).toEqual(["code", "microtask", "timer"]);
  });

  it("has what its callbacks throw logged, bounded, whatever it is", async () => {
    const { result, logs } = await run(
      `setTimeout(() => { throw new RangeError("mine") }, 1);
       setTimeout(async () => { throw "later" }, 2);
       queueMicrotask(() => { throw new Proxy({}, { getPrototypeOf() { throw 1 } }) });
       await new Promise((done) => setTimeout(done, 20));
       return 1`,
    );
    expect(result).toBe(1);
    expect(logs).toEqual([
      "A callback failed: [value that throws]",
      expect.stringContaining("A callback failed: RangeError: mine"),
      "A callback failed: 'later'",
    ]);
  });

  it("lets nothing of a rejection that nobody awaits leave the isolate, nor runs its getters", async () => {
    const { result, logs, wallMs } = await run(
      `const error = new Error("x");
       for (const key of ["message", "stack", "name"]) Object.defineProperty(error, key, { get() { for (;;); } });
       Promise.reject(error);
       Promise.reject("x".repeat(2 ** 29 - 30));
       await new Promise((done) => setTimeout(done, 5));
       Promise.reject(new Error("y".repeat(2 ** 28)));
       await mcp.shop.list();
       return 1`,
    );
    expect([result, logs]).toEqual([1, []]);
    expect(wallMs).toBeLessThan(2_000);
  });

  it("counts timers that are set while a delay is read", async () => {
    const code = `
      let n = 0;
      const delay = { valueOf() { if (n++ < 5) try { setTimeout(() => 0, delay) } catch {} return 1e6 } };
      try { setTimeout(() => 0, delay); return "set" } catch (e) { return e.code }`;
    expect(await value(code, { limits: { timers: 3 } })).toBe("TIMER_LIMIT");
  });
});
