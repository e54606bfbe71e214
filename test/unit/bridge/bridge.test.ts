import { ask } from "../../support/hosts.ts";
import { describe, expect, test } from "vitest";
import type { CatalogSource } from "../../../src/catalog/catalog.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import type { ErrorCode } from "../../../src/lib/errors.ts";
import type { Log } from "../../../src/lib/log.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Journal } from "../../../src/store/journal.ts";
import { createBridge, result } from "./support.ts";

const never = (): Promise<never> => new Promise(() => {});

function failing(code: ErrorCode) {
  return async (): Promise<never> => {
    throw new RunletError(code, "no", { server: "files", tool: "write_file" });
  };
}

describe("which tool a call means", () => {
  test.each([
    [["files", "readFile"], "read_file"],
    [["files", "read_file"], "read_file"],
    [["readFile"], "read_file"],
    [["filesReadFile"], "read_file"],
  ])("mcp.%j is %s", async (names, tool) => {
    const { call, calls } = await createBridge();
    expect(await call(names, { path: "/a" })).toEqual({ ok: true, value: { path: "/a" } });
    expect(calls).toMatchObject([{ server: "files", tool, arguments: { path: "/a" }, runId: "run_1" }]);
  });

  test("a server whose tools are not known yet is waited for", async () => {
    const { call, calls } = await createBridge();
    expect(await call(["down", "lateTool"], "/a")).toMatchObject({ ok: true });
    expect(calls).toMatchObject([{ server: "down", tool: "late_tool", arguments: { path: "/a" } }]);
  });

  test("only the server that is named is waited for", async () => {
    const waits: unknown[] = [];
    const { catalogs } = await createBridge();
    const source: CatalogSource = {
      current: (...args) => catalogs.current(...args),
      settled(...args) {
        waits.push(args[2]?.servers);
        return catalogs.settled(...args);
      },
    };
    const { call } = await createBridge({ change: { catalogs: source } });
    await call(["files", "readFile"], { path: "/a" });
    await call(["down", "lateTool"], { path: "/a" });
    await call(["down", "lateTool"], { path: "/a" });
    expect(waits).toEqual([["down"]]);
  });

  test("an unknown name is answered with the nearest ones and reaches nobody", async () => {
    const { call, calls, journal } = await createBridge();
    expect(await call(["files", "reedFile"], {})).toMatchObject({
      ok: false,
      value: {
        code: "TOOL_NOT_FOUND",
        hint: expect.stringContaining("mcp.files.readFile"),
        details: { nearest: expect.arrayContaining(["files.readFile"]) },
      },
    });
    expect([calls, await journal.list("run_1", { kind: "tool" })]).toEqual([[], []]);
  });

  test("a name of any length is quoted in part only", async () => {
    const { host } = await createBridge({ limits: { errorBytes: 200 } });
    const reply = await ask(host, JSON.stringify(["files", "x".repeat(500_000)]), "[]");
    expect(reply.ok).toBe(false);
    expect(reply.json.length).toBeLessThan(2_000);
  });

  test("the run's own rules narrow what it sees", async () => {
    const { call, calls } = await createBridge({
      narrow: { servers: ["files"], tools: new Map([["files", ["find"]]]) },
    });
    expect(await call(["files", "readFile"], { path: "/a" })).toMatchObject({
      ok: false,
      value: { code: "TOOL_NOT_FOUND" },
    });
    expect(calls).toEqual([]);
  });
});

describe("arguments", () => {
  test.each([
    ["one object is the arguments", ["files", "readFile"], [{ path: "/a" }], { path: "/a" }],
    ["nothing is no arguments", ["files", "readFile"], [], {}],
    ["null is no arguments", ["files", "readFile"], [null], {}],
    ["values are the required properties in order", ["files", "writeFile"], ["/a", "w"], { path: "/a", mode: "w" }],
    ["fewer values fill the first ones", ["files", "writeFile"], ["/a"], { path: "/a" }],
    ["an object for the only required property that is one", ["files", "find"], [{ size: 1 }], { filter: { size: 1 } }],
    [
      "an object that names that property is the arguments",
      ["files", "find"],
      [{ filter: { a: 1 } }],
      { filter: { a: 1 } },
    ],
  ])("%s", async (_, names, args, expected) => {
    const { call, calls } = await createBridge();
    await call(names, ...args);
    expect(calls[0]?.arguments).toEqual(expected);
  });

  test("more values than required properties are refused with the names there are", async () => {
    const { call, calls } = await createBridge();
    expect(await call(["files", "writeFile"], 1, 2, 3)).toMatchObject({
      ok: false,
      value: { code: "TOOL_ARGUMENTS_INVALID", message: expect.stringContaining("(path, mode)"), server: "files" },
    });
    expect(calls).toEqual([]);
  });

  test("a __proto__ in the arguments is a key like any other", async () => {
    const { host, calls } = await createBridge();
    await ask(host, '["files","readFile"]', '[{"__proto__":{"polluted":true},"path":"/a"}]');
    expect(Object.keys(calls[0]?.arguments ?? {})).toEqual(["__proto__", "path"]);
    expect("polluted" in {}).toBe(false);
  });
});

