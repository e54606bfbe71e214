import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunView } from "../../src/runs/run.ts";
import { runlet } from "../support/command.ts";
import type { CommandEnd } from "../support/command.ts";
import { processesWithMark } from "../support/processes.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";

let folder: string;
const mark = `mark-${crypto.randomUUID()}`;

beforeAll(() => {
  folder = createFolder();
  const config = { mcpServers: { lab: fixtureServer("lab", { MARK: mark }) }, log: { level: "warn" } };
  writeFileSync(join(folder, "runlet.json"), JSON.stringify(config));
  writeFileSync(
    join(folder, "sum.ts"),
    "const numbers: number[] = input;\nconsole.log('adding', numbers.length);\n" +
      "const { n } = await mcp.lab.echo({ n: numbers.reduce((a, b) => a + b, 0) });\nreturn { sum: n };\n",
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  expect(processesWithMark(mark)).toEqual([]);
});

function command(args: readonly string[], input?: string): Promise<CommandEnd> {
  return runlet(args, { cwd: folder, ...(input === undefined ? {} : { input }) });
}

describe("runlet run", () => {
  test("runs a file with input: the result on stdout, logs and calls on stderr, exit code 0", async () => {
    const { code, stdout, stderr } = await command(["run", "sum.ts", "--input", "[1, 2, 3]"]);
    expect([code, JSON.parse(stdout)]).toEqual([0, { sum: 6 }]);
    expect(stderr).toContain("info  adding 3");
    expect(stderr).toMatch(/1\s+lab\.echo\s+ok\s+\d+ ms\s+\d+ B/u);
  });

  test("runs what comes on standard input", async () => {
    expect(await command(["run", "-"], "return 'from a pipe'")).toMatchObject({ code: 0, stdout: "from a pipe\n" });
  });

  test("ends as it would have, when nobody reads its output any more", async () => {
    const { code, stderr } = await runlet(["run", "-"], { cwd: folder, input: "return 'x'.repeat(9e5)", deaf: true });
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("with --json puts the whole run on stdout", async () => {
    const { code, stdout } = await command(["run", "sum.ts", "--input", "[]", "--json"]);
    const run = JSON.parse(stdout) as RunView;
    expect(code).toBe(0);
    expect(run).toMatchObject({ status: "succeeded", result: { sum: 0 }, calls: [{ server: "lab", outcome: "ok" }] });
  });

  test("a script that fails is told with its place, exit code 1", async () => {
    const { code, stdout, stderr } = await command(["run", "-"], "const a = 1;\nthrow new Error('no')");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("failed: SCRIPT_ERROR: Error: no (line 2, column 7)");
  });

  test("a command that is not understood is exit code 2", async () => {
    expect((await command(["run"])).code).toBe(2);
    expect((await command(["run", "sum.ts", "--input", "{not json"])).code).toBe(2);
    expect((await command(["run", "nowhere.ts"])).code).toBe(2);
    expect((await command(["frobnicate"])).code).toBe(2);
  });

  test("without a configuration uses the sample servers and tells how to have one's own", async () => {
    const empty = createFolder();
    try {
      const end = await runlet(["run", "-"], { cwd: empty, input: "return Object.keys(mcp)" });
      expect(end.code).toBe(0);
      expect(JSON.parse(end.stdout)).toEqual(expect.arrayContaining(["memory"]));
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });
});

describe("runlet config", () => {
  test("check says that a configuration is right, or every place where it is not", async () => {
    expect(await command(["config", "check"])).toMatchObject({
      code: 0,
      stdout: "runlet.json: valid (1 server, 0 clients, no model)\n",
    });
    writeFileSync(join(folder, "bad.json"), '{"port": "many", "limits": {"cpuMs": "fast"}}');
    const { code, stdout } = await command(["config", "check", "bad.json"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/port.*\n.*cpuMs/u);
  });

  test("show tells each setting and where it is from", async () => {
    const { code, stdout } = await command(["config", "show", "--port", "9"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^port\s+9\s+flag --port$/mu);
    expect(stdout).toMatch(/^log\.level\s+"warn"\s+runlet\.json:1$/mu);
  });
});

describe("runlet keys create", () => {
  test("makes a key that lets its holder in, and nobody else", async () => {
    const { code, stdout } = await command(["keys", "create", "ci", "--json"]);
    const { key, hash } = JSON.parse(stdout) as { key: string; hash: string };
    expect(code).toBe(0);
    const service = await startService({ mcpServers: {}, clients: { ci: { key: `sha256:${hash}` } } });
    try {
      expect(await service.as(key).run("return 1")).toMatchObject({ status: "succeeded", result: 1 });
      expect((await service.as(`${key}x`).post("/run", { script: "return 1" })).status).toBe(401);
      expect(service.logs()).not.toContain(key);
    } finally {
      await service.remove();
    }
  });
});

describe("runlet serve", () => {
  test("refuses to listen beyond this machine when anybody could call", async () => {
    const { code, stdout, stderr } = await command(["serve", "--host", "0.0.0.0", "--port", "0"]);
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/CONFIG_INVALID.*\bclients\b/su);
  });

  test("tells when its port is taken, exit code 1, and leaves no process behind", async () => {
    const service = await startService({ mcpServers: {} });
    try {
      const { port } = new URL(service.url);
      const { code, stderr } = await command(["serve", "--port", port]);
      expect(code).toBe(1);
      expect(stderr).toContain("CONFIG_INVALID");
      expect(stderr).toContain(port);
      expect(stderr).not.toMatch(/\n\s+at /u);
      expect(await service.run("return 'still there'")).toMatchObject({ result: "still there" });
    } finally {
      await service.remove();
    }
    expect(processesWithMark(mark)).toEqual([]);
  });
});
