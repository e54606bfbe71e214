/**
 * `node test/fuzz/fuzz.ts [--seed N] [--seconds S] [--from I] [--count C] [--only programs|messages] [--show I]`: random
 * programs and random messages against the real thing. The same seed gives the same programs and messages; `--from I
 * --count 1` runs one program again, `--show I` prints it. Ends with code 1 when something was found.
 */
import { parseArgs } from "node:util";
import { fuzzMessages } from "./message-fuzz.ts";
import { fuzzPrograms } from "./program-fuzz.ts";
import type { Finding } from "./program-fuzz.ts";
import { Programs } from "./programs.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seconds: { type: "string", default: "60" },
    from: { type: "string", default: "0" },
    count: { type: "string", default: "1e9" },
    only: { type: "string" },
    show: { type: "string" },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 32);
const seconds = Number(values.seconds);
/** Programs find more than messages do. */
const PROGRAMS_SHARE = 0.75;
const PROGRESS_EVERY_MS = 15_000;
let toldAt = performance.now();

function onProgress(text: string): void {
  if (performance.now() - toldAt < PROGRESS_EVERY_MS) return;
  toldAt = performance.now();
  console.log(`  … ${text}`);
}

function tell(findings: readonly Finding[]): void {
  for (const { fault, index, program } of findings) {
    process.exitCode = 1;
    console.log(`\nFOUND with seed ${seed}${index === undefined ? "" : `, number ${index}`}: ${fault}`);
    if (program !== undefined) console.log(`---\n${program}\n---`);
  }
}

function counts(of: ReadonlyMap<string, number>): string {
  return [...of]
    .sort(([, a], [, b]) => b - a)
    .map(([what, times]) => `${what} ${times}`)
    .join(", ");
}

if (values.show !== undefined) console.log(new Programs(seed).at(Number(values.show)).text);
else {
  console.log(`seed ${seed}, ${seconds} s`);
  if (values.only !== "messages") {
    const share = values.only === "programs" ? 1 : PROGRAMS_SHARE;
    const [from, count] = [Number(values.from), Number(values.count)];
    const report = await fuzzPrograms({ seed, from, count, seconds: seconds * share, onProgress });
    const { programs, outcomes, findings, lost, slowestMs, peakMiB } = report;
    console.log(`${programs} programs: ${counts(outcomes)}`);
    console.log(`slowest answer ${Math.round(slowestMs)} ms, service at most ${Math.round(peakMiB)} MiB`);
    if (lost.length > 0) console.log(`executors were lost by programs ${lost.slice(0, 20).join(", ")}`);
    tell(findings);
  }
  if (values.only !== "programs") {
    const share = values.only === "messages" ? 1 : 1 - PROGRAMS_SHARE;
    const report = await fuzzMessages({ seed, seconds: seconds * share, onProgress });
    console.log(`messages: ${counts(report.messages)}`);
    console.log(`runs given to impostors and others: ${counts(report.outcomes)}`);
    tell(report.findings);
  }
}
