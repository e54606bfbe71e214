import { Queue, Worker, WaitingError, type Job as BullJob } from "bullmq";
import type { Redis } from "ioredis";
import type { Clock, Timer } from "../lib/clock.ts";
import { sleep } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import { createId } from "../lib/ids.ts";
import { Batch } from "./batch.ts";
import { fromReason, toReason } from "./cancel-reason.ts";
import { queueClosed, queueFull, type QueueOptions } from "./queue-options.ts";
import {
  RedisLanes,
  permitId,
  type Added,
  type LaneJob,
  type Permit,
  type Rooms,
  type Taken,
  type UsedPermit,
} from "./redis-lanes.ts";
import { RedisLink } from "./redis-link.ts";
import type { Job, RunHandler, RunQueue } from "./run-queue.ts";
import { RunningJobs } from "./running-jobs.ts";

/** What a queue in Redis needs. */
export interface BullmqQueueOptions extends QueueOptions {
  /** `redis://` or `rediss://`; `maxmemory-policy` must be `noeviction`. */
  readonly url: string;
  /** All keys begin with it; the processes that share runs have the same one. @default "runlet" */
  readonly prefix?: string;
  /** A job whose process is not heard of for this long is delivered to another, ms. @default 10,000 */
  readonly stallAfterMs?: number;
  /** How often a job is delivered again because its process died; then it is lost. @default 10 */
  readonly maxStalls?: number;
  /** A run whose job is lost: no handler will be called for it again. May be told twice. */
  readonly onLost: (runId: string) => Promise<void>;
}

const DEFAULTS = { prefix: "runlet", stallAfterMs: 10_000, maxStalls: 10 };
/** BullMQ's name of permits that are put off. */
const LATER = "later";
/** BullMQ's name of the queue, the middle of its keys. */
const NAME = "runs";
/** How often a process says that it lives, and looks for what it has not heard. */
const BEAT_MS = 1_000;
/** A process that is silent for this long counts no more as one that runs jobs. */
const BEAT_HOLDS_MS = 5_000;
/** Entries of one script: Redis does nothing else while it runs. */
const MOST_AT_ONCE = 200;
/** A process that may run none of what waits looks again after this long, unless something changes before. */
const HELD_BACK_MS = 250;
/** What Redis refuses is tried again after this long. */
const RETRY_MS = 500;
/** How long `close` waits for Redis after the last job. */
const CLOSE_MS = 2_000;

/**
 * A queue that several processes share, in Redis. Jobs are durable as Redis is; one whose process dies is delivered again,
 * with the same attempt.
 *
 * BullMQ delivers permits, first in, first out: leave for one run to start. Which run that is, is decided when a permit
 * arrives, by the lanes, with the order of the local queue. A permit that is delivered again finds the run that it had. There
 * are at least as many permits as runs that wait, save where a process died between two writes: to `enqueue` such a run once
 * more mends that, as it does no harm elsewhere.
 *
 * Never rejects while Redis is away: what was asked waits for it.
 */
export function createBullmqQueue(options: BullmqQueueOptions): RunQueue {
  return new BullmqQueue(options);
}

class BullmqQueue implements RunQueue {
  readonly #options: BullmqQueueOptions & typeof DEFAULTS;
  readonly #clock: Clock;
  readonly #node: string;
  readonly #link: RedisLink;
  readonly #lanes: RedisLanes;
  readonly #permits: Queue;
  readonly #running: RunningJobs;
  readonly #adding: Batch<LaneJob, Added>;
  /** Permits to take runs by, and those to release. */
  readonly #turning: Batch<Permit | UsedPermit, Taken>;
  #turns: Redis | undefined;
  #worker: Worker | undefined;
  #handler: RunHandler | undefined;
  #waiting = 0;
  #deliveries = 0;
  #beatTimer: Timer | undefined;
  /** Set while this process fetches no permits, because it may run none of what waits. */
  #heldBack: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: BullmqQueueOptions) {
    this.#options = { ...DEFAULTS, ...options };
    const { prefix, clock, log } = this.#options;
    this.#clock = clock;
    this.#node = createId("node", clock.now());
    this.#link = new RedisLink(options);
    const redis = this.#link.commands;
    this.#lanes = new RedisLanes(redis, `${prefix}:lanes:`, (count) => (this.#waiting = count));
    this.#permits = new Queue(NAME, { connection: redis, prefix });
    this.#permits.on("error", (error) => this.#link.tell(error));
    this.#running = new RunningJobs({ clock, log });
    const most = MOST_AT_ONCE;
    this.#adding = new Batch({ send: (jobs) => this.#add(jobs), schedule: queueMicrotask, most });
    this.#turning = new Batch({ send: (asked) => this.#turn(asked), schedule: setImmediate, most, isSerial: true });
    redis.on("ready", () => void this.#beat());
    this.#nextBeat();
  }