describe("limits, held whatever the executor process holds", () => {
  test("the calls of a run are counted over all its scripts", async () => {
    const { bridge, call, over } = await createBridge({ limits: { toolCalls: 2 } });
    await call(["files", "readFile"], { path: "/a" });
    const second = bridge.host(over.signal);
    expect(await ask(second, '["files","readFile"]', '["/a"]')).toMatchObject({ ok: true });
    expect(await call(["files", "readFile"], { path: "/a" })).toMatchObject({
      ok: false,
      value: { code: "TOOL_CALL_LIMIT" },
    });
  });

  test("calls in flight are bounded, and a settled call frees its place", async () => {
    const gates: (() => void)[] = [];
    const gateway = () => new Promise<ReturnType<typeof result>>((resolve) => gates.push(() => resolve(result(1))));
    const { call } = await createBridge({ gateway, limits: { concurrency: 1 } });
    const first = call(["files", "find"], {});
    expect(await call(["files", "find"], {})).toMatchObject({ value: { code: "CALL_CONCURRENCY_LIMIT" } });
    await expect.poll(() => gates.length).toBe(1);
    gates[0]?.();
    expect(await first).toEqual({ ok: true, value: 1 });
    const third = call(["files", "find"], {});
    await expect.poll(() => gates.length).toBe(2);
    gates[1]?.();
    expect(await third).toEqual({ ok: true, value: 1 });
  });

  test("arguments are counted in bytes, per call and per run", async () => {
    const { call } = await createBridge({ limits: { argumentBytes: 20, argumentTotalBytes: 30 } });
    expect(await call(["files", "readFile"], "é".repeat(9))).toMatchObject({ value: { code: "ARGUMENTS_TOO_LARGE" } });
    expect(await call(["files", "readFile"], "a".repeat(16))).toMatchObject({ ok: true });
    expect(await call(["files", "readFile"], "a".repeat(16))).toMatchObject({ value: { code: "ARGUMENTS_TOO_LARGE" } });
  });

  test("arguments that are nested too deep are the script's fault, a name too long that of its process", async () => {
    const { call, calls } = await createBridge();
    const deep = JSON.parse(`${"[".repeat(600)}${"]".repeat(600)}`) as unknown;
    expect(await call(["files", "readFile"], deep)).toMatchObject({ value: { code: "ARGUMENTS_TOO_LARGE" } });
    expect(await call(["files", "x".repeat(5_000)])).toMatchObject({ value: { code: "INTERNAL" } });
    expect(calls).toEqual([]);
  });

  test("emitted values are bounded in bytes and in number; what is over is dropped and said so", async () => {
    const { bridge, host, events } = await createBridge({ limits: { emittedBytes: 10 } });
    for (const json of ["1", "nonsense", `"${"x".repeat(20)}"`, "2"]) host.emit(json);
    expect(bridge.emitted).toEqual([1]);
    expect(events.filter((event) => event.includes("EMIT_LIMIT"))).toHaveLength(3);
    const many = await createBridge();
    for (let i = 0; i < 10_001; i++) many.host.emit("1");
    expect(many.bridge.emitted).toHaveLength(10_000);
  });

  test("logs are bounded in lines, in bytes and by line", async () => {
    const { bridge, host } = await createBridge({ limits: { logLines: 3, logBytes: 1_000, logLineBytes: 16 } });
    for (let i = 0; i < 1_000; i++) host.log("info", 1.6, "x".repeat(100));
    expect(bridge.runLog.lines.length).toBeLessThanOrEqual(3 + 16);
    expect(bridge.runLog.lines[0]).toEqual({
      level: "info",
      atMs: 2,
      text: expect.stringMatching(/^x{16,56}… \[\d+ bytes cut\]$/u),
    });
  });

  test.each([
    ["texts that are no JSON", "{", "[]", "INTERNAL"],
    ["a path that is no list of names", '{"a":1}', "[]", "INTERNAL"],
    ["arguments that are no list", '["files","find"]', "{}", "INTERNAL"],
    [
      "arguments nested without end",
      '["files","find"]',
      "[".repeat(100_000) + "]".repeat(100_000),
      "ARGUMENTS_TOO_LARGE",
    ],
  ])("%s are refused and reach nobody", async (_, names, args, code) => {
    const { host, calls } = await createBridge();
    expect(await ask(host, names, args)).toMatchObject({ ok: false, json: expect.stringContaining(code) });
    expect(calls).toEqual([]);
    expect(await ask(host, '["files","find"]', "[]")).toMatchObject({ ok: true });
  });

  test("an emitted value that is nested without end is dropped", async () => {
    const { bridge, host } = await createBridge();
    host.emit("[".repeat(100_000) + "]".repeat(100_000));
    expect(bridge.emitted).toEqual([]);
  });
});

