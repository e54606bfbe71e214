import { describe, expect, test } from "vitest";
import { adviseOn } from "../../../src/config/advise.ts";
import { compileConfig } from "../../../src/config/compile.ts";
import type { Options } from "../../../src/config/options.ts";

const fileOf = (options: Options): string | undefined =>
  compileConfig({ dataDir: "/data", ...options }, { fileDir: "/etc/runlet" }).auditFile;

describe("audit", () => {
  test.each([
    ["is written in the data folder by default", {}, "/data/audit.jsonl"],
    ["is written there when it is on", { audit: true }, "/data/audit.jsonl"],
    ["is written there when it is `on`, which YAML reads as text", { audit: "on" }, "/data/audit.jsonl"],
    ["is written to another file, beside the configuration", { audit: "calls.jsonl" }, "/etc/runlet/calls.jsonl"],
    ["is written to another file, as an object says", { audit: { file: "/var/log/a.jsonl" } }, "/var/log/a.jsonl"],
    ["is not written when it is off", { audit: false }, undefined],
    ["is not written when it is `off`", { audit: "off" }, undefined],
    ["is not written when an object says so", { audit: { file: "a", enabled: false } }, undefined],
    ["is not written where nothing is kept", { dataDir: ":memory:" }, undefined],
    ["is written where nothing else is kept, if a file is named", { dataDir: ":memory:", audit: "/a" }, "/a"],
  ] as const)("%s", (_, options, file) => {
    expect(fileOf(options)).toBe(file);
  });

  test("that has no place is refused", () => {
    expect(() => fileOf({ dataDir: ":memory:", audit: true })).toThrow(
      /audit.*must name a file while dataDir is :memory:/u,
    );
  });

  test("with a misspelt key is refused", () => {
    const { problems } = adviseOn({ audit: { fiel: "a" } }, () => undefined);
    expect(problems).toMatchObject([{ key: "audit.fiel" }]);
  });
});
