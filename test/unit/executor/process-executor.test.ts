import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecutionHost } from "../../../src/bridge/execution-host.ts";
import type { ProcessExecutor } from "../../../src/executor/process-executor.ts";
import { startExecutor } from "../../support/executor.ts";
import { isAlive } from "../../support/processes.ts";
import { errorOf, execute, FailedCall, recordingHost, valueOf } from "./support.ts";

let executor: ProcessExecutor;
beforeAll(async () => {
  executor = await startExecutor({ processes: 1 });
});
afterAll(async () => {
  const pids = executor.pids();
  await executor.close();
  expect(pids.filter(isAlive)).toEqual([]);
});

describe("a script's outcome", () => {
  test("value, input and calls cross both ways as they are", async () => {
    const host = recordingHost((path, args) => ({ path, args }));
    const value = await valueOf(executor, "return [input, await mcp.files.read({ path: 'ä\\n' }, 2)]", {
      host,
      inputJson: '{"a":[1,"\\u2028"]}',
    });
    expect(value).toEqual([{ a: [1, "\u2028"] }, { path: ["files", "read"], args: [{ path: "ä\n" }, 2] }]);
  });

  test("a script without a value has none", async () => {
    expect(await execute(executor, "let a = 1")).toMatchObject({ status: "succeeded", resultJson: undefined });
  });

  test("what it throws is told with its place in the caller's text", async () => {
    expect(await errorOf(executor, "const a = 1;\n  throw new RangeError('too far')")).toEqual({
      code: "SCRIPT_ERROR",
      message: "RangeError: too far",
      fault: "script",
      retryable: false,
      line: 2,
      column: 9,
      snippet: "throw new RangeError('too far')",
    });
  });

  test("a tool's failure that is not caught is the run's, with the place of the call", async () => {
    const host = recordingHost(() => {
      throw new FailedCall({ code: "TOOL_TIMEOUT", message: "late", server: "a", tool: "b", details: { ms: 5 } });
    });
    expect(await errorOf(executor, "await mcp.a.b()", { host })).toMatchObject({
      code: "TOOL_TIMEOUT",
      message: "late",
      fault: "upstream",
      retryable: true,
      server: "a",
      tool: "b",
      details: { ms: 5 },
      line: 1,
    });
  });

  test("a rejection that nobody awaits does not end the run and is told in the logs, that of a callback too", async () => {
    const host = recordingHost();
    const text = "Promise.reject(new Error('lost')); setTimeout(async () => { throw new Error('told') }, 1)";
    expect(
      await valueOf(executor, `${text}; await new Promise((done) => setTimeout(done, 10)); return 1`, { host }),
    ).toBe(1);
    expect(host.logs).toEqual([
      "A promise was rejected and nothing awaited it (line 1): Error: lost",
      expect.stringContaining("Error: told"),
    ]);
  });

  test("rejections of half a gigabyte do not cost the process, nor the neighbours in it", async () => {
    const pids = executor.pids();
    const text = "Promise.reject('x'.repeat(2 ** 29 - 30)); await mcp.a.b(); return 1";
    const neighbour = valueOf(
      executor,
      "await mcp.a.b(); await new Promise((done) => setTimeout(done, 200)); return 2",
    );
    expect(await Promise.all([text, text, text].map((each) => valueOf(executor, each)))).toEqual([1, 1, 1]);
    expect(await neighbour).toBe(2);
    expect(executor.pids()).toEqual(pids);
  });

  test("a rejection with the engine's own words for a timeout is no timeout", async () => {
    const text = "Promise.reject(new Error('Script execution timed out.')); await mcp.a.b(); return 1";
    expect(await valueOf(executor, text)).toBe(1);
  });
});

