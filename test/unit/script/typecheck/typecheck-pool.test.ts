import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/lib/clock.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { CompilerPool } from "../../../../src/script/typecheck/typecheck-pool.ts";
import type { CompilerPoolOptions, Diagnosed } from "../../../../src/script/typecheck/typecheck-pool.ts";
import type { CompilerInput } from "../../../../src/script/typecheck/typecheck-projects.ts";

const never = new AbortController().signal;
const pools: CompilerPool[] = [];

function createPool(options: Partial<CompilerPoolOptions> = {}): CompilerPool {
  const pool = new CompilerPool({ clock: systemClock, log: silentLog, timeoutMs: 20_000, ...options });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function input(text: string, declarations = "declare const known: { a: number };\n"): CompilerInput {
  return { declarations, text: `(async () => {${text}\n})`, language: "js" };
}

/** Takes longer than any test waits. */
const ENDLESS: CompilerInput = {
  ...input(`const o = ${"[1, 'a', ".repeat(1_500)}0${"]".repeat(1_500)}; o.flat(20).nope;`),
  language: "ts",
};

function codesOf(outcome: Diagnosed): readonly number[] | string {
  return outcome.status === "checked" ? (outcome.diagnostics ?? []).map(({ code }) => code) : outcome.reason;
}

describe("a pool of compilers", () => {
  it("starts no process before it is asked, and one for checks that come one by one", async () => {
    const pool = createPool();
    expect(pool.pids()).toEqual([]);
    expect(codesOf(await pool.diagnose(input("known.a; known.b"), "ann", never))).toEqual([2339]);
    expect(codesOf(await pool.diagnose(input("nope"), "ann", never))).toEqual([2304]);
    expect(pool.pids()).toHaveLength(1);
  });

  it("tells each check apart from those before it, whatever they were checked against", async () => {
    const pool = createPool({ processes: 1 });
    const against = (name: string): CompilerInput => input("known.b; other.b", `declare const ${name}: { b: 1 };\n`);
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 12; at++) {
        const name = at % 2 === 0 ? "known" : "other";
        const { declarations, ...rest } = against(name);
        const outcome = await pool.diagnose(
          { ...rest, declarations: `${declarations}type T${at} = 1;\n` },
          "ann",
          never,
        );
        expect(outcome).toMatchObject({
          diagnostics: [{ code: 2304, text: `Cannot find name '${name === "known" ? "other" : "known"}'.` }],
        });
      }
    }
    expect(pool.pids()).toHaveLength(1);
  });

  it("gives a check up in time, and goes on with a new process", async () => {
    const pool = createPool({ processes: 1, timeoutMs: 300 });
    expect(codesOf(await pool.diagnose(ENDLESS, "mallory", never))).toBe("it takes longer than 300 ms");
    expect(pool.pids()).toEqual([]);
    const patient = createPool({ processes: 1 });
    expect(codesOf(await patient.diagnose(input("nope"), "ann", never))).toEqual([2304]);
  });

  it("makes one check of an owner at a time, so that others find a process free", async () => {
    const pool = createPool({ processes: 2 });
    const stop = new AbortController();
    const slow = [1, 2, 3].map(() => pool.diagnose(ENDLESS, "mallory", stop.signal).catch(() => undefined));
    expect(codesOf(await pool.diagnose(input("nope"), "ann", never))).toEqual([2304]);
    stop.abort();
    await Promise.all(slow);
  });

  it("lets owners take turns", async () => {
    const pool = createPool({ processes: 1 });
    const order: string[] = [];
    const ask = async (owner: string): Promise<void> => {
      await pool.diagnose(input("nope"), owner, never);
      order.push(owner);
    };
    await Promise.all(["mallory", "mallory", "mallory", "mallory", "ann", "bob"].map(ask));
    expect(order).toEqual(["mallory", "ann", "bob", "mallory", "mallory", "mallory"]);
  });

  it("gives up what waits too long", async () => {
    const pool = createPool({ processes: 1, timeoutMs: 900, maxWaitMs: 300 });
    const outcomes = await Promise.all([1, 2, 3].map(() => pool.diagnose(ENDLESS, "mallory", never)));
    expect(outcomes.map((outcome) => String(codesOf(outcome)))).toEqual([
      "it takes longer than 900 ms",
      "other checks took too long",
      "other checks took too long",
    ]);
  });

  it("leaves a caller who aborts at once, also one who waits", async () => {
    const pool = createPool({ processes: 1 });
    const gone = new Error("gone");
    const first = new AbortController();
    const second = new AbortController();
    const running = pool.diagnose(ENDLESS, "ann", first.signal);
    const waiting = pool.diagnose(input("nope"), "ann", second.signal);
    first.abort(gone);
    second.abort(gone);
    await expect(running).rejects.toBe(gone);
    await expect(waiting).rejects.toBe(gone);
    await expect(pool.diagnose(input("nope"), "ann", AbortSignal.abort(gone))).rejects.toBe(gone);
  });

  it("takes the place of a process that was killed", async () => {
    const pool = createPool({ processes: 1 });
    await pool.diagnose(input("nope"), "ann", never);
    const [pid = 0] = pool.pids();
    process.kill(pid, "SIGKILL");
    while (pool.pids().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(codesOf(await pool.diagnose(input("nope"), "ann", never))).toEqual([2304]);
  });

  it("ends its processes when it is closed, and takes no more", async () => {
    const pool = createPool();
    const endless = pool.diagnose(ENDLESS, "ann", never);
    await pool.diagnose(input("nope"), "bob", never);
    const pids = pool.pids();
    await Promise.all([pool.close(), pool.close()]);
    expect(pool.pids()).toEqual([]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(codesOf(await endless)).toBe("the service is stopping");
    expect(codesOf(await pool.diagnose(input("nope"), "ann", never))).toBe("the service is stopping");
  });
});
