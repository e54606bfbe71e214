import { fileURLToPath } from "node:url";
import { createClientKey } from "../../src/config/clients.ts";
import { isErrorCode } from "../../src/lib/errors.ts";
import { cpuSeconds, descendants, residentMiB } from "../support/processes.ts";
import { fixtureServer, pause, startService, within } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun, Problem } from "../support/service-client.ts";
import { killAll, startTakenOver } from "../support/taken-over.ts";
import type { TakenOver } from "../support/taken-over.ts";
import type { Program } from "./programs.ts";

/** How the service answered a program. */
export interface Answered {
  /** Code of the failure; `value` when there was none. */
  readonly outcome: string;
  /** What is wrong with the answer, if anything is. */
  readonly fault: string | undefined;
  readonly ms: number;
  readonly runId: string | undefined;
}

/** What the service is started with and judged by. */
export interface RigOptions {
  /** All executor processes but one are this instead. */
  readonly takenOver?: TakenOver;
  /** Messages of errors that do not count. @default none */
  readonly knownErrors?: readonly string[];
  /** Whether a run may end with any code: a process that is not ours says what it likes of its own runs. */
  readonly anyCode?: boolean;
}

const LIMITS = { wallMs: 1_000, cpuMs: 300, memoryMiB: 32 };
/** A run that took longer was not held to its limits: they, what may come on top, and a machine that has other things to do. */
const ANSWER_WITHIN_MS = 15_000;
const HANG_MS = 60_000;
const MOST_MIB = 900;
/** Programs come from many, so that whoever brings down executors is not refused instead of answered. */
const CLIENTS = 48;
const IDLE_WITHIN_MS = 20_000;
const IDLE_SHARE = 0.5;
const RENEWED_WITHIN_MS = 1_000;
const WATCH_PROTOTYPES = fileURLToPath(new URL("../fixtures/preloads/watch-prototypes.mjs", import.meta.url));

/** A service that random programs are sent to. */
export class Rig {
  readonly #service: RunningService;
  readonly #keys: readonly string[];
  readonly #options: RigOptions;
  #read = 0;
  #asked = 0;
  #ended: string | undefined;

