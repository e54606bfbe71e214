import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { editConfigText, readConfigFile, writeConfigFile } from "../../../src/cli/edit-config.ts";
import { folderWith, problemsOf } from "../config/support.ts";

const add = { path: ["mcpServers", "b"], value: { command: "y", args: ["-v"] } };
const remove = { path: ["mcpServers", "a"], value: undefined };

describe("a YAML file", () => {
  const text = `# Ours.
port: 8377 # not 8080

mcpServers:
  # The first.
  a: { command: x }

log:
  level: info
`;

  test("keeps its comments, order and layout when a server is added", () => {
    expect(editConfigText(text, "runlet.yaml", [add])).toBe(
      text.replace("a: { command: x }\n", "a: { command: x }\n  b:\n    command: y\n    args:\n      - -v\n"),
    );
  });

  test("keeps what is around a server that is removed", () => {
    const edited = editConfigText(text, "runlet.yaml", [add, remove]);
    expect(edited).toContain("# Ours.\nport: 8377 # not 8080\n");
    expect(edited).not.toContain("command: x");
    expect(edited).toContain("command: y");
  });

  test.each(["", "# only a comment\n", "mcpServers:\n", "mcpServers: null\nport: 1\n", "port: 1\n"])(
    "%j gets the section it lacks",
    (before) => {
      const edited = editConfigText(before, "runlet.yml", [add]);
      expect(edited).toContain("mcpServers:\n  b:\n    command: y\n");
      for (const line of before.split("\n").filter((each) => /^#|port/u.test(each))) expect(edited).toContain(line);
    },
  );

  test("values that look like other types stay text", () => {
    const server = { command: "x", args: ["1", "true", "${A}", "# no", "a: b"], env: { N: "0123" } };
    const edited = editConfigText("", "runlet.yaml", [{ path: ["mcpServers", "a"], value: server }]);
    const folder = folderWith({ "runlet.yaml": edited });
    expect(readConfigFile("runlet.yaml", folder, { create: false }).value).toEqual({ mcpServers: { a: server } });
  });

  test("a server behind an alias cannot be removed, and is not said to be", () => {
    const merged = "base: &base\n  a: {command: x}\nmcpServers:\n  <<: *base\n";
    expect(problemsOf(() => editConfigText(merged, "runlet.yaml", [remove]))).toEqual([
      expect.stringContaining("Cannot change mcpServers.a in runlet.yaml as it is not written there as a plain key"),
    ]);
  });
});

describe("a JSON file", () => {
  const text = '{\n  // Ours.\n  "port": 1,\n  "mcpServers": {\n    "a": {"command": "x"}, // first\n  },\n}\n';

  test("keeps its comments and trailing commas", () => {
    const edited = editConfigText(text, "runlet.jsonc", [add]);
    expect(edited).toContain("// Ours.");
    expect(edited).toContain("// first");
    const folder = folderWith({ "runlet.jsonc": edited });
    expect(readConfigFile("runlet.jsonc", folder, { create: false }).value).toEqual({
      port: 1,
      mcpServers: { a: { command: "x" }, b: add.value },
    });
  });

  test("one that is empty becomes an object", () => {
    expect(JSON.parse(editConfigText("", "runlet.json", [add]))).toEqual({ mcpServers: { b: add.value } });
  });

  test("a server is removed", () => {
    const edited = editConfigText('{"port": 1, "mcpServers": {"a": {"command": "x"}}}', "runlet.json", [remove]);
    expect(JSON.parse(edited)).toEqual({ port: 1, mcpServers: {} });
  });
});

describe("a file on disk", () => {
  test("is replaced in one step, keeps its mode, and is written where a link leads", () => {
    const folder = folderWith({ "real/runlet.yaml": "port: 1\n" });
    chmodSync(join(folder, "real/runlet.yaml"), 0o640);
    symlinkSync(join(folder, "real/runlet.yaml"), join(folder, "runlet.yaml"));
    const file = readConfigFile("runlet.yaml", folder, { create: false });
    writeConfigFile(file, "port: 2\n");
    expect(readFileSync(join(folder, "real/runlet.yaml"), "utf8")).toBe("port: 2\n");
    expect(lstatSync(join(folder, "runlet.yaml")).isSymbolicLink()).toBe(true);
    expect(statSync(join(folder, "real/runlet.yaml")).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(folder, "real"))).toEqual(["runlet.yaml"]);
  });

  test("that is new is its owner's alone, as it may hold secrets", () => {
    const folder = folderWith({});
    const file = readConfigFile("runlet.yaml", folder, { create: true });
    expect([file.exists, file.value]).toEqual([false, {}]);
    writeConfigFile(file, "port: 2\n");
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
  });

  test("that is not there, or is no configuration, is told by its name", () => {
    const folder = folderWith({ "bad.json": "{" });
    expect(problemsOf(() => readConfigFile("a.yaml", folder, { create: false }))[0]).toContain("Cannot read a.yaml");
    expect(problemsOf(() => readConfigFile("bad.json", folder, { create: true }))[0]).toContain("bad.json:1");
    expect(problemsOf(() => readConfigFile(".", folder, { create: true }))[0]).toContain("EISDIR");
  });
});
