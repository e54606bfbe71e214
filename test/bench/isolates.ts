/**
 * `node test/bench/isolates.ts`: what making an isolate costs by step, in µs, with the flags of executor processes, with and
 * without JIT: its runtime compiled anew, compiled from cached data, and taken from a snapshot; the first script in it; and the
 * memory of one that waits. In turns in one run. Prints numbers; judges nothing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { isolatedVmByPath, loadBundles, nativeModulePath } from "../../src/executor/bundles.ts";
import { residentMiB } from "../support/processes.ts";
import type { Asked, Made, Way } from "./isolates-child.ts";
import { quantile, show } from "./statistics.ts";

const ROUNDS = 12;
const PER_ROUND = 25;
const KEPT = 50;
const WAYS: readonly Way[] = ["compiled anew", "cached data", "snapshot"];
/** @source src/executor/confinement/executor-command.ts: those that V8 sees */
const FLAGS = ["--no-node-snapshot", "--no-lazy", "--enable-experimental-regexp-engine-on-excessive-backtracks"];

/** A process that makes isolates when told. */
interface Maker {
  readonly name: string;
  readonly pid: number;
  ask(asked: Asked): Promise<Made>;
  close(): Promise<void>;
}

/** Its program comes through a pipe: without JIT there is no WebAssembly, without which Node strips no types. */
async function startMaker(name: string, flags: readonly string[], program: string): Promise<Maker> {
  const child = spawn(process.execPath, [...FLAGS, ...flags, "--no-warnings", "-", nativeModulePath()], {
    stdio: ["pipe", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  child.stdin?.end(program);
  const ask = async (asked: Asked): Promise<Made> => {
    const answered = Promise.race([
      once(child, "message"),
      ended.then(([code]) => Promise.reject(new Error(`${name} ended: ${code}`))),
    ]);
    child.send(asked);
    const [made] = (await answered) as [Made];
    return made;
  };
  return {
    name,
    pid: child.pid ?? 0,
    ask,
    async close() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function bundledChild(): Promise<string> {
  const built = await build({
    entryPoints: [fileURLToPath(new URL("isolates-child.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    target: "node24",
    plugins: [isolatedVmByPath],
  });
  return built.outputFiles[0]?.text ?? "";
}

/** Samples of one way in one process, by step. */
type Steps = Map<string, number[]>;

function noteAll(steps: Steps, made: Made): void {
  for (const [step, times] of Object.entries(made.steps)) {
    const list = steps.get(step) ?? [];
    steps.set(step, list);
    list.push(...times);
  }
}

const { runtime } = await loadBundles();
const program = await bundledChild();
const makers: Maker[] = [];
try {
  for (const [name, flags] of [
    ["--jitless", ["--jitless"]],
    ["with JIT", []],
  ] as const)
    makers.push(await startMaker(name, flags, program));
  const lines = makers.flatMap((maker) => WAYS.map((way) => ({ maker, way, steps: new Map<string, number[]>() })));
  for (const maker of makers) {
    const { prepared } = await maker.ask({ kind: "prepare", runtime });
    const { cachedBytes = 0, snapshotMs = 0 } = prepared ?? {};
    console.log(
      `${maker.name}: cached data ${Math.round(cachedBytes / 1024)} KiB; snapshot made in ${show(snapshotMs)} ms`,
    );
    for (const way of WAYS) await maker.ask({ kind: "make", way, count: PER_ROUND });
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const { maker, way, steps } of lines) noteAll(steps, await maker.ask({ kind: "make", way, count: PER_ROUND }));
  for (const { maker, way, steps } of lines) {
    const shown = Array.from(steps, ([step, list]) => `${step} ${quantile(list, 0.5).toFixed(0)}`).join(", ");
    console.log(`${maker.name}, ${way}: ${shown}`);
  }
  for (const { maker, way } of lines) {
    const before = residentMiB(maker.pid);
    await maker.ask({ kind: "keep", way, count: KEPT });
    console.log(`${maker.name}, ${way}: one that waits holds ${show((residentMiB(maker.pid) - before) / KEPT)} MiB`);
  }
} finally {
  for (const maker of makers) await maker.close();
}
