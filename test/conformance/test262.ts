/**
 * Runs tests of the language, drawn from a copy of tc39/test262, in bare isolates and in Runlet's, and names those that
 * pass in the first and fail in the second: `node test/conformance/test262.ts <folder> [seed] [count]`.
 *
 * Each test runs five times: as a global script in a bare isolate of a plain process (`plain`) and of a process with the
 * V8 flags of an executor (`bare`); then, with these flags, in an isolate prepared as for a run: as a global script
 * (`ours`), by an indirect `eval` in a Runlet script (`indirect`), and as a Runlet script itself (`body`). The first
 * three must agree. The last two differ where a script is not global code, which is how Runlet runs scripts; what
 * differs is listed. Ends with code 1 when a test that passes in a bare isolate, with the flags or
 * without, fails in ours.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import { isolatedVmByPath, loadBundles, nativeModulePath } from "../../src/executor/bundles.ts";
import { drawCases } from "./test262-cases.ts";
import type { ConformanceCase } from "./test262-cases.ts";
import type { EvaluateRequest, Verdict, Way } from "./test262-child.ts";

/** @source src/executor/confinement/executor-command.ts, the flags that V8 sees */
const EXECUTOR_FLAGS = [
  "--no-node-snapshot",
  "--no-lazy",
  "--jitless",
  "--enable-experimental-regexp-engine-on-excessive-backtracks",
];
const COLUMNS = ["plain", "bare", "ours", "indirect", "body"] as const;
type Column = (typeof COLUMNS)[number];
const SHOWN = 20;

/** A process that evaluates one test at a time; a test that ends it fails, and the next gets another process. */
class Evaluator {
  readonly #program: string;
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;
  #settle: (verdict: Verdict) => void = () => undefined;

  constructor(program: string, flags: readonly string[]) {
    this.#program = program;
    this.#flags = flags;
  }

  evaluate(request: EvaluateRequest): Promise<Verdict> {
    this.#child ??= this.#start();
    const verdict = new Promise<Verdict>((resolve) => {
      this.#settle = resolve;
    });
    this.#child.send(request);
    return verdict;
  }

  #start(): ChildProcess {
    const child = fork(this.#program, [nativeModulePath()], {
      execArgv: ["--no-warnings", ...this.#flags],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    child.on("message", (verdict: Verdict) => this.#settle(verdict));
    child.once("exit", () => {
      this.#child = undefined;
      this.#settle({ passes: false, why: "the process ended" });
    });
    return child;
  }

  close(): void {
    this.#child?.kill("SIGKILL");
  }
}

/** Bundles the evaluating program: a process with `--jitless` cannot strip types. */
async function bundleChild(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL("test262-child.ts", import.meta.url))],
    outfile,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node24",
    plugins: [isolatedVmByPath],
  });
  await stop();
}

/** The verdicts of one test, by column; `undefined` where it does not apply. */
type Verdicts = Readonly<Record<Column, Verdict | undefined>>;

async function judgeCase(
  test: ConformanceCase,
  runtime: string,
  plain: Evaluator,
  flagged: Evaluator,
): Promise<Verdicts> {
  const ask = (by: Evaluator, way: Way): Promise<Verdict> => by.evaluate({ runtime, way, test });
  const [inPlain, bare] = await Promise.all([ask(plain, "bare"), ask(flagged, "bare")]);
  const ours = await ask(flagged, "ours");
  const indirect = await ask(flagged, "indirect");
  const body = test.canBeBody ? await ask(flagged, "body") : undefined;
  return { plain: inPlain, bare, ours, indirect, body };
}

function passesIn(verdicts: readonly Verdicts[], column: Column): number {
  return verdicts.filter((verdict) => verdict[column]?.passes === true).length;
}

/** Tests that pass in one column and fail in another, with why. */
function lost(tests: readonly ConformanceCase[], all: readonly Verdicts[], from: Column, to: Column): string[] {
  return all.flatMap((verdicts, at) => {
    const failed = verdicts[to];
    if (verdicts[from]?.passes !== true || failed === undefined || failed.passes) return [];
    return [`${tests[at]?.path}: ${failed.why}`];
  });
}

function printLost(title: string, list: readonly string[], shown: number): void {
  console.log(`${title}: ${list.length}`);
  for (const line of list.slice(0, shown)) console.log(`  ${line}`);
  if (list.length > shown) console.log(`  and ${list.length - shown} more`);
}

const [folder, seedText = "1", countText = "2000"] = process.argv.slice(2);
if (folder === undefined) {
  console.error("Usage: node test/conformance/test262.ts <copy of tc39/test262> [seed] [count]");
  process.exit(2);
}
const draw = drawCases(folder, Number(seedText), Number(countText));
const scratch = mkdtempSync(join(tmpdir(), "runlet-test262-"));
const program = join(scratch, "child.cjs");
await bundleChild(program);
const { runtime } = await loadBundles();
const plain = new Evaluator(program, ["--no-node-snapshot"]);
const flagged = new Evaluator(program, EXECUTOR_FLAGS);
const verdicts: Verdicts[] = [];
try {
  for (const test of draw.cases) verdicts.push(await judgeCase(test, runtime, plain, flagged));
} finally {
  plain.close();
  flagged.close();
  rmSync(scratch, { recursive: true });
}

const excluded = [...draw.excluded]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([reason, count]) => `${reason} ${count}`);
console.log(`seed ${seedText}: ${draw.looked} tests looked at; not drawn: ${excluded.join(", ") || "none"}`);
console.log(`passed: ${COLUMNS.map((column) => `${column} ${passesIn(verdicts, column)}`).join(", ")}`);
const failedBare = draw.cases.flatMap(({ path }, at) =>
  verdicts[at]?.bare?.passes === false ? [`${path}: ${verdicts[at].bare.why}`] : [],
);
printLost("failed in the bare isolate: what this V8 has not, or an isolate alone cannot do", failedBare, SHOWN);
printLost("lost by V8's flags (plain → bare)", lost(draw.cases, verdicts, "plain", "bare"), SHOWN);
const lostByUs = [
  ...new Set([...lost(draw.cases, verdicts, "plain", "ours"), ...lost(draw.cases, verdicts, "bare", "ours")]),
];
printLost("lost in ours (plain or bare → ours)", lostByUs, Infinity);
printLost("differs as evaluated text (ours → indirect)", lost(draw.cases, verdicts, "ours", "indirect"), SHOWN);
printLost("differs as a function's body (ours → body)", lost(draw.cases, verdicts, "ours", "body"), SHOWN);
console.log(
  `drawn ${draw.cases.length}, passed bare ${passesIn(verdicts, "bare")}, passed ours ${passesIn(verdicts, "ours")}, lost ${lostByUs.length}`,
);
process.exitCode = lostByUs.length > 0 ? 1 : 0;
