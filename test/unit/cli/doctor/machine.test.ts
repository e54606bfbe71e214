import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { doctorCommand } from "../../../../src/cli/commands/doctor.ts";
import type { HealthCheck } from "../../../../src/cli/doctor/health-check.ts";
import { findTool } from "../../../../src/executor/confinement/find-tool.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { folderWith } from "../../config/support.ts";
import { captureIo } from "../support.ts";

const QUIET = "mcpServers: {}\nport: 0\n";

/** `runlet doctor` on this machine without some of its programs. */
async function doctor(args: readonly string[], files: Record<string, string>, without: readonly string[] = []) {
  const folder = folderWith(files);
  const io = captureIo(folder);
  const find = (name: string): string | undefined => (without.includes(name) ? undefined : findTool(name));
  const code = await doctorCommand(args, io, undefined, { clock: systemClock, findTool: find });
  return { code, out: io.out, err: io.err, folder };
}

async function checks(files: Record<string, string>, without: readonly string[] = []) {
  const { code, out, folder } = await doctor(["--json"], files, without);
  const all = JSON.parse(out) as HealthCheck[];
  return { code, folder, byName: Object.fromEntries(all.map((check) => [check.name, check])) };
}

const UNCONFINED = ["bwrap", "unshare"];

describe("a machine that has what is needed", () => {
  test("passes every check, with a script run in a real process, and nothing is made", async () => {
    const { code, byName, folder } = await checks({ "runlet.yaml": QUIET });
    expect(code).toBe(0);
    expect(Object.values(byName).map(({ group, name }) => `${group} ${name}`)).toEqual([
      "machine node",
      "machine programs",
      "machine isolated-vm",
      "machine confinement",
      "machine executor",
      "configuration file",
      "configuration callers",
      "configuration port",
      "configuration data",
    ]);
    expect(byName).toMatchObject({
      file: { status: "ok", detail: join(folder, "runlet.yaml") },
      node: { status: "ok", detail: expect.stringContaining(process.version) },
      "isolated-vm": { status: "ok", detail: expect.stringMatching(/isolated-vm.*\.node$/u) },
      executor: {
        status: "ok",
        detail: expect.stringMatching(/^ready after \d+ ms, a script's answer after \d+ ms$/u),
      },
      data: { status: "ok", detail: expect.stringContaining(`${join(folder, ".runlet")} (will be made)`) },
    });
    expect(existsSync(join(folder, ".runlet"))).toBe(false);
  });

  test("is told of in lines for people, one a check, by group", async () => {
    const { code, out } = await doctor([], { "runlet.yaml": `${QUIET}dataDir: ":memory:"\n` });
    expect(code).toBe(0);
    const lines = out.split("\n");
    expect(lines[0]).toBe("machine");
    expect(lines).toContain("configuration");
    expect(lines).toContain("  ok    data     :memory: (runs and results end with the service)");
    expect(lines.at(-2)).toBe("0 failed, 0 to look at, 9 ok");
  });
});

describe("a machine without namespaces", () => {
  test("is warned of where they are not required, with reasons and remedy", async () => {
    const { code, byName } = await checks({ "runlet.yaml": QUIET }, UNCONFINED);
    expect(code).toBe(0);
    expect(byName["confinement"]).toMatchObject({
      status: "warning",
      detail: expect.stringMatching(/^process; held by .*Not taken: bubblewrap: bwrap is not installed; unshare: /u),
      remedy: expect.stringContaining("Install bubblewrap"),
    });
  });

  test("fails where they are required, and is still said to run scripts", async () => {
    const text = `${QUIET}executors: {confinement: require}\n`;
    const { code, byName } = await checks({ "runlet.yaml": text }, UNCONFINED);
    expect(code).toBe(1);
    expect([byName["confinement"]?.status, byName["executor"]?.status]).toEqual(["failed", "ok"]);
  });

  test("is as it should be where confinement is off", async () => {
    const text = `${QUIET}executors: {confinement: off}\n`;
    const { code, byName } = await checks({ "runlet.yaml": text }, UNCONFINED);
    expect([code, byName["confinement"]?.status]).toEqual([0, "ok"]);
    expect(byName["confinement"]?.detail).toMatch(/^process; .*executors\.confinement is off$/u);
  });
});

test("programs that are missing are warned of, with what is lost", async () => {
  const { byName } = await checks({ "runlet.yaml": QUIET }, [...UNCONFINED, "prlimit"]);
  expect(byName["programs"]).toMatchObject({
    status: "warning",
    detail: expect.stringContaining("prlimit not found"),
    remedy: expect.stringContaining("no limit on memory"),
  });
});

test("a configuration that cannot be used fails, and the machine is checked all the same", async () => {
  const { code, byName } = await checks({ "runlet.yaml": "port: x\nmcpServers: {}\n" }, UNCONFINED);
  expect(code).toBe(1);
  expect([byName["setting"]?.status, byName["executor"]?.status]).toEqual(["failed", "ok"]);
});

test("a data folder that cannot be made fails", async () => {
  const folder = folderWith({ "runlet.yaml": `${QUIET}dataDir: file/data\n` });
  writeFileSync(join(folder, "file"), "");
  const io = captureIo(folder);
  const code = await doctorCommand([], io, undefined, {
    clock: systemClock,
    findTool: (name) => (UNCONFINED.includes(name) ? undefined : findTool(name)),
  });
  expect(code).toBe(1);
  expect(io.out).toMatch(/^ +fail +data +\S+ cannot be written: ENOTDIR\n +→ Give this user the folder/mu);
});

test("what was not understood is exit code 2", async () => {
  for (const args of [["x"], ["--nope"]]) {
    const { code, out, err } = await doctor(args, {});
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: runlet doctor");
  }
});
