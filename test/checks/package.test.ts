import { execFile, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const run = promisify(execFile);

beforeAll(async () => {
  await run("npm", ["run", "--silent", "build"], { cwd: ROOT });
}, 120_000);

describe("the published package", () => {
  let files: string[] = [];

  beforeAll(async () => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: ROOT });
    const [pack] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    files = pack.files.map(({ path }) => path);
  });

  test("holds the command, both bundles of the executor and the documents", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "dist/src/main.js",
        "dist/src/index.js",
        "dist/src/index.d.ts",
        "dist/src/script/transpile-worker.js",
        "dist/sandbox-runtime.js",
        "dist/executor-process.cjs",
        "README.md",
        "LICENSE",
        "SECURITY.md",
        "CHANGELOG.md",
      ]),
    );
  });

  test("holds no source, test or setting of the checkout", () => {
    expect(
      files.filter(
        (path) => !path.startsWith("dist/") && !/^(?:[A-Z]+(?:\.md)?|docs\/[a-z]+\.md|package\.json)$/u.test(path),
      ),
    ).toEqual([]);
  });

  test("is found right by publint", async () => {
    await expect(run(join(ROOT, "node_modules/.bin/publint"), ["--strict", "."], { cwd: ROOT })).resolves.toBeDefined();
  });

  test("runs a TypeScript script from the built files, without the bundler", async () => {
    const child = spawn(process.execPath, [join(ROOT, "dist/src/main.js"), "run", "-"], {
      cwd: ROOT,
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin.end("const x: number = 6; return x * 7");
    expect(await text(child.stdout)).toBe("42\n");
  });
});

test("no dependency, export or file is unused", async () => {
  const { stdout } = await run(join(ROOT, "node_modules/.bin/knip"), ["--no-progress"], { cwd: ROOT }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe("");
}, 60_000);
