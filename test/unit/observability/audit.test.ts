import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { AuditFile } from "../../../src/observability/audit.ts";
import type { AuditEntry } from "../../../src/observability/audit.ts";

const root = mkdtempSync(join(tmpdir(), "runlet-audit-"));
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

function entry(tool: string): AuditEntry {
  const time = new Date(0).toISOString();
  return { time, principal: "local", server: "files", tool, outcome: "ok", attempts: 1, ms: 1 };
}

function setup(path = join(folder, "deep", "audit.jsonl"), maxWaiting?: number) {
  const lines: { readonly level: string; readonly message: string; readonly dropped?: unknown }[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ ...fields, level, message });
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const lost: number[] = [];
  const onDropped = (count: number): void => void lost.push(count);
  const audit = new AuditFile(path, {
    clock: { ...systemClock, now: () => 0 },
    log,
    onDropped,
    ...(maxWaiting === undefined ? {} : { maxWaiting }),
  });
  return { path, lines, lost, audit };
}

function toolsIn(path: string): unknown[] {
  const text = readFileSync(path, "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map(
      (line) => (JSON.parse(line) as { readonly tool?: string; readonly dropped?: number }).tool ?? JSON.parse(line),
    );
}

/** Waits until all that was noted so far is on the disk or dropped. */
async function settled(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((go) => setTimeout(go, 5));
}

describe("the audit's file", () => {
  test("has every entry in order, with its folder, and is for its owner only", async () => {
    const { path, audit, lines } = setup();
    const tools = Array.from({ length: 1_000 }, (_, index) => `t${index}`);
    for (const tool of tools) audit.write(() => entry(tool));
    await audit.close();
    expect(toolsIn(path)).toEqual(tools);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(lines).toEqual([]);
  });

  test("is not there before the first call", async () => {
    const { path, audit } = setup();
    await audit.close();
    expect(existsSync(path)).toBe(false);
  });

  test("is added to, not begun anew, by a later service", async () => {
    for (const tool of ["first", "second"]) {
      const { audit } = setup();
      audit.write(() => entry(tool));
      await audit.close();
    }
    expect(toolsIn(join(folder, "deep", "audit.jsonl"))).toEqual(["first", "second"]);
  });

  test("is made again when a rotation moved it away", async () => {
    const { path, audit } = setup();
    audit.write(() => entry("old"));
    await settled(() => existsSync(path) && readFileSync(path, "utf8").includes("old"));
    renameSync(path, `${path}.1`);
    audit.write(() => entry("new"));
    await audit.close();
    expect([toolsIn(`${path}.1`), toolsIn(path)]).toEqual([["old"], ["new"]]);
  });

  test("takes nothing after it was closed, twice or not", async () => {
    const { path, audit } = setup();
    audit.write(() => entry("kept"));
    await Promise.all([audit.close(), audit.close()]);
    audit.write(() => entry("late"));
    await audit.close();
    expect(toolsIn(path)).toEqual(["kept"]);
  });

  test("that cannot be opened costs lines, one message in the log, and no call", async () => {
    writeFileSync(join(folder, "file"), "");
    const { audit, lines, lost } = setup(join(folder, "file", "audit.jsonl"));
    for (const tool of ["a", "b", "c"]) expect(audit.write(() => entry(tool))).toBeUndefined();
    await audit.close();
    expect(lost.reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(lines).toMatchObject([{ level: "error", message: expect.stringContaining("dropped") }]);
  });

  test("tells how many lines are missing once it can be written again", async () => {
    const blocked = join(folder, "later");
    writeFileSync(blocked, "");
    const path = join(blocked, "audit.jsonl");
    const { audit, lines } = setup(path);
    audit.write(() => entry("lost"));
    await settled(() => lines.length === 1);
    rmSync(blocked);
    audit.write(() => entry("kept"));
    await audit.close();
    expect(toolsIn(path)).toEqual(["kept", { time: "1970-01-01T00:00:00.000Z", dropped: 1 }]);
    expect(lines.map(({ level }) => level)).toEqual(["error", "warn"]);
    expect(lines[1]).toMatchObject({ dropped: 1 });
  });

  test("keeps no more waiting than is allowed", async () => {
    const { path, audit, lines, lost } = setup(undefined, 300);
    for (const tool of ["a", "b", "c", "d", "e", "f"]) audit.write(() => entry(tool));
    await settled(() => existsSync(path) && readFileSync(path, "utf8").includes("dropped"));
    audit.write(() => entry("after"));
    await audit.close();
    const written = toolsIn(path);
    const dropped = written.find((line) => typeof line === "object");
    const kept = written.filter((line) => typeof line === "string");
    expect([kept.slice(0, 2), kept.at(-1)]).toEqual([["a", "b"], "after"]);
    expect(dropped).toMatchObject({ dropped: 7 - kept.length });
    expect(lost.reduce((sum, count) => sum + count, 0)).toBe(7 - kept.length);
    expect(lines[0]).toMatchObject({ level: "error" });
  });

  test("of a folder that forbids it is told like any other failure", async () => {
    chmodSync(folder, 0o500);
    const { audit, lines } = setup(join("/proc", "audit.jsonl"));
    audit.write(() => entry("a"));
    await audit.close();
    chmodSync(folder, 0o700);
    expect(lines).toMatchObject([{ level: "error" }]);
  });
});
