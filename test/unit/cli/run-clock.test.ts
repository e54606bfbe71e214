import { expect, test } from "vitest";
import { runCli } from "../../../src/cli/cli.ts";
import { folderWith } from "../config/support.ts";
import { captureIo } from "./support.ts";

const CONFIG = "log: {level: silent}\nexecutors: {processes: 1}\nmcpServers: {}\n";
const SCRIPT = "return [Date.now(), Math.random(), crypto.randomUUID()]";

async function run(...flags: readonly string[]) {
  const io = captureIo(folderWith({ "runlet.yaml": CONFIG, "a.js": SCRIPT }));
  const code = await runCli(["run", "a.js", ...flags], io, new AbortController().signal);
  return { code, out: io.out, err: io.err };
}

test("run --seed and --now give the same result each time", async () => {
  const flags = ["--seed", "mine", "--now", "2026-01-31T12:00:00Z"];
  const first = await run(...flags);
  expect(first).toMatchObject({ code: 0, out: expect.stringContaining(String(Date.UTC(2026, 0, 31, 12))) });
  expect((await run(...flags)).out).toBe(first.out);
  expect((await run("--now", "2026-01-31T12:00:00Z")).out).not.toBe(first.out);
});