  private constructor(service: RunningService, keys: readonly string[], options: RigOptions) {
    this.#service = service;
    this.#keys = keys;
    this.#options = options;
    void service.exited.then((exit) => (this.#ended = JSON.stringify(exit)));
  }

  /** Starts a service with small limits. The caller closes the rig. */
  static async start(options: RigOptions = {}): Promise<Rig> {
    const keys = Array.from({ length: CLIENTS }, createClientKey);
    const settings = {
      mcpServers: { test: { ...fixtureServer("lab"), concurrency: 512 } },
      clients: Object.fromEntries(keys.map(({ hash }, at) => [`client${at}`, { key: hash }])),
      executors: { processes: 2 },
      limits: LIMITS,
      log: { level: "warn" },
      nodeFlags: ["--import", WATCH_PROTOTYPES],
    } as const;
    const { takenOver } = options;
    const service = await (takenOver === undefined ? startService(settings) : startTakenOver(takenOver, settings));
    return new Rig(
      service,
      keys.map(({ key }) => key),
      options,
    );
  }

  /** Memory of the service. */
  get residentMiB(): number {
    return residentMiB(this.#service.pid);
  }

  /** Whether the service lives. */
  get isAlive(): boolean {
    return this.#ended === undefined;
  }

  /** Runs a program. Never rejects. */
  async run({ text, input, check }: Pick<Program, "text" | "input" | "check">): Promise<Answered> {
    const startedAt = performance.now();
    const client = this.#service.as(this.#keys[this.#asked++ % this.#keys.length] ?? "");
    const body = { script: text, check, ...(input === undefined ? {} : { input }) };
    try {
      const { status, body: answer } = await client.send<EndedRun | Problem>("POST", "/run", body, {
        signal: AbortSignal.timeout(HANG_MS),
      });
      return { ...this.#judge(status, answer), ms: performance.now() - startedAt };
    } catch (error) {
      const fault = `no answer: ${String(error)}`;
      return { outcome: "none", fault, ms: performance.now() - startedAt, runId: undefined };
    }
  }

  #judge(status: number, answer: EndedRun | Problem): Omit<Answered, "ms"> {
    if (!("usage" in answer)) {
      const isKnown = "code" in answer && isErrorCode(answer.code) && answer.code !== "INTERNAL";
      const outcome = "code" in answer ? `refused: ${answer.code}` : "refused";
      return { outcome, fault: isKnown ? undefined : `${status}: ${JSON.stringify(answer)}`, runId: undefined };
    }
    const { status: ended, error, usage, id } = answer;
    const outcome = ended === "succeeded" ? "value" : (error?.code ?? "none");
    const isKnown = ended === "succeeded" || (isErrorCode(error?.code) && this.#allows(outcome));
    if (!isKnown) return { outcome, fault: `ended with ${JSON.stringify(error)}`, runId: id };
    const isLate = usage.wallMs > ANSWER_WITHIN_MS;
    return { outcome, fault: isLate ? `took ${usage.wallMs} ms` : undefined, runId: id };
  }

  #allows(code: string): boolean {
    return this.#options.anyCode === true || code !== "INTERNAL";
  }

  /** What is wrong with the service when all is answered: nothing, as a rule. */
  async inspect(): Promise<readonly string[]> {
    if (this.#ended !== undefined)
      return [`the service ended with ${this.#ended}: ${this.#service.logs().slice(-2_000)}`];
    const faults = [...this.#complaints()];
    const health = await within(
      this.#service.get("/healthz").catch((error: unknown) => ({ status: String(error) })),
      HANG_MS,
    );
    if (health?.status !== 200) faults.push(`/healthz answered ${health?.status ?? "nothing"}`);
    if (this.residentMiB > MOST_MIB) faults.push(`the service holds ${Math.round(this.residentMiB)} MiB`);
    if (!(await this.#isRight()) && !(await this.#isRight())) faults.push("a right script was not answered rightly");
    return faults;
  }

  /** Whether a right script gives its value. */
  async #isRight(): Promise<boolean> {
    const key = this.#keys[this.#asked++ % this.#keys.length] ?? "";
    const script = `return [(await mcp.test.echo({ v: ${this.#asked} })).v + 1, ({}).polluted ?? null]`;
    const run = this.#service.as(key).run(script, { limits: { wallMs: 10_000 } });
    const ended = await within(
      run.catch(() => undefined),
      HANG_MS,
    );
    // Where impostors are, a right script may be given to one.
    if (this.#options.takenOver !== undefined) return ended !== undefined;
    return JSON.stringify(ended?.result) === JSON.stringify([this.#asked + 1, null]);
  }

  /** Ends the impostors: others come instead. */
  async renew(): Promise<void> {
    const { program } = this.#options.takenOver ?? {};
    if (program === undefined) return;
    killAll(descendants(this.#service.pid, program));
    await pause(RENEWED_WITHIN_MS);
  }

  /** What the service wrote since it was asked last that it must never write. */
  #complaints(): readonly string[] {
    const text = this.#service.logs();
    const whole = text.lastIndexOf("\n") + 1;
    const lines = text.slice(this.#read, whole).split("\n");
    this.#read = whole;
    return lines.filter((line) => this.#isComplaint(line)).map((line) => `it wrote ${line.slice(0, 2_000)}`);
  }

  #isComplaint(line: string): boolean {
    if (!line.startsWith("{")) return /host prototypes changed|Error/u.test(line);
    const { level, msg } = JSON.parse(line) as { readonly level: string; readonly msg: string };
    return (level === "error" || level === "fatal") && this.#options.knownErrors?.includes(msg) !== true;
  }

  /** Whether the executor processes come to rest once nothing runs. */
  async comesToRest(): Promise<boolean> {
    const used = (): number => this.#service.executors().reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    for (const end = performance.now() + IDLE_WITHIN_MS; performance.now() < end;) {
      const before = used();
      await pause(1_000);
      const seconds = used() - before;
      if (seconds >= 0 && seconds < IDLE_SHARE) return true;
    }
    return false;
  }

  /** Ends the service. @returns What was wrong with its end. */
  async close(): Promise<readonly string[]> {
    if (this.#ended !== undefined) return [];
    try {
      const { code, signal } = await this.#service.remove();
      return code === 0 ? this.#complaints() : [`the service ended with ${code ?? signal}`];
    } catch (error) {
      return [String(error)];
    }
  }
}
