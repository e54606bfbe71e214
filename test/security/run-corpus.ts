/**
 * `node test/security/run-corpus.ts [FILE…] [--at-once 1] [--only REGEXP] [--json]`: runs hostile scripts through `POST /run` of
 * a service and prints what is wrong. Files have the form of `test/fixtures/data/hostile-corpus.json`; without one, the
 * project's own are run. Verdicts count at 1 at once; at more, what has to hold is that the service survives.
 */
import { parseArgs } from "node:util";
import { HOSTILE_CASES, judge, readHostileCases } from "../support/hostile-cases.ts";
import { ALONE, attackFaults, CORPUS_LIMITS, IN_A_CROWD, startRig, survivalFaults } from "../support/hostile-rig.ts";
import type { Attack } from "../support/hostile-rig.ts";

/** Attacks between two pauses in which nothing may go on. */
const GROUP = 25;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "at-once": { type: "string", default: "1" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const atOnce = Number(values["at-once"]);
const only = new RegExp(values.only, "u");
const cases = (positionals.length === 0 ? HOSTILE_CASES : positionals.flatMap(readHostileCases)).filter(({ name }) =>
  only.test(name),
);
const faultsOf = atOnce === 1 ? attackFaults : survivalFaults;
const rig = await startRig({ limits: CORPUS_LIMITS, bounds: atOnce === 1 ? ALONE : IN_A_CROWD });
const startedAt = performance.now();
const leftovers: string[] = [];
let wrong = 0;

function tell(attack: Attack): void {
  const { hostile, run, answeredMs, nextMs, peakMiB } = attack;
  const faults = faultsOf(attack);
  if (faults.length > 0) wrong++;
  if (!values.json && faults.length === 0) return;
  const ended = run?.status === "succeeded" ? "succeeded" : (run?.error?.code ?? "refused");
  const verdict = run === undefined ? "refused" : judge(hostile, run);
  const told = { name: hostile.name, ended, verdict, faults, answeredMs, nextMs, peakMiB, usage: run?.usage };
  const result = JSON.stringify(run?.result ?? run?.error?.message)?.slice(0, 200);
  console.log(values.json ? JSON.stringify({ ...told, result }) : `${hostile.name}: ${faults.join("; ")} (${result})`);
}

for (let from = 0; from < cases.length; from += GROUP) {
  const waiting = cases.slice(from, from + GROUP);
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) tell(await rig.attack(next));
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  leftovers.push(...(await rig.quiet()));
}
const report = await rig.close();
console.log(
  JSON.stringify({
    cases: cases.length,
    wrong,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    leftovers,
    ...report,
  }),
);
const faults = wrong + leftovers.length + report.canary.wrong.length + report.lateCalls.length + report.polluted.length;
process.exitCode = faults === 0 ? 0 : 1;
