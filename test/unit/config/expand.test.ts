import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expandReferences } from "../../../src/config/expand.ts";
import type { Expanded } from "../../../src/config/expand.ts";

const FILES = new Map([
  ["/run/secrets/token", "from-the-file\n"],
  ["/run/secrets/windows", "from-windows\r\n"],
  ["/run/secrets/two", "line one\nline two\n\n"],
]);

const ENV: Record<string, string> = {
  HOME_DIR: "/home/me",
  EMPTY: "",
  GITHUB_TOKEN: "a-token-value",
  NESTED: "${HOME_DIR}",
  DB_PASSWORD_FILE: "/run/secrets/token",
  PLAIN: "some-plain-value",
};

function expand(tree: unknown, env: Record<string, string> = ENV): Expanded {
  return expandReferences(tree, {
    env,
    sourceOf: () => ({ kind: "file", name: "runlet.yaml", line: 4 }),
    readFile: (path) => {
      const text = FILES.get(path);
      if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
      return text;
    },
  });
}

const valueOf = (text: string): unknown => {
  const { value, problems } = expand({ key: text });
  expect(problems).toEqual([]);
  return (value as { key: unknown }).key;
};

describe("forms", () => {
  test.each([
    ["${HOME_DIR}", "/home/me"],
    ["${env:HOME_DIR}", "/home/me"],
    ["a ${HOME_DIR} b ${PLAIN} c", "a /home/me b some-plain-value c"],
    ["${HOME_DIR}${HOME_DIR}", "/home/me/home/me"],
    ["${MISSING:-fallback}", "fallback"],
    ["${env:MISSING:-fallback}", "fallback"],
    ["${EMPTY:-fallback}", "fallback"],
    ["${EMPTY}", ""],
    ["${MISSING:-}", ""],
    ["${MISSING:-${HOME_DIR}/data}", "/home/me/data"],
    ["${MISSING:-${ALSO_MISSING:-deep}}", "deep"],
    ["${HOME_DIR:-${NEVER_LOOKED_AT}}", "/home/me"],
    ["${MISSING:-http://localhost:80}", "http://localhost:80"],
    ["${file:/run/secrets/token}", "from-the-file"],
    ["${file:/run/secrets/windows}", "from-windows"],
    ["${file:/run/secrets/two}", "line one\nline two\n"],
    ["${file:/nowhere:-none}", "none"],
    ["Bearer ${file:/run/secrets/token}!", "Bearer from-the-file!"],
    ["${DB_PASSWORD}", "from-the-file"],
    ["$${HOME_DIR}", "${HOME_DIR}"],
    ["$$${HOME_DIR}", "$${HOME_DIR}"],
    ["${HOME_DIR}$${x}", "/home/me${x}"],
    ["$HOME_DIR costs $5", "$HOME_DIR costs $5"],
    ["{}", "{}"],
  ])("%j becomes %j", (text, expected) => {
    expect(valueOf(text)).toBe(expected);
  });

  test("what a reference stands for is not expanded again", () => {
    expect(valueOf("${NESTED}")).toBe("${HOME_DIR}");
  });

  test("every string of the tree is expanded, keys are not", () => {
    const tree = { "${PLAIN}": ["${HOME_DIR}", { a: "${HOME_DIR}", b: 5, c: null, d: true }] };
    expect(expand(tree).value).toEqual({ "${PLAIN}": ["/home/me", { a: "/home/me", b: 5, c: null, d: true }] });
  });

  test("text without references stays as it is", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("${")),
        (text) => {
          expect(valueOf(text)).toBe(text);
        },
      ),
    );
  });

  test("any text can be written by escaping", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "a", ":", "-") }), (text) => {
        expect(valueOf(text.split("${").join("$${"))).toBe(text);
      }),
    );
  });
});

