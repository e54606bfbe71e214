import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { build, stop } from "esbuild";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeBundles } from "../../../src/executor/bundles.ts";
import { lazyModule } from "../../../src/executor/lazy-module.ts";

const OPTIONS = { bundle: true, write: false, minify: true, logLevel: "silent" } as const;
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lazy-module-"));
});
afterEach(() => rm(folder, { recursive: true }));
afterAll(() => stop());

/** Bundles main.ts, with lazy.ts as a text that borrows kept.ts and more.ts. */
async function bundle(files: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const plugin = lazyModule(
    { path: join(folder, "lazy.ts"), exportName: "load", borrows: ["kept.ts", "more.ts"] },
    OPTIONS,
  );
  const built = await build({
    ...OPTIONS,
    entryPoints: [join(folder, "main.ts")],
    format: "iife",
    globalName: "main",
    plugins: [plugin],
  });
  return built.outputFiles[0]?.text ?? "";
}

const KEPT = {
  "kept.ts": `export const state = { touched: 0 }; export const add = (n: number) => n + 1;`,
  "more.ts": `export const word = "kept";`,
};

describe("a lazy module", () => {
  it("runs when its function is first called, and shares what it borrows", async () => {
    const text = await bundle({
      ...KEPT,
      "helper.ts": `import { state } from "./kept.ts"; state.touched++; export const twice = (n: number) => n * 2;`,
      "lazy.ts": `import { add } from "./kept.ts"; import { word } from "./more.ts"; import { twice } from "./helper.ts"; export function load(n: number) { return word + add(twice(n)); }`,
      "main.ts": `import { state } from "./kept.ts"; import { load } from "./lazy.ts"; export const before = state.touched; export const result = load(4); export const after = state.touched;`,
    });
    expect(runInNewContext(`${text};[main.before, main.result, main.after].join()`)).toBe("0,kept9,1");
  });

  it("evaluates with the builtins it borrows, whatever became of the globals", async () => {
    const text = await bundle({
      "kept.ts": `export const { max } = Math;`,
      "more.ts": "export {};",
      "lazy.ts": `import { max } from "./kept.ts"; export function load() { return max(1, 2); }`,
      "main.ts": `import { load } from "./lazy.ts"; export const later = () => load();`,
    });
    expect(runInNewContext(`${text};globalThis.eval = globalThis.Math = undefined; main.later()`)).toBe(2);
  });

  it("that exports anything else does not build", async () => {
    const files = { ...KEPT, "main.ts": `import { load } from "./lazy.ts"; load();` };
    const two = bundle({
      ...files,
      "lazy.ts": `import { add } from "./kept.ts"; export const load = () => add(1); export const other = 1;`,
    });
    await expect(two).rejects.toThrow("Cannot make load a text");
    const none = bundle({ ...files, "lazy.ts": `export const load = () => 1;` });
    await expect(none).rejects.toThrow("Cannot make load a text");
  });
});

describe("the bundle of the runtime", () => {
  it("is ASCII, so that an isolate holds it at one byte a character", async () => {
    const { runtime } = await makeBundles();
    expect(Array.from(runtime).filter((letter) => letter > "\x7f")).toEqual([]);
  });

  it("has the code of web globals in texts only", async () => {
    const { runtime } = await makeBundles();
    const withoutTexts = runtime.replaceAll(/(["'`])\(function\(lent\)(?:\\.|(?!\1).)*\1/gu, "");
    expect(runtime.length - withoutTexts.length).toBeGreaterThan(25_000);
    for (const word of ["throwIfAborted", "canParse", "encodeInto", "DataCloneError"]) {
      expect(runtime).toContain(word);
      if (word !== "DataCloneError") expect(withoutTexts).not.toContain(word);
    }
  });
});
