import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { fileURLToPath } from "node:url";
import { createClientKey } from "../../src/config/clients.ts";
import type { RunLimits } from "../../src/config/limits.ts";
import type { Options } from "../../src/config/options.ts";
import { startCanary } from "./canary.ts";
import type { CanaryReport } from "./canary.ts";
import { readEventsFile } from "./events-file.ts";
import { judge } from "./hostile-cases.ts";
import type { HostileCase } from "./hostile-cases.ts";
import { residentMiB } from "./processes.ts";
import { createFolder, fixtureServer, pause, startService } from "./service.ts";
import type { RunningService } from "./service.ts";
import type { EndedRun, Problem, ServiceClient } from "./service-client.ts";
import { ThreadWatch } from "./thread-watch.ts";

/** Limits of one attack that differ from those of its rig. */
export type AttackLimits = Partial<Pick<RunLimits, "wallMs" | "cpuMs">>;

/** What a rig's service is started with beside its clients and its one server. */
export type RigOptions = Pick<Options, "executors"> & {
  readonly limits: Partial<RunLimits> & Pick<RunLimits, "wallMs">;
  /** @default `ALONE` */
  readonly bounds?: Bounds;
};

/** What holds of time. */
export interface Bounds {
  /** How long after its wall limit an attack may be answered. */
  readonly overtimeMs: number;
  /** How long the attacker's next run may take. */
  readonly nextMs: number;
}

/** Of an attack that runs alone in its service. */
export const ALONE: Bounds = { overtimeMs: 2_000, nextMs: 3_000 };

/**
 * Of attacks that run beside each other: eight scripts that spin share the machine's cores then, and a run waits its turn for
 * each of them, for processes to be killed, and for others to start.
 */
export const IN_A_CROWD: Bounds = { overtimeMs: 15_000, nextMs: 20_000 };

