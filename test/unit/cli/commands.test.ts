import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../../../src/cli/cli.ts";
import { VERSION } from "../../../src/version.ts";
import { folderWith } from "../config/support.ts";
import { captureIo } from "./support.ts";

const QUIET = "log: {level: silent}\nexecutors: {processes: 1}\nmcpServers: {}\n";
const stopped = new AbortController().signal;

async function cli(args: readonly string[], files: Record<string, string> = {}, signal = stopped) {
  const io = captureIo(folderWith(files));
  const code = await runCli(args, io, signal);
  return { code, out: io.out, err: io.err };
}

test.each([["--version"], ["-v"], ["version"]])("%s prints the version", async (name) => {
  expect(await cli([name])).toEqual({ code: 0, out: `${VERSION}\n`, err: "" });
});

test("help goes to standard output, and to standard error when it was not asked for", async () => {
  expect(await cli(["help"])).toMatchObject({
    code: 0,
    out: expect.stringContaining("Usage: runlet COMMAND"),
    err: "",
  });
  expect(await cli([])).toMatchObject({ code: 2, out: "", err: expect.stringContaining("Usage: runlet COMMAND") });
  expect(await cli(["fly"])).toMatchObject({ code: 2, err: expect.stringMatching(/^Unknown command: fly\n/u) });
});

test.each([
  ["serve", "--port VALUE"],
  ["run", "--input JSON"],
  ["mcp", "--config FILE"],
  ["config", "runlet config check [FILE]"],
  ["keys", "keys create NAME"],
  ["doctor", "runlet doctor [--json]"],
])("%s --help tells its flags on standard output and does nothing else", async (name, words) => {
  for (const flag of ["--help", "-h"]) {
    expect(await cli([name, flag])).toEqual({ code: 0, out: expect.stringContaining(words), err: "" });
  }
});

test.each([
  [["srve"], "Unknown command: srve. Did you mean serve?"],
  [["serve", "--prot", "9000"], "Unknown option '--prot'. Did you mean --port?"],
  [["run", "a.js", "--inptu", "1"], "Did you mean --input?"],
])("%j is answered with the name that was meant", async (args, words) => {
  expect(await cli(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(words) });
});

test.each([
  [["run"], "One file is needed"],
  [["run", "a.js", "b.js"], "One file is needed"],
  [["run", "a.js", "--input", "{"], "--input must be JSON"],
  [["run", "a.js", "--nope"], "Unknown option '--nope'"],
  [["run", "a.js", "--output-schema", "missing.json"], "Cannot read missing.json"],
  [["run", "missing.js"], "Cannot read missing.js"],
  [["serve", "now"], "Unknown: now"],
  [["serve", "--nope"], "Unknown option '--nope'"],
  [["mcp", "x"], "Unknown: x"],
])("%j is not understood: exit code 2", async (args, fault) => {
  expect(await cli(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(fault) });
});

test("a configuration that cannot be used is told with its code and its remedy", async () => {
  const { code, err } = await cli(["run", "a.js"], { "a.js": "1", "runlet.yaml": "port: x\n" });
  expect([code, err]).toEqual([1, expect.stringMatching(/^CONFIG_INVALID: /u)]);
});

test("run writes the result alone to standard output, the rest to standard error", async () => {
  const files = { "runlet.yaml": QUIET, "a.ts": "console.log('hi');\nreturn (input as number[]).length" };
  expect(await cli(["run", "a.ts", "--input", "[1,2]"], files)).toEqual({ code: 0, out: "2\n", err: "info  hi\n" });
});

test("run --json writes the whole run; a failed run is exit code 1", async () => {
  const { code, out } = await cli(["run", "a.js", "--json"], { "runlet.yaml": QUIET, "a.js": "null.x" });
  expect([code, JSON.parse(out)]).toEqual([
    1,
    expect.objectContaining({ status: "failed", error: expect.objectContaining({ code: "SCRIPT_ERROR", line: 1 }) }),
  ]);
});

test("run checks the result against a schema, and writes it all the same", async () => {
  const files = {
    "runlet.yaml": QUIET,
    "a.js": "return { sum: 1 }",
    "s.json": '{"required":["total"]}',
    "b.json": "{",
  };
  expect(await cli(["run", "a.js", "--output-schema", "s.json"], files)).toEqual({
    code: 1,
    out: '{\n  "sum": 1\n}\n',
    err: expect.stringMatching(/^failed: RESULT_SCHEMA_MISMATCH: .*\/total is required/u),
  });
  expect(await cli(["run", "a.js", "--output-schema", "b.json"], files)).toMatchObject({
    code: 2,
    err: expect.stringContaining("--output-schema must name a JSON file"),
  });
  expect(await cli(["run", "a.js", "--output-schema", "s.json"], { ...files, "s.json": '{"type":"x"}' })).toMatchObject(
    {
      code: 1,
      out: "",
      err: expect.stringMatching(/^REQUEST_INVALID: .*\/outputSchema\/type must be/u),
    },
  );
});

test("run writes a result that an answer would cut whole, on one line", async () => {
  const files = { "runlet.yaml": QUIET, "a.js": "return Array.from({ length: 400_000 }, (_, i) => i)" };
  const { code, out, err } = await cli(["run", "a.js"], files);
  expect([code, err, out.split("\n").length]).toEqual([0, "", 2]);
  expect(JSON.parse(out)).toHaveLength(400_000);
});

test("run that is told to stop cancels the run and ends", async () => {
  const stop = new AbortController();
  const running = cli(
    ["run", "a.js"],
    { "runlet.yaml": QUIET, "a.js": "await new Promise((r) => setTimeout(r, 20_000))" },
    stop.signal,
  );
  setTimeout(() => stop.abort(), 500);
  const started = performance.now();
  expect(await running).toMatchObject({ code: 1, err: expect.stringContaining("RUN_CANCELLED") });
  expect(performance.now() - started).toBeLessThan(8_000);
});

test("serve says where it listens, answers, and ends when it is told to", async () => {
  const stop = new AbortController();
  const folder = folderWith({ "runlet.yaml": QUIET });
  const io = captureIo(folder);
  const serving = runCli(["serve", "--port", "0", "--config", join(folder, "runlet.yaml")], io, stop.signal);
  await expect.poll(() => io.out, { timeout: 15_000 }).toMatch(/Runlet listens on \S+ with no MCP servers/u);
  const url = /on (\S+) with/u.exec(io.out)?.[1] ?? "";
  const answer = await fetch(`${url}/run`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ script: "return 6 * 7" }),
  });
  expect(await answer.json()).toMatchObject({ status: "succeeded", result: 42 });
  stop.abort();
  expect(await serving).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});
