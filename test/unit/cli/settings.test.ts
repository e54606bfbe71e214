import { join } from "node:path";
import { expect, test } from "vitest";
import { loadSettings } from "../../../src/cli/settings.ts";
import { folderWith, problemsOf } from "../config/support.ts";
import { captureIo } from "./support.ts";

test("without a file the sample servers are attached, and what flags say holds", () => {
  const cwd = folderWith({});
  const { config, file, warnings } = loadSettings(new Map([["port", "0"]]), captureIo(cwd));
  expect(config.upstreams.map(({ name }) => name)).toEqual(["files", "memory"]);
  expect([config.http.port, config.dataDir, file, warnings]).toEqual([0, join(cwd, ".runlet"), undefined, []]);
});

test("with a file there is what the file says, even when it names no server", () => {
  const cwd = folderWith({ "runlet.yaml": "log: {levle: info}" });
  const { config, file, warnings } = loadSettings(new Map(), captureIo(cwd));
  expect([config.upstreams, file, warnings.length]).toEqual([[], "runlet.yaml", 1]);
});

test("a file is named with --config or RUNLET_CONFIG, the flag being stronger", () => {
  const cwd = folderWith({ "a.yaml": "port: 1", "b.yaml": "port: 2" });
  const io = captureIo(cwd, { RUNLET_CONFIG: "b.yaml" });
  expect(loadSettings(new Map(), io).config.http.port).toBe(2);
  expect(loadSettings(new Map([["config", "a.yaml"]]), io).config.http.port).toBe(1);
});

test("nobody outside this machine reaches the sample servers without a key", () => {
  expect(problemsOf(() => loadSettings(new Map([["host", "0.0.0.0"]]), captureIo(folderWith({}))))).toEqual([
    expect.stringContaining(
      "Cannot use host (flag --host) as it must be a loopback address while no clients are configured",
    ),
  ]);
});
