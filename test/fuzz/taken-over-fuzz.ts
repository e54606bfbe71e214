import { fileURLToPath } from "node:url";
import type { Finding } from "./program-fuzz.ts";
import { Rig } from "./rig.ts";

/** How runs went in a service whose executor processes but one say anything. */
export interface TakenOverReport {
  readonly runs: number;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
}

const PROGRAM = fileURLToPath(new URL("random-impostor.ts", import.meta.url));
const AT_ONCE = 6;
const BATCH = 60;
const MAX_FINDINGS = 3;
const SCRIPTS = [
  "return 1",
  "return (await mcp.test.echo({ v: 1 })).v",
  "await Promise.all([1, 2, 3].map((v) => mcp.test.echo({ v }))); emit(1); console.log(2);",
  "await mcp.test.sleep({ ms: 30 }); return 'x'.repeat(70_000)",
  "throw new Error('on purpose')",
];
/** Defects that only a process which is not ours brings about. */
const KNOWN_ERRORS = [
  "an executor process sent a message that is not of the protocol; it is killed",
  "a tool call failed for a reason of ours",
];

/** Runs scripts in a service with impostors of the seed among its executor processes: others in each batch. */
export async function fuzzTakenOver(options: {
  readonly seed: number;
  readonly seconds: number;
  readonly onProgress: (text: string) => void;
}): Promise<TakenOverReport> {
  const { seed, seconds, onProgress } = options;
  const takenOver = { program: PROGRAM, argument: String(seed) };
  const rig = await Rig.start({ takenOver, knownErrors: KNOWN_ERRORS, anyCode: true });
  const outcomes = new Map<string, number>();
  const findings: Finding[] = [];
  const found = (fault: string): void => void findings.push({ fault, index: undefined, program: undefined });
  const endsAt = performance.now() + seconds * 1_000;
  let runs = 0;
  const work = async (until: number): Promise<void> => {
    while (runs < until) {
      const text = SCRIPTS[runs++ % SCRIPTS.length] ?? "";
      const { outcome, fault } = await rig.run({ text, input: undefined, check: "none" });
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (fault !== undefined) found(fault);
    }
  };
  try {
    do {
      const until = runs + BATCH;
      await Promise.all(Array.from({ length: AT_ONCE }, () => work(until)));
      for (const fault of await rig.inspect()) found(fault);
      onProgress(`${runs} runs beside impostors, ${findings.length} findings, ${Math.round(rig.residentMiB)} MiB`);
      await rig.renew();
    } while (performance.now() < endsAt && findings.length < MAX_FINDINGS);
  } finally {
    for (const fault of await rig.close()) found(fault);
  }
  return { runs, outcomes, findings };
}