/** One attack, and the attacker's next run. */
export interface Attack {
  readonly hostile: HostileCase;
  /** `undefined` where the service refused it; `refusal` then says how. */
  readonly run: EndedRun | undefined;
  readonly refusal: string | undefined;
  /** Limit of the run. */
  readonly wallMs: number;
  readonly bounds: Bounds;
  readonly answeredMs: number;
  /** What was wrong with the next run; `undefined` when it was right. */
  readonly next: string | undefined;
  readonly nextMs: number;
  /** Most memory that one executor process was seen to hold meanwhile. */
  readonly peakMiB: number;
  /** Of `performance.now()`. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** What a rig has seen of its service's processes. */
export interface RigReport {
  readonly canary: CanaryReport;
  /** The canary's runs that were not right, each with the attacks that may have disturbed it. */
  readonly disturbed: readonly string[];
  /** Most memory that one executor process was seen to hold, and the attacks meanwhile. */
  readonly peakMiB: number;
  readonly peakDuring: readonly string[];
  /** Executor processes that were seen. */
  readonly executors: number;
  /** Calls that a server got for a script that had ended. */
  readonly lateCalls: readonly string[];
  /** What the service's own prototypes were changed by. */
  readonly polluted: readonly string[];
}

/** A service under attack: an attacker, a canary that runs meanwhile as another client, and eyes on the processes. */
export interface HostileRig {
  readonly service: RunningService;
  /** Posts an attack, waits for its end, and has the attacker run something right. @param limits Of this run alone. */
  attack(hostile: HostileCase, limits?: AttackLimits): Promise<Attack>;
  /**
   * Waits 8 s without attacks.
   *
   * @returns What is still going on: threads of executor processes that compute, and calls that come late, with the attacks
   *   that may have left them.
   */
  quiet(): Promise<readonly string[]>;
  /** Ends the service. @throws Error when it leaves a process behind. */
  close(): Promise<RigReport>;
}

/** The limits that the corpora are written for. */
export const CORPUS_LIMITS = {
  memoryMiB: 64,
  wallMs: 5_000,
  cpuMs: 2_000,
  resultBytes: 1_048_576,
  logBytes: 65_536,
  toolCalls: 200,
  concurrency: 64,
  argumentBytes: 1_048_576,
} as const satisfies RigOptions["limits"];

const WATCH_PROTOTYPES = fileURLToPath(new URL("../fixtures/preloads/watch-prototypes.mjs", import.meta.url));
const POLLUTED = /^host prototypes changed: .*$/gmu;
const LOOK_EVERY_MS = 250;
const QUIET_MS = 8_000;
/** When the last call of a script that has just ended is surely with its server. */
const CALLS_SETTLE_MS = 1_500;

/** Sees traces of other runs, and takes a call there and back. */
const NEXT = `
const traces = [typeof globalThis.__leak, ({}).__leak2, [].__leak3, ({}).polluted, globalThis.injected];
return [(await mcp.test.echo({v: 41})).v + 1, traces]`;
const NEXT_RESULT = [42, ["undefined", null, null, null, null]];

/** Starts a rig. */
export async function startRig({ bounds = ALONE, ...options }: RigOptions): Promise<HostileRig> {
  const folder = createFolder();
  const eventsFile = join(folder, "events.jsonl");
  const keys = { attacker: createClientKey(), canary: createClientKey() };
  const service = await startService({
    folder,
    nodeFlags: ["--import", WATCH_PROTOTYPES],
    // Places enough: an attack that hoards sleeping calls must not be another's end.
    mcpServers: { test: { ...fixtureServer("lab", { EVENTS_FILE: eventsFile }), concurrency: 512 } },
    clients: { attacker: { key: keys.attacker.hash }, canary: { key: keys.canary.hash } },
    log: { level: "warn" },
    ...options,
  });
  const attacker = service.as(keys.attacker.key);
  const canary = startCanary(service.as(keys.canary.key));
  const eyes = openEyes(service);
  const history: Attack[] = [];
  return {
    service,
    attack: async (hostile, limits) => {
      const peak = eyes.begin(hostile.name);
      const posted = await attackWith(attacker, hostile, { limits, nextMs: bounds.nextMs });
      const { wallMs } = { ...options.limits, ...limits };
      const attack = { ...posted, wallMs, bounds, peakMiB: peak() };
      history.push(attack);
      return attack;
    },
    quiet: async () => {
      await pause(CALLS_SETTLE_MS);
      const before = attackersCalls(eventsFile).length;
      await pause(QUIET_MS - CALLS_SETTLE_MS);
      await eyes.looks(2);
      const late = attackersCalls(eventsFile).slice(before);
      const threads = eyes.watch
        .busy()
        .map(({ pid, sinceMs }) => `a thread of ${pid} computes since ${suspects(history, sinceMs)}`);
      return [...threads, ...late.map((call) => `a call came late: ${call}`)];
    },
    close: async () => {
      const seen = await canary.stop();
      const disturbed = seen.wrong.map(({ atMs, saw }) => `while ${suspects(history, atMs)} ran: ${saw}`);
      const { peakMiB, peakDuring, executors } = await eyes.close();
      const lateCalls = attackersCalls(eventsFile).filter((call) => call.includes('"late"'));
      const polluted = service.logs().match(POLLUTED) ?? [];
      await service.remove();
      return { canary: seen, disturbed, peakMiB, peakDuring, executors, lateCalls, polluted };
    },
  };
}

/** What is wrong with an attack's end, whatever its corpus expects of it. */
export function survivalFaults(attack: Attack): readonly string[] {
  const { run, refusal, wallMs, bounds, answeredMs, next, nextMs } = attack;
  return [
    ...(run === undefined ? [`refused: ${refusal}`] : []),
    ...(run?.error?.code === "INTERNAL" ? [`a defect: ${run.error.message}`] : []),
    ...(answeredMs > wallMs + bounds.overtimeMs ? [`answered after ${Math.round(answeredMs)} ms`] : []),
    ...(next === undefined ? [] : [`the next run: ${next}`]),
    ...(nextMs > bounds.nextMs ? [`the next run took ${Math.round(nextMs)} ms`] : []),
  ];
}

/** What is wrong with an attack's end. */
export function attackFaults(attack: Attack): readonly string[] {
  const verdict = attack.run === undefined ? "as expected" : judge(attack.hostile, attack.run);
  return [...(verdict === "as expected" ? [] : [verdict]), ...survivalFaults(attack)];
}

async function attackWith(
  attacker: ServiceClient,
  hostile: HostileCase,
  { limits = {}, nextMs: wallMs }: { readonly limits: AttackLimits | undefined; readonly nextMs: number },
): Promise<Omit<Attack, "peakMiB" | "wallMs" | "bounds">> {
  const startedAtMs = performance.now();
  // Nothing is found before the script runs: every attack reaches the sandbox.
  const { status, body } = await attacker.post<EndedRun | Problem>("/run", {
    script: hostile.code,
    check: "none",
    limits,
  });
  const answeredAtMs = performance.now();
  const next = await attacker.run(NEXT, { limits: { wallMs } }).then(({ status: end, result, error }) => {
    const isRight = end === "succeeded" && isDeepStrictEqual(result, NEXT_RESULT);
    return isRight ? undefined : JSON.stringify({ status: end, result, error }).slice(0, 500);
  }, String);
  const endedAtMs = performance.now();
  const ended = status === 200 && "usage" in body ? body : undefined;
  return {
    hostile,
    run: ended,
    refusal: ended === undefined ? `${status} ${JSON.stringify(body).slice(0, 500)}` : undefined,
    answeredMs: answeredAtMs - startedAtMs,
    next,
    nextMs: endedAtMs - answeredAtMs,
    startedAtMs,
    endedAtMs,
  };
}

/** Calls that the attacker's scripts made, as texts, in the order in which the server got them. */
function attackersCalls(eventsFile: string): readonly string[] {
  return readEventsFile(eventsFile)
    .filter((event) => event.event === "tools/call")
    .map((event) => JSON.stringify(event).slice(0, 1_000))
    .filter((text) => !text.includes('"canary"'));
}

/** The attacks that were going on at a time, or ended last before it. */
function suspects(history: readonly Attack[], atMs: number): string {
  const during = history.filter((attack) => attack.startedAtMs <= atMs + LOOK_EVERY_MS && attack.endedAtMs >= atMs);
  const before = history.filter((attack) => attack.endedAtMs < atMs).slice(-1);
  return (during.length > 0 ? during : before).map(({ hostile }) => hostile.name).join(", ") || "its start";
}

interface Eyes {
  readonly watch: ThreadWatch;
  /** Notes the start of an attack. @returns What notes its end, and tells the most memory that was seen meanwhile. */
  begin(name: string): () => number;
  /** Resolves after so many further looks. */
  looks(count: number): Promise<void>;
  close(): Promise<Pick<RigReport, "peakMiB" | "peakDuring" | "executors">>;
}

/** Looks at the executor processes of a service four times a second until it is closed. */
function openEyes(service: RunningService): Eyes {
  const watch = new ThreadWatch();
  const open = new Map<string, number>();
  const pids = new Set<number>();
  const over = new AbortController();
  let peakMiB = 0;
  let peakDuring: readonly string[] = [];
  let looks = 0;
  const look = async (): Promise<void> => {
    for (; !over.signal.aborted; looks++) {
      const executors = service.executors();
      watch.look(executors);
      for (const pid of executors) {
        pids.add(pid);
        const mib = residentMiB(pid);
        if (mib > peakMiB) [peakMiB, peakDuring] = [mib, [...open.keys()]];
        for (const [name, most] of open) open.set(name, Math.max(most, mib));
      }
      await pause(LOOK_EVERY_MS);
    }
  };
  const looking = look();
  return {
    watch,
    begin: (name) => {
      open.set(name, 0);
      return () => {
        const most = open.get(name) ?? 0;
        open.delete(name);
        return most;
      };
    },
    looks: async (count) => {
      const until = looks + count;
      const isThere = (): boolean => looks >= until;
      while (!isThere()) await pause(LOOK_EVERY_MS / 5);
    },
    close: async () => {
      over.abort();
      await looking;
      return { peakMiB, peakDuring, executors: pids.size };
    },
  };
}