describe("faults", () => {
  test("a missing variable is told with its key, its place and the remedy", () => {
    const { value, problems } = expand({ mcpServers: { files: { args: ["a", "${DATA}"] } } });
    expect(problems).toEqual([
      {
        message:
          "Cannot use mcpServers.files.args[1] (runlet.yaml:4) as it needs the environment variable DATA, which is not set: " +
          'current value is "${DATA}". Set DATA, or write ${DATA:-default}.',
        remedy: "Set DATA, or write ${DATA:-default}.",
        key: "mcpServers.files.args[1]",
        file: "runlet.yaml",
        line: 4,
      },
    ]);
    expect(value).toEqual({ mcpServers: { files: { args: ["a", "${DATA}"] } } });
  });

  test("every fault is told, not only the first", () => {
    const { problems } = expand({ a: "${ONE} ${TWO}", b: "${file:/nowhere}", c: "${MISSING:-${THREE}}" });
    expect(
      problems.map(({ key, message }) => `${key}: ${/as it (.*?): current/u.exec(message)?.[1] ?? message}`),
    ).toEqual([
      "a: needs the environment variable ONE, which is not set",
      "a: needs the environment variable TWO, which is not set",
      "b: needs a file that cannot be read (ENOENT), named by ${file:/nowhere}",
      "c: needs the environment variable THREE, which is not set",
    ]);
  });

  test.each([
    ["${HOME_DIR", "must close each ${ with }"],
    ["${MISSING:-${HOME_DIR}", "must close each ${ with }"],
    ["${}", "holds a reference of an unknown form"],
    ["${1abc}", "holds a reference of an unknown form"],
    ["${NAME:?needed}", "holds a reference of an unknown form"],
    ["${secret:github}", "refers to a secret where there is no store of secrets"],
    ["${secret:github:-none}", "refers to a secret where there is no store of secrets"],
  ])("%j is refused: %s", (text, rule) => {
    expect(expand({ key: text }).problems.map(({ message }) => message)).toEqual([expect.stringContaining(rule)]);
  });

  test("a written-out part of a secret value is not shown", () => {
    const { problems } = expand({ model: { apiKey: "half-a-secret-${MISSING}" } });
    expect(problems[0]?.message).not.toContain("half-a-secret");
  });
});

describe("secrets", () => {
  test("contents of files and variables named like secrets are collected", () => {
    const { secrets } = expand({
      a: "${GITHUB_TOKEN}",
      b: "${file:/run/secrets/token}",
      c: "${HOME_DIR}",
      d: "${PLAIN}",
    });
    expect([...secrets]).toEqual(["a-token-value", "from-the-file"]);
  });

  test("any variable used in a secret place is collected", () => {
    const { secrets } = expand({
      model: { apiKey: "${PLAIN}" },
      mcpServers: { x: { headers: { Authorization: "Bearer ${HOME_DIR}" } } },
    });
    expect([...secrets].toSorted()).toEqual(["/home/me", "some-plain-value"]);
  });

  test("the written default is no secret, and short values are not hidden everywhere", () => {
    expect([...expand({ a: "${API_KEY:-none}", b: "${MY_TOKEN}" }, { MY_TOKEN: "abc" }).secrets]).toEqual([]);
  });

  test("the password of an address is collected beside the address", () => {
    const env = { DATABASE_URL: "postgres://me:hunter22@db/x" };
    expect([...expand({ a: "${DATABASE_URL}" }, env).secrets]).toEqual(["postgres://me:hunter22@db/x", "hunter22"]);
  });

  test("which values held references is remembered as written", () => {
    expect(Object.fromEntries(expand({ a: { b: "x ${PLAIN}" }, c: "y" }).references)).toEqual({ "a.b": "x ${PLAIN}" });
  });
});

describe("inputs of an editor's file", () => {
  test("an input is the variable of its name in capitals, and a secret", () => {
    const { value, secrets } = expand({ a: "Bearer ${input:github-token}", b: "${input:github-token:-none}" });
    expect(value).toEqual({ a: "Bearer a-token-value", b: "a-token-value" });
    expect([...secrets]).toEqual(["a-token-value"]);
  });

  test("one that is not set falls back, or is told with what to set", () => {
    expect(valueOf("${input:path:-/data}")).toBe("/data");
    expect(expand({ key: "${input:my path}" }).problems.map(({ message }) => message)).toEqual([
      "Cannot use key (runlet.yaml:4) as it needs the input my path, which is asked of nobody here, and the environment variable " +
        'MY_PATH is not set: current value is "${input:my path}". Set MY_PATH, or write ${MY_PATH:-default}.',
    ]);
  });
});
