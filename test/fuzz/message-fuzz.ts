import { isDeepStrictEqual } from "node:util";
import { parseExecutorMessage, parseSandboxMessage } from "../../src/bridge/protocol.ts";
import { loadBundles } from "../../src/executor/bundles.ts";
import { fuzzExecutor } from "./executor-fuzz.ts";
import { anyExecutorMessage, anySandboxMessage, anyValue, mutated } from "./messages.ts";
import { fuzzPipe } from "./pipe-fuzz.ts";
import type { Finding } from "./program-fuzz.ts";
import { Random } from "./random.ts";
import { fuzzTakenOver } from "./taken-over-fuzz.ts";

/** What random messages did. */
export interface MessageReport {
  /** How many were sent, by where they went. */
  readonly messages: ReadonlyMap<string, number>;
  /** How runs ended that were given to impostors, and how those of an executor that was told anything. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
}

/** Which messages, and for how long. */
export interface MessageFuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Told now and then how far it is. */
  readonly onProgress?: (text: string) => void;
}

const READ_AT_ONCE = 2_000;
const MAX_FINDINGS = 5;
/** Of the time that is there: the rest is for impostors in a service. */
const EXECUTOR_SHARE = 0.4;

/** Sends random messages to those who read them, each in its turn, until the time is over or too much is wrong. */
export async function fuzzMessages({ seed, seconds, onProgress }: MessageFuzzOptions): Promise<MessageReport> {
  const messages = new Map<string, number>();
  const outcomes = new Map<string, number>();
  const findings: Finding[] = [];
  const count = (of: Map<string, number>, what: string, times = 1): void =>
    void of.set(what, (of.get(what) ?? 0) + times);
  const found = (index: number, faults: readonly string[]): void =>
    void findings.push(...faults.map((fault) => ({ fault, index, program: undefined })));
  const bundles = await loadBundles();
  const endsAt = performance.now() + seconds * EXECUTOR_SHARE * 1_000;
  for (let round = 0; round === 0 || (performance.now() < endsAt && findings.length < MAX_FINDINGS); round++) {
    found(round, fuzzReaders(seed, round));
    count(messages, "to the readers", 2 * READ_AT_ONCE);
    const piped = await fuzzPipe(seed, round);
    found(round, piped.faults);
    count(messages, "through a pipe", piped.messages);
    const told = await fuzzExecutor(seed, round, bundles);
    found(round, told.faults);
    count(messages, "to an executor", told.messages);
    for (const [reason, times] of told.ends) count(outcomes, `executor: ${reason}`, times);
    onProgress?.(`${round + 1} executors were talked to, ${findings.length} findings`);
  }
  const report = await fuzzTakenOver({
    seed,
    seconds: seconds * (1 - EXECUTOR_SHARE),
    onProgress: onProgress ?? noProgress,
  });
  for (const [outcome, times] of report.outcomes) count(outcomes, `impostor: ${outcome}`, times);
  count(messages, "from impostors: runs", report.runs);
  return { messages, outcomes, findings: [...findings, ...report.findings] };
}

function noProgress(): void {}

/** Gives random messages to the functions that rebuild them. @returns What was wrong. */
export function fuzzReaders(seed: number, round: number): readonly string[] {
  const random = new Random(seed, round, 1);
  const faults: string[] = [];
  for (let count = 0; count < READ_AT_ONCE; count++) {
    const sandbox = anySandboxMessage(random);
    check(sandbox, () => parseSandboxMessage(...sandbox), faults);
    const right = anyExecutorMessage(random, [1, 2]);
    const message = random.chance(0.5) ? right : random.chance(0.5) ? mutated(right, random) : anyValue(random, 0);
    const rebuilt = check(message, () => parseExecutorMessage(message), faults);
    // What was rebuilt is a message: read again it is the same.
    if (rebuilt !== undefined && !isDeepStrictEqual(parseExecutorMessage(rebuilt), rebuilt))
      faults.push(`${JSON.stringify(message)} was rebuilt as what is no message`);
  }
  return faults;
}

function check<T>(what: unknown, read: () => T, faults: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    faults.push(`reading ${JSON.stringify(what)} threw ${String(error)}`);
    return undefined;
  }
}