describe("the journal", () => {
  test("a call is written down before it leaves, with canonical arguments, and settled with its answer", async () => {
    const { call, calls, events, journal, bridge } = await createBridge({
      gateway: async () => {
        expect(await journal.list("run_1")).toMatchObject([{ seq: 1, outcome: "pending" }]);
        return result({ b: 1 }, "cached");
      },
    });
    await call(["files", "writeFile"], { path: "/b", mode: "w" });
    expect(calls).toHaveLength(1);
    expect(await journal.list("run_1")).toMatchObject([
      {
        seq: 1,
        tool: "write_file",
        argumentsJson: '{"mode":"w","path":"/b"}',
        outcome: "cached",
        resultJson: '{"b":1}',
      },
    ]);
    expect(bridge.calls).toMatchObject([{ seq: 1, outcome: "cached", argsBytes: 24, resultBytes: 7 }]);
    expect(events).toEqual(["started 1 files.write_file", "settled 1 cached"]);
  });

  test.each([
    ["TOOL_FAILED", "error"],
    ["TOOL_NOT_FOUND", "denied"],
  ] as const)("%s is journaled as %s", async (code, outcome) => {
    const { call, journal, bridge } = await createBridge({ gateway: failing(code) });
    expect(await call(["files", "find"], {})).toMatchObject({ ok: false, value: { code } });
    expect(await journal.list("run_1")).toMatchObject([{ outcome, error: { code } }]);
    expect(bridge.calls).toMatchObject([{ outcome, error: code }]);
  });

  test("calls made at once are numbered in the order in which they were made", async () => {
    const { call, bridge } = await createBridge({
      gateway: async ({ arguments: { path } }) => {
        await new Promise((resolve) => setTimeout(resolve, path === "/0" ? 30 : 1));
        return result(path);
      },
    });
    const values = await Promise.all(["/0", "/1", "/2"].map((path) => call(["files", "readFile"], { path })));
    expect(values.map(({ value }) => value)).toEqual(["/0", "/1", "/2"]);
    expect(bridge.calls.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  test("a call that cannot be written down does not leave", async () => {
    const journal = { begin: () => Promise.reject(new Error("disk full at /var/x")) } as unknown as Journal;
    const { call, calls, bridge } = await createBridge({ change: { journal } });
    const { ok, value } = await call(["files", "writeFile"], { path: "/a" });
    expect([ok, value]).toEqual([false, expect.objectContaining({ code: "INTERNAL" })]);
    expect(JSON.stringify(value)).not.toContain("/var/x");
    expect([calls, bridge.calls, bridge.changedSomething]).toEqual([[], [], false]);
  });

  test("an outcome that cannot be written down is logged, and the script has its answer", async () => {
    const logged: string[] = [];
    const log: Log = { ...silentLog, error: (_, message) => void logged.push(message) };
    const journal = {
      begin: async () => {},
      settle: () => Promise.reject(new Error("disk full")),
    } as unknown as Journal;
    const { call, bridge } = await createBridge({ change: { journal, log } });
    expect(await call(["files", "find"], {})).toMatchObject({ ok: true });
    expect(bridge.calls).toMatchObject([{ outcome: "ok" }]);
    expect(logged).toEqual(["the outcome of a tool call could not be journaled"]);
  });

  test("a defect of ours is logged with its cause and told without it", async () => {
    const logged: unknown[] = [];
    const log: Log = { ...silentLog, error: (fields) => void logged.push(fields) };
    const { call } = await createBridge({
      gateway: () => Promise.reject(new Error("secret path /x")),
      change: { log },
    });
    expect(JSON.stringify(await call(["files", "find"], {}))).not.toContain("secret");
    expect(logged).not.toEqual([]);
  });
});

describe("what may not be repeated", () => {
  test.each([
    ["a tool that only reads", ["files", "readFile"], undefined, false],
    ["a tool that writes", ["files", "writeFile"], undefined, true],
    ["a tool that writes and fails", ["files", "writeFile"], "TOOL_FAILED", true],
    ["a tool that writes and does not answer", ["files", "writeFile"], "TOOL_TIMEOUT", true],
    ["arguments that were refused before they were sent", ["files", "writeFile"], "TOOL_ARGUMENTS_INVALID", false],
    ["a tool that was denied", ["files", "writeFile"], "TOOL_NOT_FOUND", false],
  ] as const)("%s", async (_, names, code, changed) => {
    const { call, bridge } = await createBridge(code === undefined ? {} : { gateway: failing(code) });
    await call(names, { path: "/a" });
    expect(bridge.changedSomething).toBe(changed);
  });

  test("a writing call in flight counts as one that happened", async () => {
    const { call, calls, bridge } = await createBridge({ gateway: never });
    void call(["files", "writeFile"], { path: "/a" });
    await expect.poll(() => calls.length).toBe(1);
    expect(bridge.changedSomething).toBe(true);
  });
});

describe("the end of an execution", () => {
  test("calls in flight are cancelled and have settled", async () => {
    const { call, calls, bridge, over } = await createBridge({
      gateway: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const open = call(["files", "find"], {});
    await expect.poll(() => calls.length).toBe(1);
    over.abort(new RunletError("RUN_CANCELLED", "over"));
    await bridge.settled();
    expect(bridge.calls).toMatchObject([{ outcome: "error", error: "RUN_CANCELLED" }]);
    expect(await open).toMatchObject({ ok: false });
  });

  test("a call that does not let itself be cancelled is not waited for without end", async () => {
    const { call, calls, bridge } = await createBridge({ gateway: never });
    void call(["files", "find"], {});
    await expect.poll(() => calls.length).toBe(1);
    const started = performance.now();
    await bridge.settled();
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(bridge.calls).toMatchObject([{ outcome: "pending", ms: undefined }]);
  });

  test("the values of a script that is replaced are forgotten", async () => {
    const { bridge, host } = await createBridge();
    host.emit("1");
    bridge.discardEmitted();
    host.emit("2");
    expect(bridge.emitted).toEqual([2]);
  });
});

describe("what a script asks about its tools", () => {
  test("$search, $describe and $servers answer from the catalog, with the tools of servers that had to start", async () => {
    const { call, calls } = await createBridge();
    expect(await call(["$servers"])).toMatchObject({
      value: expect.arrayContaining([{ name: "down", listed: true, tools: ["late_tool"] }]),
    });
    expect(await call(["$search"], "read file", { limit: 1 })).toMatchObject({
      value: {
        results: [{ server: "files", name: "read_file", signature: expect.stringContaining("mcp.files.readFile") }],
      },
    });
    expect(await call(["$search"], "read file", { limit: 1, offset: 10_000 })).toMatchObject({
      value: { results: [] },
    });
    expect(await call(["$search"], "", { server: "files" })).not.toMatchObject({ value: { total: 0 } });
    expect(await call(["$search"], "read", { server: "file" })).toMatchObject({
      ok: false,
      value: {
        code: "TOOL_ARGUMENTS_INVALID",
        message:
          "Cannot search server file as the run has no server of this name. Use one of: files; or leave server out.",
      },
    });
    expect(await call(["$describe"], "files.readFile")).toMatchObject({
      value: { name: "read_file", inputSchema: { required: ["path"] } },
    });
    expect(calls).toEqual([]);
  });

  test.each([
    [["$search"], [], "TOOL_ARGUMENTS_INVALID"],
    [["$search"], ["x", { server: 1 }], "TOOL_ARGUMENTS_INVALID"],
    [["$describe"], [1], "TOOL_ARGUMENTS_INVALID"],
    [["$describe"], ["files.nope"], "TOOL_NOT_FOUND"],
    [["$nope"], [], "TOOL_NOT_FOUND"],
  ])("mcp.%j with %j is %s", async (names, args, code) => {
    const { call } = await createBridge();
    expect(await call(names, ...args)).toMatchObject({ ok: false, value: { code } });
  });
});
