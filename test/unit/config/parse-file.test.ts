import { describe, expect, test } from "vitest";
import { parseConfigText } from "../../../src/config/parse-file.ts";

const values = (text: string, file: string): unknown => {
  const parsed = parseConfigText(text, file);
  return "value" in parsed ? parsed.value : parsed.problems.map(({ message }) => message);
};

const lines = (text: string, file: string): Record<string, number> => {
  const parsed = parseConfigText(text, file);
  return "value" in parsed ? Object.fromEntries(parsed.lines) : {};
};

describe("formats", () => {
  test("YAML is read with the line of each key", () => {
    const text = "host: 0.0.0.0\n# a comment\nmcpServers:\n  files:\n    command: node\n    args: [a, b]\n";
    expect(values(text, "runlet.yaml")).toEqual({
      host: "0.0.0.0",
      mcpServers: { files: { command: "node", args: ["a", "b"] } },
    });
    expect(lines(text, "runlet.yaml")).toEqual({
      host: 1,
      mcpServers: 3,
      "mcpServers.files": 4,
      "mcpServers.files.command": 5,
      "mcpServers.files.args": 6,
    });
  });

  test.each(["runlet.json", "runlet.jsonc", "mcp.JSON"])("%s takes comments and trailing commas", (file) => {
    const text = '{\n  // the port\n  "port": 1, /* and */\n  "log": {"level": "info",},\n}\n';
    expect(values(text, file)).toEqual({ port: 1, log: { level: "info" } });
    expect(lines(text, file)).toEqual({ port: 3, log: 4, "log.level": 4 });
  });

  test("YAML anchors and merge keys are resolved", () => {
    const text = "x-base: &base {timeout: 5s}\nmcpServers:\n  a: {<<: *base, command: x}\n  b: *base\n";
    expect(values(text, "c.yml")).toEqual({
      "x-base": { timeout: "5s" },
      mcpServers: { a: { timeout: "5s", command: "x" }, b: { timeout: "5s" } },
    });
  });

  test("a byte order mark is ignored", () => {
    expect(values("\uFEFFport: 1", "c.yaml")).toEqual({ port: 1 });
    expect(values('\uFEFF{"port": 1}', "c.json")).toEqual({ port: 1 });
  });

  test.each(["c.yaml", "c.json"])("an empty %s has no settings", (file) => {
    expect(values("", file)).toEqual({});
    expect(values(file === "c.yaml" ? "# nothing\n" : "// nothing\n", file)).toEqual({});
  });

  test("words of YAML 1.1 such as on and no are text", () => {
    expect(values("a: on\nb: no\nc: 012", "c.yaml")).toEqual({ a: "on", b: "no", c: 12 });
  });
});

describe("what is refused", () => {
  test("a key that is written twice is told with both lines", () => {
    expect(values("port: 1\nlog: {level: info}\nport: 2\n", "c.yaml")).toEqual([
      "Cannot read c.yaml:3 as port is there already, on line 1. Keep one of them.",
    ]);
    expect(values('{"clients": {"a": {"key": "x",\n"key": "y"}}}', "c.json")).toEqual([
      "Cannot read c.json:2 as clients.a.key is there already, on line 1. Keep one of them.",
    ]);
  });

  test("a key that would change the prototype of objects is refused", () => {
    expect(values("__proto__: {admin: true}", "c.yaml")).toEqual([
      "Cannot read c.yaml:1 as `__proto__` cannot be a key. Rename it.",
    ]);
    expect(values('{"log": {"__proto__": {"level": "trace"}}}', "c.json")).toEqual([
      "Cannot read c.json:1 as `__proto__` cannot be a key. Rename it.",
    ]);
  });

  test("faults of the syntax are told with their line", () => {
    expect(values('{\n  "port": 1\n  "host": "a"\n}', "c.json")).toEqual([
      "Cannot read c.json:3 as it is not JSON: comma expected. Mend the text there.",
    ]);
    expect(values("port: 1\nhost: [a\n", "c.yaml")).toEqual([
      expect.stringMatching(/^Cannot read c\.yaml:\d as it is not YAML: /u),
    ]);
  });

  test("a key that is not text is refused", () => {
    expect(values("? {a: 1}\n: 2\n", "c.yaml")).toEqual([
      "Cannot read c.yaml:1 as a key must be text. Write the key as one word.",
    ]);
  });

  test.each([
    ["- a\n- b\n", "c.yaml", "a list"],
    ["[1]", "c.json", "a list"],
    ["just text", "c.yaml", "string"],
    ["5", "c.json", "number"],
  ])("%j in %s is no configuration", (text, file, kind) => {
    expect(values(text, file)).toEqual([
      `Cannot read ${file}:1 as its content must be an object with keys, and is ${kind}. Write keys such as \`mcpServers:\`.`,
    ]);
  });

  test("two YAML documents in one file are refused", () => {
    expect(values("port: 1\n---\nport: 2\n", "c.yaml")).toEqual([expect.stringContaining("is not YAML")]);
  });

  test("aliases that multiply without end are refused", () => {
    const rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 9; i++)
      rows.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ")}]`);
    expect(values(rows.join("\n"), "c.yaml")).toEqual([expect.stringContaining("its aliases cannot be resolved")]);
  });
});
