import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { SECURITY_PROMISES } from "../promises/security.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const ROW = /^\| (?<claim>[^|]+) \| (?<shown>`test\/[^|]+) \|$/u;

test("SECURITY.md claims what is promised, word for word, and names the files of the tests that show it", () => {
  const rows = readFileSync(join(ROOT, "SECURITY.md"), "utf8")
    .split("\n")
    .flatMap((line) => {
      const { claim, shown } = ROW.exec(line)?.groups ?? {};
      return claim === undefined || shown === undefined ? [] : [[claim, shown]];
    });
  const promised = SECURITY_PROMISES.map(({ promise, tests }) => [
    promise,
    [...new Set(tests.map(({ file }) => `\`${file}\``))].join(", "),
  ]);
  expect(rows).toEqual(promised);
});
