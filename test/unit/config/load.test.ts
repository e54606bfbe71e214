import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DEFAULT_FILES, loadOptions } from "../../../src/config/load.ts";
import { folderWith, loadYaml, problemsOf } from "./support.ts";

describe("which file", () => {
  test.each(DEFAULT_FILES)("%s is found without being named", (name) => {
    const cwd = folderWith({ [name]: '{"port": 1234}' });
    const loaded = loadOptions({ cwd, env: {} });
    expect([loaded.file, loaded.options, loaded.fileDir]).toEqual([name, { port: 1234 }, cwd]);
  });

  test("of several the first is read, and the others are told", () => {
    const cwd = folderWith({ "runlet.yaml": "port: 1", "runlet.json": '{"port": 2}' });
    const loaded = loadOptions({ cwd, env: {} });
    expect(loaded.options).toEqual({ port: 1 });
    expect(loaded.warnings).toEqual([
      "runlet.json is not read as runlet.yaml is there too. Keep one, or name it with --config.",
    ]);
  });

  test("a named file is stronger than RUNLET_CONFIG, which is stronger than the folder's", () => {
    const cwd = folderWith({ "runlet.yaml": "port: 1", "b.yaml": "port: 2", "sub/c.json": '{"port": 3}' });
    const env = { RUNLET_CONFIG: "b.yaml" };
    expect(loadOptions({ cwd, env }).options).toEqual({ port: 2 });
    const named = loadOptions({ cwd, env, file: "sub/c.json" });
    expect([named.options, named.file, named.fileDir]).toEqual([{ port: 3 }, "sub/c.json", join(cwd, "sub")]);
    expect(loadOptions({ cwd, env: { RUNLET_CONFIG: "" } }).options).toEqual({ port: 1 });
  });

  test("without any file there are no options", () => {
    const loaded = loadOptions({ cwd: folderWith({}), env: {} });
    expect([loaded.options, loaded.file, loaded.warnings, loaded.problems]).toEqual([{}, undefined, [], []]);
  });

  test("a named file that is not there is an error that names it as it was named", () => {
    const cwd = folderWith({});
    expect(problemsOf(() => loadOptions({ cwd, env: {}, file: "missing.yaml" }))).toEqual([
      "Cannot read missing.yaml as a configuration must be a readable file: current value is ENOENT. Name another with --config.",
    ]);
    expect(problemsOf(() => loadOptions({ cwd, env: {}, file: "." }))[0]).toContain("EISDIR");
  });

  test("faults of the syntax are reported together", () => {
    const cwd = folderWith({ "runlet.yaml": "port: 1\nhost: a\nport: 2\nhost: b\n" });
    expect(problemsOf(() => loadOptions({ cwd, env: {} }))).toHaveLength(2);
  });
});

