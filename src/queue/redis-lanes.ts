import type { Redis } from "ioredis";
import { ADD, BEAT, CANCEL, RELEASE, TAKE } from "./lane-scripts.ts";
import type { Job } from "./run-queue.ts";

/** Leave to start one run, whichever is next when it is used. */
export interface Permit {
  readonly id: string;
  /** Of this delivery alone: who holds the permit now. */
  readonly token: string;
  /** Whether the run it was made for is due now, and waits from now on. */
  readonly isDue: boolean;
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
}

/**
 * What a permit gave: a `job`, `isAgain` when somebody else ran it before; `nothing` waits; `held-back`: what waits may not run
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
    const reply = (await this.#run(ADD, [depth, depthPerPrincipal, ...texts])) as number[];
    const [waiting = 0, places = 0, averageMs = 0] = reply;
    this.#onWaiting(waiting);
    return jobs.map((_, at) => {
      const [verdict = 0, waitingOfPrincipal = 0] = reply.slice(3 + 2 * at);
      return { verdict, waiting, waitingOfPrincipal, places, averageMs };
    });
  }

  /** Takes the runs that are next, one by each permit, and marks them as running by it. */
  async take(permits: readonly Permit[], { of, ofOthers }: Rooms): Promise<readonly Taken[]> {
    const rooms = Array.from(of, ([principal, room]) => [principal, Math.max(room, 0)]).flat();
    const texts = permits.flatMap(({ id, token, isDue }) => [id, token, isDue ? 1 : 0]);
    const reply = (await this.#run(TAKE, [ofOthers ?? "", of.size, ...rooms, ...texts])) as unknown[];
    this.#onWaiting(Number(reply[0]));
    return permits.map((_, at) => toTaken(Number(reply[1 + 2 * at]), String(reply[2 + 2 * at])));
  }

  /** Runs have ended. One that was given to somebody else meanwhile is left to them. */
  async release(permits: readonly Permit[]): Promise<void> {
    await this.#run(
      RELEASE,
      permits.flatMap(({ id, token }) => [id, token]),
    );
  }

  /** Takes a run out, and tells who runs it. @returns The name of its entry that waited, and whether it runs. */
  async cancel(
    runId: string,
    why: string,
  ): Promise<{ readonly removed: string | undefined; readonly isTold: boolean }> {
    const [removed, told] = (await this.#run(CANCEL, [runId, why, this.channel])) as [string, number];
    return { removed: removed === "" ? undefined : removed, isTold: told > 0 };
  }

  /** Says that this process lives. @returns Why runs of it are to end, by run. */
  async beat({ node, concurrency, averageMs, holdsMs, running }: Beat): Promise<ReadonlyMap<string, string>> {
    const texts = [node, concurrency, Math.round(averageMs), holdsMs, ...running.map(permitId)];
    const [waiting, ...reasons] = (await this.#run(BEAT, texts)) as [number, ...(string | null)[]];
    this.#onWaiting(waiting);
    return new Map(running.flatMap(({ runId }, at) => (reasons[at] ? [[runId, reasons[at]] as const] : [])));
  }

  /** Whether a run runs by a permit. */
  async isTaken(permit: string): Promise<boolean> {
    return (await this.#redis.hexists(`${this.#prefix}taken`, permit)) === 1;
  }

  /** With the text each time: a digest that Redis has forgotten would come a second time, after what was sent behind it. */
  #run(script: string, texts: readonly Text[]): Promise<unknown> {
    return this.#redis.eval(script, 1, this.#prefix, ...texts);
  }
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
  const [runId, attempt, priority, , principal] = JSON.parse(text) as [string, string, Text, string, string];
  const job = { runId, attempt: Number(attempt), priority: Number(priority), principal };
  return { kind: "job", job, isAgain: kind === 2 };
}
