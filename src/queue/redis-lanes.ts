import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { ADD, BEAT, CANCEL, TURN } from "./lane-scripts.ts";
import type { Job } from "./run-queue.ts";

/** Leave to start one run, whichever is next when it is used. */
export interface Permit {
  readonly id: string;
  /** Of this delivery alone: who holds the permit now. */
  readonly token: string;
  /** Whether it was put off, so that the run it was made for is due now and waits from now on. */
  readonly isDue: boolean;
}

/** A permit whose run has ended. */
export interface UsedPermit {
  readonly permit: Permit;
  readonly job: Job;
}

/** What became of an entry that came: 0 taken in, 1 known already, 2 all places are taken, 3 those of its principal are. */
export interface Added {
  readonly verdict: number;
  /** Of all principals. */
  readonly waiting: number;
  readonly waitingOfPrincipal: number;
  /** Jobs that all workers together run at once. */
  readonly places: number;
  readonly averageMs: number;
  /** Whether it came after what was sent behind it. */
  readonly isLate: boolean;
}

/**
 * What a permit gave: a `job`, `isAgain` when it was taken before; `nothing` waits; `held-back`: what waits may not run
 * here now; `ask-again`: as that, unless its principal may run more than one.
 */
export type Taken =
  | { readonly kind: "job"; readonly job: Job; readonly isAgain: boolean }
  | { readonly kind: "nothing" | "held-back" | "ask-again" };

/** How many more jobs principals may run here. */
export interface Rooms {
  readonly of: ReadonlyMap<string, number>;
  /** Of each principal that is not named. @default any number */
  readonly ofOthers?: number;
}

/** What this process tells the others. */
export interface Beat {
  readonly node: string;
  /** Jobs it runs at once; 0 when it runs none. */
  readonly concurrency: number;
  readonly averageMs: number;
  readonly holdsMs: number;
  /** How BullMQ's keys of permits begin. */
  readonly permitKeys: string;
  readonly running: readonly Job[];
}

type Text = string | number;

/** The waiting runs of all processes, by principal, in Redis: the same order as `WaitingJobs`. Every method is one script. */
export class RedisLanes {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #onWaiting: (count: number) => void;
  /** Where those who run jobs hear that a run is cancelled: JSON, `[run, why]`. */
  readonly channel: string;

  /** @param onWaiting Told how many wait, with every reply that says so. */
  constructor(redis: Redis, prefix: string, onWaiting: (count: number) => void) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#onWaiting = onWaiting;
    this.channel = `${prefix}cancel`;
  }

  /** Takes entries in within the bounds; sent before this returns. */
  async add(jobs: readonly LaneJob[], depth: number, depthPerPrincipal: number): Promise<readonly Added[]> {
    const texts = jobs.flatMap(({ job, isLater }) => [
      job.runId,
      job.attempt,
      job.priority,
      job.principal,
      isLater ? 1 : 0,
    ]);
    const { reply, isLate } = await this.#run(ADD, [depth, depthPerPrincipal, ...texts]);
    const figures = reply as number[];
    const [waiting = 0, places = 0, averageMs = 0] = figures;
    this.#onWaiting(waiting);
    return jobs.map((_, at) => {
      const [verdict = 0, waitingOfPrincipal = 0] = figures.slice(3 + 2 * at, 5 + 2 * at);
      return { verdict, waiting, waitingOfPrincipal, places, averageMs, isLate };
    });
  }

  /**
   * Releases permits whose runs have ended, save what was given to somebody else meanwhile; then takes the runs that are next,
   * one by each permit, and marks them as running by it.
   *
   * @param over A connection of its own, so that this does not wait behind what BullMQ has sent. @default that of the rest
   */
  async turn(
    used: readonly UsedPermit[],
    permits: readonly Permit[],
    rooms: Rooms,
    over = this.#redis,
  ): Promise<readonly Taken[]> {
    const ended = used.flatMap(({ permit, job }) => [permit.id, permit.token, permitId(job)]);
    const named = Array.from(rooms.of, ([principal, room]) => [principal, Math.max(room, 0)]).flat();
    const wanted = permits.flatMap(({ id, token, isDue }) => [id, token, isDue ? "d" : ""]);
    const texts = [used.length, ...ended, rooms.ofOthers ?? "", rooms.of.size, ...named, ...wanted];
    const reply = (await this.#run(TURN, texts, over)).reply as unknown[];
    this.#onWaiting(Number(reply[0]));
    return permits.map((_, at) => toTaken(Number(reply[1 + 2 * at]), String(reply[2 + 2 * at])));
  }

  /** Takes a run out, and tells who runs it. @returns The name of its entry that waited, and whether it runs. */
  async cancel(
    runId: string,
    why: string,
  ): Promise<{ readonly removed: string | undefined; readonly isTold: boolean }> {
    const { reply } = await this.#run(CANCEL, [runId, why, this.channel]);
    const [attempt, told] = reply as [string, number];
    return { removed: attempt === "" ? undefined : `${runId}.${attempt}`, isTold: told > 0 };
  }

  /** Says that this process lives. @returns Why runs of it are to end, by run. */
  async beat({
    node,
    concurrency,
    averageMs,
    holdsMs,
    permitKeys,
    running,
  }: Beat): Promise<ReadonlyMap<string, string>> {
    const texts = [node, concurrency, Math.round(averageMs), holdsMs, permitKeys, ...running.map(permitId)];
    const [waiting, ...reasons] = (await this.#run(BEAT, texts)).reply as [number, ...(string | null)[]];
    this.#onWaiting(waiting);
    return new Map(running.flatMap(({ runId }, at) => (reasons[at] ? [[runId, reasons[at]] as const] : [])));
  }

  /** Whether a run runs by a permit. */
  async isTaken(permit: string): Promise<boolean> {
    return (await this.#redis.hexists(`${this.#prefix}taken`, permit)) === 1;
  }

  /** By its digest; where Redis does not know that, as after a restart, with the text. */
  async #run(
    script: string,
    texts: readonly Text[],
    redis = this.#redis,
  ): Promise<{ readonly reply: unknown; readonly isLate: boolean }> {
    try {
      return { reply: await redis.evalsha(digestOf(script), 1, this.#prefix, ...texts), isLate: false };
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return { reply: await redis.eval(script, 1, this.#prefix, ...texts), isLate: true };
    }
  }
}

const digests = new Map<string, string>();

/** @source Redis documentation, EVALSHA: the SHA-1 of the script's text. */
function digestOf(script: string): string {
  const known = digests.get(script);
  if (known !== undefined) return known;
  const digest = createHash("sha1").update(script).digest("hex");
  digests.set(script, digest);
  return digest;
}

/** A job as the lanes take it in. */
export interface LaneJob {
  readonly job: Job;
  /** Whether its time is still to come. */
  readonly isLater: boolean;
}

/** Name of an entry, and of the permit that is made for it. */
export function permitId({ runId, attempt }: Pick<Job, "runId" | "attempt">): string {
  return `${runId}.${attempt}`;
}

function toTaken(kind: number, text: string): Taken {
  if (kind === 0) return { kind: "nothing" };
  if (kind === 3) return { kind: "held-back" };
  if (kind === 4) return { kind: "ask-again" };
  const [, runId = "", attempt, priority, principal = ""] = /^(\S+) (\S+) (\S+) \S+ ([^]*)$/u.exec(text) ?? [];
  const job = { runId, attempt: Number(attempt), priority: Number(priority), principal };
  return { kind: "job", job, isAgain: kind === 2 };
}