  async enqueue(job: Job): Promise<void> {
    if (this.#closing !== undefined) throw queueClosed();
    const refusal = this.#options.refusal?.(job.principal);
    if (refusal !== undefined) throw refusal;
    const isLater = (job.notBeforeMs ?? 0) > this.#clock.now();
    const added = await this.#adding.add({ job, isLater });
    if (added.verdict >= 2) {
      await this.#dropPermit(permitId(job));
      throw this.#fullness(added);
    }
    this.#goOn();
  }

  start(handler: RunHandler): void {
    if (this.#handler !== undefined) {
      throw new RunletError("INTERNAL", "Cannot start the queue as it must be started once: it has a handler.");
    }
    this.#handler = handler;
    if (this.#closing !== undefined) return;
    this.#turns = this.#link.open();
    const { prefix, concurrency, stallAfterMs } = this.#options;
    this.#worker = new Worker(NAME, (permit, token) => this.#perform(handler, permit, token), {
      connection: this.#link.commands,
      prefix,
      concurrency,
      lockDuration: stallAfterMs,
      stalledInterval: stallAfterMs / 2,
      // Counted here, where the run that a permit stands for can be told before the permit is gone.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      runRetryDelay: RETRY_MS,
    });
    this.#worker.on("error", (error) => this.#link.tell(error));
    this.#listen();
    void this.#beat();
  }

  async cancel(runId: string, reason: Error): Promise<"removed" | "aborted" | "unknown"> {
    const isHere = this.#running.cancel(runId, reason);
    const { removed, isTold } = await this.#lanes.cancel(runId, toReason(reason));
    if (removed !== undefined) await this.#dropPermit(removed);
    if (removed !== undefined) return "removed";
    return isHere || isTold ? "aborted" : "unknown";
  }

  depth(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#waiting, running: this.#running.size };
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#shutDown(graceMs);
    return this.#closing;
  }

  /** Both are on their way before the first is answered: they arrive in this order, as one connection carries them. */
  async #add(jobs: readonly LaneJob[]): Promise<readonly Added[]> {
    const { depth, depthPerPrincipal = depth } = this.#options;
    const added = this.#lanes.add(jobs, depth, depthPerPrincipal);
    const [verdicts] = await Promise.all([added, this.#addPermits(jobs)]);
    // Their permits may have come before them, and found nothing.
    if (verdicts[0]?.isLate === true) await this.#addPermits(jobs);
    return verdicts;
  }

  /** A run that waits must have its permit: this does not give up while the process lives. */
  async #addPermits(jobs: readonly LaneJob[]): Promise<void> {
    const keep = { removeOnComplete: true, removeOnFail: true };
    const permits = jobs.map(({ job, isLater }) => {
      const delay = isLater ? Math.max((job.notBeforeMs ?? 0) - this.#clock.now(), 0) : 0;
      return { name: isLater ? LATER : "run", data: 0, opts: { ...keep, jobId: permitId(job), delay } };
    });
    for (;;) {
      try {
        const [only] = permits;
        if (permits.length === 1 && only !== undefined) await this.#permits.add(only.name, only.data, only.opts);
        else await this.#permits.addBulk(permits);
        return;
      } catch (error) {
        if (this.#closing !== undefined) throw error;
        this.#link.tell(error as Error);
        await sleep(this.#clock, RETRY_MS);
      }
    }
  }

  /** A permit that no run needs: it would only find nothing, but might have to wait for that long. */
  async #dropPermit(id: string): Promise<void> {
    try {
      if (!(await this.#lanes.isTaken(id))) await this.#permits.remove(id);
    } catch (error) {
      this.#link.tell(error as Error);
    }
  }

  #fullness({ verdict, waiting, waitingOfPrincipal, places, averageMs }: Added): RunletError {
    const { depth, depthPerPrincipal = depth } = this.#options;
    const known = { waitingInAll: waiting, concurrency: places, averageMs };
    return verdict === 2
      ? queueFull({ whose: "everybody", bound: depth, waiting, ...known })
      : queueFull({ whose: "principal", bound: depthPerPrincipal, waiting: waitingOfPrincipal, ...known });
  }

  /** What BullMQ calls for each permit. @throws WaitingError when the permit was put back for others. */
  async #perform(handler: RunHandler, bullJob: BullJob, lock: string | undefined): Promise<void> {
    const permit = {
      id: bullJob.id ?? "",
      token: `${this.#node}.${++this.#deliveries}`,
      isDue: bullJob.name === LATER,
    };
    const taken = await this.#untilTaken(permit);
    if (taken?.kind === "nothing") return;
    if (taken?.kind === "job" && taken.isAgain && bullJob.stalledCounter > this.#options.maxStalls) {
      await this.#lose(taken.job, permit);
      return;
    }
    if (taken?.kind === "job" && this.#closing === undefined) {
      const hasEnded = await this.#running.perform(handler, taken.job);
      this.#goOn();
      if (hasEnded) {
        this.#release({ permit, job: taken.job });
        return;
      }
    } else if (taken !== undefined) {
      await this.#holdBack();
    }
    await this.#putBack(bullJob, lock);
    throw new WaitingError();
  }

  /** Gives a permit to whoever is next. Where that fails, its lock runs out, and it is delivered again all the same. */
  async #putBack(bullJob: BullJob, lock: string | undefined): Promise<void> {
    try {
      await bullJob.moveToWait(lock);
    } catch (error) {
      this.#link.tell(error as Error);
    }
  }

  /** @returns What the permit gave, or `undefined` when this process closes before that is known. */
  async #untilTaken(permit: Permit): Promise<Taken | undefined> {
    while (this.#closing === undefined) {
      try {
        const taken = await this.#turning.add(permit);
        if (taken.kind !== "ask-again") return taken;
      } catch (error) {
        this.#link.tell(error as Error);
        await sleep(this.#clock, RETRY_MS);
      }
    }
    return undefined;
  }

  async #turn(asked: readonly (Permit | UsedPermit)[]): Promise<readonly Taken[]> {
    const used = asked.filter((each): each is UsedPermit => "permit" in each);
    const permits = asked.filter((each): each is Permit => !("permit" in each));
    const taken = (await this.#lanes.turn(used, permits, this.#rooms(permits.length), this.#turns)).values();
    return asked.map((each) => ("permit" in each ? undefined : taken.next().value) ?? { kind: "nothing" });
  }

  /** Goes with the next turn, and is not waited for: where this process dies before that, a beat of another mends it. */
  #release(used: UsedPermit): void {
    this.#turning.add(used).catch((error: Error) => this.#link.tell(error));
  }