describe("limits", () => {
  test.each([
    ["for (;;);", { cpuMs: 200 }, "SCRIPT_CPU_LIMIT"],
    ["for (;;) await mcp.a.b()", { wallMs: 300, toolCalls: 10_000 }, /SCRIPT_TIMEOUT|TOOL_CALL_LIMIT/u],
    ["await new Promise((r) => setTimeout(r, 60_000))", { wallMs: 100 }, "SCRIPT_TIMEOUT"],
    ["await new Promise(() => {})", {}, "SCRIPT_DEADLOCK"],
    ["const a = []; for (;;) a.push(new Array(1000).fill(1.5))", { memoryMiB: 32 }, "SCRIPT_MEMORY_LIMIT"],
    ["for (;;) clearTimeout(setTimeout(() => {}, 1000))", {}, "TIMER_LIMIT"],
    ["for (;;) emit(1)", {}, "EMIT_LIMIT"],
    ["for (;;) setTimeout(() => {}, 1000)", { timers: 10 }, "TIMER_LIMIT"],
    ["return 'é'.repeat(600)", { resultBytes: 1000 }, "RESULT_TOO_LARGE"],
  ])("%s with %j ends with %s", async (text, change, code) => {
    const { code: actual } = await errorOf(executor, text, { limits: change });
    expect(actual).toMatch(code);
  });

  test("computing is counted over all entries, not per entry", async () => {
    const spin =
      "for (let i = 0; i < 100; i++) { let n = 0; for (let j = 0; j < 2e5; j++) n += j % 7; await mcp.a.b(n); }";
    const started = performance.now();
    expect(await errorOf(executor, spin, { limits: { cpuMs: 200 } })).toMatchObject({ code: "SCRIPT_CPU_LIMIT" });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test("waiting costs no computing time", async () => {
    const result = await execute(executor, "await new Promise((r) => setTimeout(r, 200)); return 1");
    expect(result).toMatchObject({ status: "succeeded" });
    expect(result.usage.wallMs).toBeGreaterThan(190);
    expect(result.usage.cpuMs).toBeLessThan(100);
  });

  test.each([
    ["computing", "while (true);", { cpuMs: 100 }, "SCRIPT_CPU_LIMIT"],
    ["time", "while (true);", { wallMs: 100 }, "SCRIPT_TIMEOUT"],
  ])(
    "a script that is stopped at its limit of %s leaves its process as good as it was",
    async (_, code, limits, expected) => {
      const [pid] = executor.pids();
      expect(await errorOf(executor, code, { limits })).toMatchObject({ code: expected });
      // An isolate that does not stop within two seconds costs the process.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(executor.pids()).toEqual([pid]);
    },
  );

  test("a script that is stopped at its limit of memory ends alone: its process does not, unless it stays large", async () => {
    const { crashes } = executor.status();
    const hoard = "const all = []; for (;;) all.push(new Array(1e5).fill(1))";
    const slow = valueOf(executor, "await new Promise((r) => setTimeout(r, 2_000)); return 7");
    expect(await errorOf(executor, hoard)).toMatchObject({ code: "SCRIPT_MEMORY_LIMIT" });
    expect([await slow, executor.status().crashes]).toEqual([7, crashes]);
  });

  test("answers that pile up while a script computes end it, and not its process", async () => {
    const answer = "x".repeat(4 * 2 ** 20 - 10);
    const [pid] = executor.pids();
    const busy =
      "const all = Array.from({ length: 32 }, () => mcp.a.b()); const end = Date.now() + 1500; while (Date.now() < end); await Promise.all(all)";
    expect(await errorOf(executor, busy, { host: recordingHost(() => answer) })).toMatchObject({
      code: "SCRIPT_MEMORY_LIMIT",
    });
    expect(executor.pids()).toEqual([pid]);
    expect(await valueOf(executor, "41 + 1")).toBe(42);
  });
});

describe("many runs", () => {
  test("runs in one process neither see nor wait for each other", async () => {
    const host = recordingHost(async (_, [n]) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return n;
    });
    const started = performance.now();
    const runs = Array.from({ length: 16 }, (_, n) =>
      valueOf(executor, `globalThis.seen = (globalThis.seen ?? 0) + 1; return [seen, await mcp.a.b(${n})]`, { host }),
    );
    expect(await Promise.all(runs)).toEqual(Array.from({ length: 16 }, (_, n) => [1, n]));
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test("more runs than places wait for one, first in, first out", async () => {
    const small = await startExecutor({ isolatesPerProcess: 2 });
    try {
      // Each run holds its place until its call is answered.
      const answers: (() => void)[] = [];
      const begun: unknown[] = [];
      const host = recordingHost((_, [n]) => {
        begun.push(n);
        return new Promise<void>((resolve) => answers.push(resolve));
      });
      const runs = [0, 1, 2, 3, 4, 5].map((n) => valueOf(small, `await mcp.a.b(${n})`, { host }));
      await expect.poll(() => new Set(begun)).toEqual(new Set([0, 1]));
      for (const next of [2, 3, 4, 5]) {
        answers.shift()?.();
        await expect.poll(() => begun.length).toBe(next + 1);
        expect(begun.at(-1)).toBe(next);
      }
      for (const answer of answers) answer();
      await Promise.all(runs);
    } finally {
      await small.close();
    }
  });

  test("a cancelled run ends at once: computing, waiting for a call, or waiting for a place", async () => {
    const small = await startExecutor({ isolatesPerProcess: 2 });
    try {
      const stop = new AbortController();
      const never = recordingHost(() => new Promise(() => {}));
      const runs = ["for (;;);", "await mcp.a.b()", "return 1"].map((text) =>
        errorOf(small, text, { host: never, signal: stop.signal }),
      );
      await expect.poll(() => never.calls.length).toBe(1);
      const started = performance.now();
      stop.abort();
      expect((await Promise.all(runs)).map(({ code }) => code)).toEqual(Array(3).fill("RUN_CANCELLED"));
      expect(performance.now() - started).toBeLessThan(4_000);
      expect(await valueOf(small, "1")).toBe(1);
      expect(await errorOf(small, "1", { signal: stop.signal })).toMatchObject({ code: "RUN_CANCELLED" });
    } finally {
      await small.close();
    }
  });

  test("more runs at once than isolates are ready all have one made, in their order; one of them may be cancelled", async () => {
    const crowded = await startExecutor({ isolatesPerProcess: 64 });
    try {
      const stop = new AbortController();
      const order: number[] = [];
      const host = recordingHost((_, [n]) => order.push(Number(n)));
      const runs = Array.from({ length: 40 }, (_, n) =>
        // No isolate with that heap is kept ready.
        valueOf(crowded, `await mcp.a.b(${n}); return ${n}`, { host, limits: { memoryMiB: 48 } }),
      );
      const last = errorOf(crowded, "return 1", { host, limits: { memoryMiB: 48 }, signal: stop.signal });
      stop.abort();
      expect(await last).toMatchObject({ code: "RUN_CANCELLED" });
      expect(await Promise.all(runs)).toEqual(Array.from({ length: 40 }, (_, n) => n));
      expect(order).toHaveLength(40);
    } finally {
      await crowded.close();
    }
  });

  test("a script that makes the engine give up fails alone; its neighbour, waiting for a tool longer than that takes, succeeds", async () => {
    const shared = await startExecutor();
    try {
      const slow = recordingHost(() => new Promise((resolve) => setTimeout(() => resolve("kept"), 2_500)));
      const neighbour = valueOf(shared, "return await mcp.a.b()", { host: slow });
      const greedy = await errorOf(shared, "const s = new Set(); for (let i = 0; ; i++) s.add('k' + i)");
      expect(greedy.code).toMatch(/SCRIPT_MEMORY_LIMIT|SCRIPT_CPU_LIMIT/u);
      expect(await neighbour).toBe("kept");
      await shared.ready();
      expect(await valueOf(shared, "1")).toBe(1);
    } finally {
      await shared.close();
    }
  }, 20_000);

  test("a process that is killed from outside is replaced; runs that had done nothing yet are run again", async () => {
    const shared = await startExecutor();
    try {
      const hosts = [recordingHost(), recordingHost()];
      const runs = hosts.map((host) =>
        valueOf(shared, "await new Promise((r) => setTimeout(r, 300)); return 7", { host }),
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
      const [pid = 0] = shared.pids();
      process.kill(pid, "SIGKILL");
      expect(await Promise.all(runs)).toEqual([7, 7]);
      expect(hosts.map(({ logs }) => logs.length)).toEqual([1, 1]);
      expect(shared.status()).toMatchObject({ ready: 1, running: 0, crashes: 1 });
    } finally {
      await shared.close();
    }
  });
});

describe("the wall time of a run for which somebody is asked", () => {
  /** A host whose `a.ask` is answered after a while, during which the time stands still; nothing else is answered. */
  function askingHost(answerMs: number): ExecutionHost {
    return {
      ...recordingHost(),
      call(path, _, reply, standStill) {
        if (!path.includes("ask")) return;
        const still = standStill?.();
        setTimeout(() => {
          reply({ ok: true, json: '"answer"', atMs: Date.now() });
          still?.[Symbol.dispose]();
        }, answerMs);
      },
    };
  }

  test("stands still until there is an answer", async () => {
    const limits = { wallMs: 700 };
    const text = "return await Promise.all([mcp.a.ask(), mcp.a.ask()])";
    expect(await valueOf(executor, text, { host: askingHost(1_500), limits })).toEqual(["answer", "answer"]);
  });

  test("goes on then, with what was left of it", async () => {
    const limits = { wallMs: 700 };
    const text = "await mcp.a.ask(); await mcp.a.never()";
    const error = await errorOf(executor, text, { host: askingHost(1_500), limits });
    expect(error.code).toBe("SCRIPT_TIMEOUT");
  });

  test("is not what ends a script that computes meanwhile: its computing time does", async () => {
    const limits = { wallMs: 700, cpuMs: 300 };
    const text = "void mcp.a.ask(); await 0; for (;;);";
    const error = await errorOf(executor, text, { host: askingHost(1_500), limits });
    expect(["SCRIPT_CPU_LIMIT", "SCRIPT_TIMEOUT"]).toContain(error.code);
  });
});
