import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { lazyModule } from "./lazy-module.ts";

/** The two programs an executor process runs, each one text without imports. */
export interface ExecutorBundles {
  /** Runs inside every isolate: an expression whose value is the runtime's `bootstrap`. */
  readonly runtime: string;
  /** Runs as the process: CommonJS; the path of isolated-vm's binary is its first argument. */
  readonly process: string;
}

/** Names of the bundles' files in a built package. */
export const BUNDLE_FILES = { runtime: "sandbox-runtime.js", process: "executor-process.cjs" } as const;

/**
 * The bundles: read from the built package, or made on the spot in a checkout.
 *
 * An executor process must not strip types itself (that needs WebAssembly, which `--jitless` takes away), nor read our
 * files: it gets its program through a pipe.
 */
export async function loadBundles(): Promise<ExecutorBundles> {
  const builtAt = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
  const [runtime, child] = [builtAt(BUNDLE_FILES.runtime), builtAt(BUNDLE_FILES.process)];
  if (existsSync(runtime) && existsSync(child)) {
    return { runtime: await readFile(runtime, "utf8"), process: await readFile(child, "utf8") };
  }
  return makeBundles();
}

/** Modules of the runtime that every isolate evaluates, and that its lazy parts use. */
const KEPT = [
  "primordials.ts",
  "base64.ts",
  "codec.ts",
  "harden.ts",
  "kinds.ts",
  "random.ts",
  "shown.ts",
  "web-dom-exception.ts",
];

/** Lets a bundle take isolated-vm's binary from the path that is its process's first argument. */
export const isolatedVmByPath: Plugin = {
  name: "isolated-vm by path",
  setup(build) {
    build.onResolve({ filter: /^isolated-vm$/ }, () => ({ path: "isolated-vm", namespace: "native" }));
    build.onLoad({ filter: /.*/, namespace: "native" }, () => ({
      contents: "module.exports = require(process.argv[2]).ivm;",
    }));
  },
};

/** Bundles both programs from their sources. */
export async function makeBundles(): Promise<ExecutorBundles> {
  const { build, stop } = await import("esbuild");
  const shared = { bundle: true, write: false, minify: true, charset: "utf8", legalComments: "none" } as const;
  // Without a character above ASCII, V8 keeps the source at one byte a character.
  const inside = { ...shared, charset: "ascii", platform: "neutral", target: "es2024" } as const;
  const [runtime, child] = await Promise.all([
    build({
      ...inside,
      entryPoints: [inRuntime("main.ts")],
      format: "iife",
      globalName: "runtime",
      plugins: [
        lazyModule({ path: inRuntime("web-loaders.ts"), exportName: "loadWeb", borrows: KEPT }, inside),
        lazyModule({ path: inRuntime("web-url-loaders.ts"), exportName: "loadUrl", borrows: KEPT }, inside),
        lazyModule({ path: inRuntime("intl.ts"), exportName: "createIntl", borrows: KEPT }, inside),
        lazyModule({ path: inRuntime("seeded-run.ts"), exportName: "createSeededRun", borrows: KEPT }, inside),
      ],
    }),
    build({
      ...shared,
      entryPoints: [fileURLToPath(new URL("./isolates/executor-process.ts", import.meta.url))],
      format: "cjs",
      platform: "node",
      target: "node24",
      plugins: [isolatedVmByPath],
    }),
  ]);
  // The bundler is a process of its own; nothing more is bundled after this.
  await stop();
  return {
    runtime: `(function (send) { "use strict";\n${textOf(runtime.outputFiles)}\nreturn runtime.bootstrap(send); })`,
    process: textOf(child.outputFiles),
  };
}

function inRuntime(name: string): string {
  return fileURLToPath(new URL(`../../sandbox-runtime/${name}`, import.meta.url));
}

function textOf(files: readonly { readonly text: string }[]): string {
  const [file] = files;
  if (file === undefined) throw new Error("the bundler wrote no file");
  return file.text;
}

/** Path of isolated-vm's compiled binary for this machine. @throws Error when there is none for it. */
export function nativeModulePath(): string {
  const here = createRequire(import.meta.url);
  const entry = here.resolve("isolated-vm");
  const find = createRequire(entry)("node-gyp-build") as { path(folder: string): string };
  return find.path(dirname(entry));
}