  /**
   * How many more jobs principals may run. Of those who run none yet it is not known: each may have one, and the rest ask
   * again. One permit alone needs to know only who may have none.
   */
  #rooms(permits: number): Rooms {
    const { concurrencyOf, concurrency } = this.#options;
    const of = new Map<string, number>();
    if (concurrencyOf === undefined) return { of };
    for (const [principal, count] of this.#running.counts()) {
      const most = concurrencyOf(principal);
      const room = most >= concurrency ? concurrency : most - count;
      if (permits > 1 || room <= 0) of.set(principal, room);
    }
    return { of, ofOthers: 1 };
  }

  async #lose(job: Job, permit: Permit): Promise<void> {
    const { runId } = job;
    const { log, onLost, maxStalls } = this.#options;
    log.error({ runId, maxStalls }, "A run is given up: every process that took it died.");
    try {
      await onLost(runId);
    } catch (error) {
      log.error({ runId, err: error }, "A run that is lost could not be ended.");
    }
    this.#release({ permit, job });
  }

  /** Fetches no permits for a while: other processes may use those that are put back. */
  async #holdBack(): Promise<void> {
    if (this.#closing !== undefined || this.#heldBack !== undefined) return;
    this.#heldBack = this.#clock.after(HELD_BACK_MS, () => this.#goOn(), { background: true });
    await this.#worker?.pause(true);
  }

  /** Something changed: what was held back may run now. */
  #goOn(): void {
    if (this.#heldBack === undefined) return;
    this.#heldBack.cancel();
    this.#heldBack = undefined;
    if (this.#closing === undefined) void this.#worker?.resume();
  }

  /** Hears of cancelled runs at once; what is not heard is found at the next beat. */
  #listen(): void {
    const subscriber = this.#link.open();
    subscriber.on("message", (_channel: string, message: string) => {
      const [runId, why] = JSON.parse(message) as [string, string];
      this.#running.cancel(runId, fromReason(why));
    });
    subscriber.subscribe(this.#lanes.channel).catch((error: Error) => this.#link.tell(error));
  }

  #nextBeat(): void {
    if (this.#closing !== undefined) return;
    this.#beatTimer = this.#clock.after(BEAT_MS, () => void this.#beat().then(() => this.#nextBeat()), {
      background: true,
    });
  }

  /** Says that this process lives, refreshes what it knows, and ends what was cancelled elsewhere. Never rejects. */
  async #beat(): Promise<void> {
    const isOpen = this.#worker !== undefined && this.#closing === undefined;
    try {
      const reasons = await this.#lanes.beat({
        node: this.#node,
        concurrency: isOpen ? this.#options.concurrency : 0,
        averageMs: this.#running.averageMs,
        holdsMs: BEAT_HOLDS_MS,
        permitKeys: this.#permits.toKey(""),
        running: this.#running.jobs(),
      });
      for (const [runId, why] of reasons) this.#running.cancel(runId, fromReason(why));
    } catch (error) {
      this.#link.tell(error as Error);
    }
  }

  async #shutDown(graceMs: number): Promise<void> {
    this.#beatTimer?.cancel();
    this.#heldBack?.cancel();
    const worker = this.#worker;
    if (worker !== undefined) {
      // It fetches no more from here on, renews the locks of what runs, and is closed when that has ended.
      const closed = worker.close();
      void this.#beat();
      await this.#running.close(graceMs);
      await this.#within(closed, CLOSE_MS);
    }
    await this.#within(this.#permits.close(), CLOSE_MS);
    await this.#within(this.#link.close(), CLOSE_MS);
  }

  /** Waits for something at most this long. */
  async #within(done: Promise<unknown>, ms: number): Promise<void> {
    const late = new AbortController();
    await Promise.race([Promise.allSettled([done]), sleep(this.#clock, ms, late.signal).catch(() => undefined)]);
    late.abort();
  }
}
