/** Makes isolates the way executor processes do, step by step: program of `isolates.ts`. Ended by its parent. */
import ivm from "isolated-vm";
import { BUILT_IN_LIMITS } from "../../src/config/limits.ts";
import type { SandboxStart } from "../../src/bridge/protocol.ts";

/** How the runtime gets into an isolate. */
export type Way = "compiled anew" | "cached data" | "snapshot";

/** What the parent asks for. `keep`: isolates that stay. */
export type Asked =
  | { readonly kind: "prepare"; readonly runtime: string }
  | { readonly kind: "make" | "keep"; readonly way: Way; readonly count: number };

/** Times of each step in µs; of `prepare` what was prepared. */
export interface Made {
  readonly steps: Readonly<Record<string, readonly number[]>>;
  readonly prepared?: { readonly cachedBytes: number; readonly snapshotMs: number };
}

interface Prepared {
  readonly runtime: string;
  readonly cachedData: ivm.ExternalCopy<ArrayBuffer>;
  readonly snapshot: ivm.ExternalCopy<ArrayBuffer>;
}

type Entry = ivm.Reference<(...texts: string[]) => void>;

const MEMORY_MIB = 64;
const TIMEOUT_MS = 5_000;
const FILENAME = "runlet:runtime";
const START: SandboxStart = {
  limits: BUILT_IN_LIMITS.defaults,
  tracked: false,
  sameLines: true,
  seed: [1, 2, 3, 4],
  clockMs: 0,
  seeded: false,
};
const SCRIPT = ["(async () => 1+1)", JSON.stringify(START), '{"bench":["noop"]}'];

let prepared: Prepared | undefined;
const kept: ivm.Isolate[] = [];

/** Counts the time since the last step. */
class Stopwatch {
  readonly steps: Record<string, number[]> = {};
  #at = performance.now();

  start(): void {
    this.#at = performance.now();
  }

  step(name: string): void {
    const now = performance.now();
    (this.steps[name] ??= []).push((now - this.#at) * 1_000);
    this.#at = performance.now();
  }
}

function prepare(runtime: string): Made {
  const isolate = new ivm.Isolate({ memoryLimit: MEMORY_MIB });
  const script = isolate.compileScriptSync(runtime, { filename: FILENAME, produceCachedData: true });
  const { cachedData } = script as ivm.CachedDataResult;
  if (cachedData === undefined) throw new Error("V8 made no cached data");
  const startedAt = performance.now();
  const snapshot = ivm.Isolate.createSnapshot([{ code: `globalThis.bootstrap = ${runtime};`, filename: FILENAME }]);
  const snapshotMs = performance.now() - startedAt;
  isolate.dispose();
  prepared = { runtime, cachedData, snapshot };
  return { steps: {}, prepared: { cachedBytes: cachedData.copy().byteLength, snapshotMs } };
}

/** An isolate that waits for its script; `ended` resolves when the script says that it is done. */
function make(
  way: Way,
  { runtime, cachedData, snapshot }: Prepared,
  watch: Stopwatch,
): { isolate: ivm.Isolate; start: Entry; ended: Promise<void> } {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  watch.start();
  const isolate = new ivm.Isolate({
    memoryLimit: MEMORY_MIB,
    onCatastrophicError: () => undefined,
    ...(way === "snapshot" ? { snapshot } : {}),
  });
  watch.step("isolate");
  const context = isolate.createContextSync();
  watch.step("context");
  const bootstrap = way === "snapshot" ? context.global.getSync("bootstrap", { reference: true }) : load(way, watch);
  watch.step(way === "snapshot" ? "find" : "run");
  const send = new ivm.Callback((type: unknown) => type === "done" && resolve(), { ignored: true });
  const entries = bootstrap.applySync(undefined, [send], {
    result: { reference: true },
    timeout: TIMEOUT_MS,
  }) as ivm.Reference<{
    start: (...texts: string[]) => void;
    deliver: (...events: string[]) => void;
  }>;
  watch.step("bootstrap");
  const start = entries.getSync("start", { reference: true });
  entries.getSync("deliver", { reference: true });
  watch.step("entries");
  return { isolate, start, ended };

  function load(
    from: "compiled anew" | "cached data",
    watched: Stopwatch,
  ): ivm.Reference<(...args: unknown[]) => unknown> {
    const script = isolate.compileScriptSync(runtime, {
      filename: FILENAME,
      ...(from === "cached data" ? { cachedData } : {}),
    });
    // Its own types leave this out.
    if ((script as { readonly cachedDataRejected?: unknown }).cachedDataRejected === true)
      throw new Error("V8 refused its cached data");
    watched.step("compile");
    return script.runSync(context, { reference: true, timeout: TIMEOUT_MS });
  }
}

async function makeMany(way: Way, count: number): Promise<Made> {
  if (prepared === undefined) throw new Error("prepare first");
  const watch = new Stopwatch();
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    const { isolate, start, ended } = make(way, prepared, watch);
    (watch.steps["ready after"] ??= []).push((performance.now() - startedAt) * 1_000);
    watch.start();
    await Promise.all([start.apply(undefined, SCRIPT, { timeout: TIMEOUT_MS }).catch(expectShield), ended]);
    watch.step("first script");
    isolate.dispose();
    watch.step("dispose");
  }
  return { steps: watch.steps };
}

/** The runtime leaves one rejection without a handler, see its `bootstrap`. */
function expectShield(error: unknown): void {
  if (error !== undefined) throw error as Error;
}

function keep(way: Way, count: number): Made {
  if (prepared === undefined) throw new Error("prepare first");
  const watch = new Stopwatch();
  for (let i = 0; i < count; i++) kept.push(make(way, prepared, watch).isolate);
  return { steps: {} };
}

process.on("message", (asked: Asked) => {
  const answer = async (): Promise<Made> => {
    switch (asked.kind) {
      case "prepare":
        return prepare(asked.runtime);
      case "make":
        return makeMany(asked.way, asked.count);
      case "keep":
        return keep(asked.way, asked.count);
      default:
        return asked satisfies never;
    }
  };
  void answer().then((made) => process.send?.(made));
});
// Without its parent there is nobody to tell; an orderly exit could wait for ever.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