describe("precedence", () => {
  const text = "host: from-file\nport: 1\ndataDir: from-file\nlog: {level: warn}\n";
  const env = { RUNLET_HOST: "from-env", RUNLET_PORT: "2", RUNLET_LOG_LEVEL: "debug" };

  test("flags are stronger than environment, environment than file, and each value's source is known", () => {
    const loaded = loadYaml(text, { env, flags: { host: "from-flag", "log-pretty": true } });
    expect(loaded.options).toEqual({
      host: "from-flag",
      port: 2,
      dataDir: "from-file",
      log: { level: "debug", pretty: true },
    });
    expect(Object.fromEntries(loaded.sources)).toEqual({
      host: { kind: "flag", name: "host" },
      port: { kind: "environment", name: "RUNLET_PORT" },
      dataDir: { kind: "file", name: "runlet.yaml", line: 3 },
      log: { kind: "file", name: "runlet.yaml", line: 4 },
      "log.level": { kind: "environment", name: "RUNLET_LOG_LEVEL" },
      "log.pretty": { kind: "flag", name: "log-pretty" },
    });
  });

  test("the model can be set by environment alone, and its key is a secret", () => {
    const loaded = loadYaml("", {
      env: { RUNLET_MODEL_BASE_URL: "http://m/v1", RUNLET_MODEL_API_KEY: "model-key-1", RUNLET_MODEL_NAME: "m" },
    });
    expect(loaded.options).toEqual({ model: { baseURL: "http://m/v1", apiKey: "model-key-1", model: "m" } });
    expect(loaded.secrets).toEqual(["model-key-1"]);
  });

  test("empty variables count as unset", () => {
    expect(loadYaml("port: 5", { env: { RUNLET_PORT: "", RUNLET_HOST: "" } }).options).toEqual({ port: 5 });
  });

  test("a value of the environment is taken as it is, without references", () => {
    expect(loadYaml("", { env: { RUNLET_DATA_DIR: "${HOME}" } }).options).toEqual({ dataDir: "${HOME}" });
  });

  test("a service link of an orchestrator is not taken for a port", () => {
    const loaded = loadYaml("", { env: { RUNLET_PORT: "tcp://10.0.0.1:8377" } });
    expect(loaded.options).toEqual({});
    expect(loaded.warnings).toEqual([
      expect.stringContaining("RUNLET_PORT is not used as it is the address of a linked"),
    ]);
  });

  test("flags that set no key, and keys of objects, are ignored", () => {
    expect(loadYaml("", { flags: { json: true, file: "x", constructor: "y" } }).options).toEqual({});
  });

  test.each([
    ["true", true],
    ["1", true],
    ["no", false],
    ["FALSE", false],
    ["maybe", "maybe"],
  ])("RUNLET_LOG_PRETTY=%s is %j", (value, expected) => {
    expect(loadYaml("", { env: { RUNLET_LOG_PRETTY: value } }).options).toEqual({ log: { pretty: expected } });
  });

  test("a section that is no object is left for the check to refuse", () => {
    expect(loadYaml("log: loud", { env: { RUNLET_LOG_LEVEL: "info" } }).options).toEqual({ log: "loud" });
  });
});

describe("references", () => {
  test("text of a reference becomes what its key wants", () => {
    const text = 'port: "${P}"\nlog: {pretty: "${B}"}\nmodel: {temperature: "${T}", timeout: "${D}"}\nhost: "${P}"\n';
    const env = { P: "81", B: "true", T: "0.5", D: "90" };
    expect(loadYaml(text, { env }).options).toEqual({
      port: 81,
      host: "81",
      log: { pretty: true },
      model: { temperature: 0.5, timeout: "90" },
    });
  });

  test("a file of a reference is looked for beside the configuration", () => {
    const cwd = folderWith({
      "etc/runlet.yaml": 'model: {apiKey: "${file:key.txt}"}',
      "etc/key.txt": "the-key-text\n",
    });
    const loaded = loadOptions({ cwd, env: {}, file: "etc/runlet.yaml" });
    expect(loaded.options).toEqual({ model: { apiKey: "the-key-text" } });
    expect(loaded.secrets).toEqual(["the-key-text"]);
  });

  test("disabled servers and extension keys need not resolve", () => {
    const text =
      'x-note: "${NOPE}"\nmcpServers:\n  off: {command: "${NOPE}", disabled: true}\n  on: {command: "${NOPE}"}\n';
    expect(loadYaml(text).problems.map(({ key }) => key)).toEqual(["mcpServers.on.command"]);
  });

  test("a value that was set over a reference is no longer one", () => {
    const loaded = loadYaml('port: "${P}"', { env: { P: "1" }, flags: { port: "2" } });
    expect([loaded.options, [...loaded.references]]).toEqual([{ port: 2 }, []]);
  });
});

describe("secrets that are written out", () => {
  test("headers, variables and addresses give theirs, other values do not", () => {
    const text = `
mcpServers:
  web: {url: "https://x/mcp", headers: {Authorization: "Bearer literal-token", Accept: application/json}}
  db: {command: db, args: ["--dsn", "postgres://me:pass-word@host/db"], env: {API_TOKEN: env-token-1, LANG: nl_NL.UTF-8}}
model: {baseURL: "http://m", model: some-model, apiKey: literal-key}
`;
    expect(loadYaml(text).secrets).toEqual(["literal-token", "pass-word", "env-token-1", "literal-key"]);
  });

  test("a section with nothing under it counts as missing, but clients do not", () => {
    expect(loadYaml("model:\nlog:\nclients:\n").options).toEqual({ clients: null });
  });
});
