import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { compileConfig } from "../../../../src/config/compile.ts";
import { loadOptions } from "../../../../src/config/load.ts";
import { setSecret } from "../../../../src/config/secrets/secret-store.ts";
import { folderWith } from "../support.ts";

const KEY = "ab".repeat(32);
const VALUE = "stored-value-1";

function load(cwd: string, more: { env?: Record<string, string>; flags?: Record<string, string> } = {}) {
  return loadOptions({ cwd, env: more.env ?? {}, flags: more.flags ?? {} });
}

/** A folder with a configuration and a store somewhere in it. */
function folder(yaml: string, data = ".runlet", keyText?: string): string {
  const cwd = folderWith({ "runlet.yaml": `${yaml}\nmodel: {baseURL: "http://m", model: "\${secret:token}"}\n` });
  const place = { file: join(cwd, data, "secrets.json"), keyFile: join(cwd, data, "secrets.key"), keyText };
  setSecret(place, { name: "token", value: VALUE }, 0);
  return cwd;
}

test.each([
  ["which no file names", "port: 1", {}],
  ["which the file names", "dataDir: there", {}],
  ["which the environment names", "dataDir: here", { env: { RUNLET_DATA_DIR: "there" } }],
  ["which a flag names", "dataDir: here", { flags: { "data-dir": "there" } }],
])("the store is in the data folder, %s, wherever the configuration is", (_what, yaml, more) => {
  const cwd = folderWith({ "elsewhere/runlet.yaml": yaml });
  const request = { cwd, env: {}, flags: {}, file: "elsewhere/runlet.yaml", ...more };
  const loaded = loadOptions(request);
  const { dataDir } = compileConfig(loaded.options, loaded);
  expect(dirname(loaded.secretsPlace.file)).toBe(dataDir);
  expect(dirname(loaded.secretsPlace.keyFile)).toBe(dataDir);
});

describe("a stored secret is found", () => {
  test.each([
    ["in the default folder", "", ".runlet", {}],
    ["in the folder of the file's dataDir", "dataDir: there", "there", {}],
    ["in a folder that a variable names", "dataDir: ${WHERE}", "there", { env: { WHERE: "there" } }],
    ["by the environment over the file", "dataDir: here", "there", { env: { RUNLET_DATA_DIR: "there" } }],
    [
      "by the flag over both",
      "dataDir: here",
      "there",
      { env: { RUNLET_DATA_DIR: "no" }, flags: { "data-dir": "there" } },
    ],
    ["where data is kept in memory only", 'dataDir: ":memory:"', ".runlet", {}],
    ["in files of its own", "secrets: {file: there/secrets.json, keyFile: there/secrets.key}", "there", {}],
    [
      "by a key file of the environment",
      "secrets: {keyFile: nowhere}",
      ".runlet",
      { env: { RUNLET_SECRETS_KEY_FILE: ".runlet/secrets.key" } },
    ],
  ])("%s", (_what, yaml, data, more) => {
    const { options, problems, secrets } = load(folder(yaml, data), more);
    expect([problems, options.model?.model]).toEqual([[], VALUE]);
    expect(secrets).toContain(VALUE);
  });

  test("with the key of the environment, which is a secret too", () => {
    const { options, secrets } = load(folder("", ".runlet", KEY), { env: { RUNLET_SECRETS_KEY: KEY } });
    expect(options.model?.model).toBe(VALUE);
    expect(secrets).toContain(KEY);
  });
});

describe("a reference that stands for nothing", () => {
  const problemsOf = (yaml: string, more: Parameters<typeof load>[1] = {}): string[] =>
    load(folder(yaml), more).problems.map(({ message }) => message);

  test("says how to keep the secret, and takes its fallback", () => {
    expect(problemsOf("host: '${secret:other}'")).toEqual([
      expect.stringMatching(/needs the secret other, which is not in .*Run `runlet secrets set other`/u),
    ]);
    expect(problemsOf("host: '${secret:other:-127.0.0.1}'")).toEqual([]);
  });

  test("a store that does not open is a fault, and no reason for the fallback", () => {
    const yaml = "host: '${secret:other:-127.0.0.1}'";
    const told = problemsOf(yaml, { env: { RUNLET_SECRETS_KEY: "cd".repeat(32) } });
    expect(told).toHaveLength(2);
    for (const text of told) expect(text).toContain("refers to a store of secrets that does not open");
  });

  test.each([["dataDir: '${secret:token}'"], ["secrets: {keyFile: '${secret:token}'}"]])(
    "%s cannot be looked up in what it says the place of",
    (yaml) => {
      expect(problemsOf(yaml).join("\n")).toContain("is needed to find the store of secrets");
    },
  );

  test("nobody opens the store of a configuration that refers to none", () => {
    const cwd = folderWith({ "runlet.yaml": "port: 1\n", ".runlet/secrets.json": "broken" });
    expect(load(cwd).problems).toEqual([]);
  });
});
