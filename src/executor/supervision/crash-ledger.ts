import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";

/** What the runs of one principal cost so far. */
interface Account {
  /** Crashes as of `atMs`; halved every `HALVED_AFTER_MS`. */
  points: number;
  atMs: number;
  aloneUntilMs: number;
  refusedUntilMs: number;
  /** Times it was refused for a while without a quiet time between. */
  refusals: number;
  /** When its next run may start, while it is slowed. */
  nextStartMs: number;
}

/** What a process that died costs whoever is to blame. */
export const CRASH_POINTS = 1;
/**
 * What an isolate that V8 gave up, or a thread that never stopped, costs: the process goes on until its other runs have
 * ended, so that nobody else loses anything, and another process must be started.
 */
export const TAINT_POINTS = 0.1;

/** Points from which runs have a process of their own, are delayed, are refused: one, five and ten crashes in a short while. */
const ALONE_AT = 1;
const SLOWED_AT = 4.5;
const REFUSED_AT = 9.5;
/** Time in which half of it is forgotten. */
const HALVED_AFTER_MS = 5 * 60_000;
/** How long runs stay alone after the last crash, for each point. */
const ALONE_MS_PER_POINT = 60_000;
const MAX_ALONE_MS = 10 * 60_000;
/** First delay, doubled with each point; it is the time between starts, too. */
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 3_200;
/** First time of being refused, doubled with each further one. */
const FIRST_REFUSAL_MS = 60_000;
const MAX_REFUSAL_MS = 10 * 60_000;
/** Points below which nothing is left to remember. */
const FORGOTTEN_AT = 0.05;
/** Principals remembered: of more, the one whose last crash is the longest ago is forgotten. */
const MAX_PRINCIPALS = 1_024;

/**
 * Who crashed executor processes lately, and what follows from it.
 *
 *     0 ──► alone ──► slowed ──► refused for a while ──► slowed ──► …      (more crashes)
 *       ◄───────────────────────────────────────────────               (time)
 *
 * After one crash runs have a process of their own: a further one costs nobody else. After five they start later and
 * later. After ten none is taken for a minute, each further time for twice as long. Half of it all is forgotten every 5
 * minutes.
 */
export class CrashLedger {
  readonly #clock: Clock;
  /** In order of the last crash. */
  readonly #accounts = new Map<string, Account>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many principals are remembered. */
  get size(): number {
    return this.#accounts.size;
  }

  /** @param points Part of a crash, or more, that a run of the principal is to blame for. */
  charge(principal: string, points: number): void {
    const nowMs = this.#clock.monotonic();
    const account = this.#find(principal, nowMs) ?? {
      points: 0,
      atMs: nowMs,
      aloneUntilMs: 0,
      refusedUntilMs: 0,
      refusals: 0,
      nextStartMs: 0,
    };
    account.points += points;
    if (account.points >= ALONE_AT)
      account.aloneUntilMs = nowMs + Math.min(MAX_ALONE_MS, account.points * ALONE_MS_PER_POINT);
    if (account.points >= REFUSED_AT && nowMs >= account.refusedUntilMs) {
      account.refusedUntilMs = nowMs + Math.min(MAX_REFUSAL_MS, FIRST_REFUSAL_MS * 2 ** account.refusals);
      account.refusals++;
    }
    this.#accounts.delete(principal);
    this.#accounts.set(principal, account);
    if (this.#accounts.size <= MAX_PRINCIPALS) return;
    for (const oldest of this.#accounts.keys()) {
      this.#accounts.delete(oldest);
      return;
    }
  }

  /** Whether runs of the principal have a process of their own. */
  isAlone(principal: string): boolean {
    const nowMs = this.#clock.monotonic();
    return (this.#find(principal, nowMs)?.aloneUntilMs ?? 0) > nowMs;
  }

  /** How long the principal's next run has to wait before it starts, in ms; counts it as starting then. */
  delayMs(principal: string): number {
    const nowMs = this.#clock.monotonic();
    const account = this.#find(principal, nowMs);
    if (account === undefined || account.points < SLOWED_AT) return 0;
    const stepMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (account.points - SLOWED_AT));
    account.nextStartMs = Math.max(nowMs, account.nextStartMs) + stepMs;
    return account.nextStartMs - nowMs;
  }

  /** Why no run of the principal is taken now: TOO_MANY_CRASHES; `undefined` when they are. */
  refusal(principal: string): RunletError | undefined {
    const nowMs = this.#clock.monotonic();
    const retryAfterMs = Math.ceil((this.#find(principal, nowMs)?.refusedUntilMs ?? 0) - nowMs);
    if (retryAfterMs <= 0) return undefined;
    const until = new Date(this.#clock.now() + retryAfterMs).toISOString();
    return new RunletError(
      "TOO_MANY_CRASHES",
      `Cannot take a run as scripts of this client must not keep crashing executor processes: they did, and none is taken until ${until}.`,
      {
        hint: "Find the run that ended with EXECUTOR_LOST and change its script; it crashes the engine each time it runs.",
        details: { retryAfterMs, until },
      },
    );
  }

  /** The account as of now; `undefined` when there is none, or nothing left to remember. */
  #find(principal: string, nowMs: number): Account | undefined {
    const account = this.#accounts.get(principal);
    if (account === undefined) return undefined;
    account.points *= 2 ** ((account.atMs - nowMs) / HALVED_AFTER_MS);
    account.atMs = nowMs;
    if (account.points >= FORGOTTEN_AT || account.refusedUntilMs > nowMs) return account;
    this.#accounts.delete(principal);
    return undefined;
  }
}
