import { minimise } from "./minimise.ts";
import { Programs } from "./programs.ts";
import type { Program } from "./programs.ts";
import { Rig } from "./rig.ts";
import type { Answered } from "./rig.ts";

/** What was found wrong, and the program that shows it, made small. */
export interface Finding {
  readonly fault: string;
  /** Number of the program: with the seed it gives the program again. */
  readonly index: number | undefined;
  readonly program: string | undefined;
}

/** What random programs did to a service. */
export interface ProgramReport {
  readonly programs: number;
  /** How many ended how. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
  /** Numbers of programs whose executor process was lost, by themselves or with others: not always their doing. */
  readonly lost: readonly number[];
  readonly slowestMs: number;
  readonly peakMiB: number;
}

/** Which programs, and for how long. */
export interface ProgramFuzzOptions {
  readonly seed: number;
  /** Number of the first program. @default 0 */
  readonly from?: number;
  /** Programs at most. @default any number */
  readonly count?: number;
  readonly seconds: number;
  /** Told now and then how far it is. */
  readonly onProgress?: (text: string) => void;
}

const LOST = "EXECUTOR_LOST";
const AT_ONCE = 8;
const BATCH = 32;
const MAX_FINDINGS = 5;
const MINIMISE_TRIES = 120;

/** Sends random programs to a service until the time is over or too much is wrong. */
export async function fuzzPrograms(options: ProgramFuzzOptions): Promise<ProgramReport> {
  const { seed, from = 0, count = Infinity, seconds, onProgress } = options;
  const programs = new Programs(seed);
  const outcomes = new Map<string, number>();
  const findings: Finding[] = [];
  const lost: number[] = [];
  let rig = await Rig.start();
  const endsAt = performance.now() + seconds * 1_000;
  let [next, slowestMs, peakMiB] = [from, 0, 0];
  try {
    do {
      const size = Math.min(BATCH, from + count - next);
      const batch = Array.from({ length: size }, (_, at) => programs.at(next + at));
      next += size;
      const answers = await runAll(rig, batch);
      for (const [at, { outcome, ms }] of answers.entries()) {
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        slowestMs = Math.max(slowestMs, ms);
        if (outcome === LOST) lost.push(batch[at]?.index ?? -1);
      }
      peakMiB = Math.max(peakMiB, rig.residentMiB);
      findings.push(...(await costly(rig, batch, answers)));
      const faults = await faultsOf(rig, batch, answers);
      if (faults.length > 0) {
        rig = await afresh(rig);
        for (const fault of faults) findings.push(await made(fault, rig, batch));
      }
      onProgress?.(`${next - from} programs, ${findings.length} findings, ${Math.round(rig.residentMiB)} MiB`);
    } while (performance.now() < endsAt && next < from + count && findings.length < MAX_FINDINGS);
    if (rig.isAlive && !(await rig.comesToRest()))
      findings.push({ fault: "the executors compute on when nothing runs", index: undefined, program: undefined });
  } finally {
    for (const fault of await rig.close()) findings.push({ fault, index: undefined, program: undefined });
  }
  return { programs: next - from, outcomes, findings, lost, slowestMs, peakMiB };
}

async function runAll(rig: Rig, batch: readonly Program[]): Promise<readonly Answered[]> {
  const answers: Answered[] = [];
  const waiting = [...batch.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      answers[next[0]] = await rig.run(next[1]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

/** A fault, and the program it is known to belong to. */
interface Fault {
  readonly text: string;
  readonly program: Program | undefined;
}

async function faultsOf(rig: Rig, batch: readonly Program[], answers: readonly Answered[]): Promise<readonly Fault[]> {
  const faults: Fault[] = answers.flatMap(({ fault }, at) =>
    fault === undefined ? [] : [{ text: fault, program: batch[at] }],
  );
  for (const text of await rig.inspect()) {
    const at = answers.findIndex(({ runId }) => runId !== undefined && text.includes(runId));
    faults.push({ text, program: batch[at] });
  }
  return faults;
}

/** Programs that cost an executor process, and do so again when nothing else runs: whoever was in it with them pays too. */
async function costly(rig: Rig, batch: readonly Program[], answers: readonly Answered[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const costsOne = async (program: Program): Promise<boolean> => (await rig.run(program)).outcome === LOST;
  for (const [at, { outcome }] of answers.entries()) {
    const program = batch[at];
    if (outcome !== LOST || program === undefined || !(await costsOne(program)) || !(await costsOne(program))) continue;
    const small = await minimise(program.text, {
      stillShows: (text) => costsOne({ ...program, text }),
      tries: MINIMISE_TRIES,
    });
    findings.push({ fault: "it costs an executor process", index: program.index, program: small });
  }
  return findings;
}

async function afresh(rig: Rig): Promise<Rig> {
  await rig.close();
  return Rig.start();
}

/** A finding of a fault: the program that shows it, where one alone does, as small as it gets. */
async function made({ text, program }: Fault, rig: Rig, batch: readonly Program[]): Promise<Finding> {
  const shows = async (candidate: Program): Promise<boolean> => {
    const { fault } = await rig.run(candidate);
    return (fault !== undefined || (await rig.inspect()).length > 0) && rig.isAlive;
  };
  const suspects = program === undefined ? batch : [program];
  for (const suspect of suspects) {
    if (!(await shows(suspect))) continue;
    const small = await minimise(suspect.text, {
      stillShows: (candidate) => shows({ ...suspect, text: candidate }),
      tries: MINIMISE_TRIES,
    });
    return { fault: text, index: suspect.index, program: small };
  }
  const all = suspects.map(({ index, text }) => `// program ${index}\n${text}`).join("\n\n");
  return { fault: `${text} (not shown by one program alone)`, index: program?.index ?? batch[0]?.index, program: all };
}
