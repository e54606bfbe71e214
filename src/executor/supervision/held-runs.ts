import type { RunMessage } from "../../bridge/protocol.ts";
import type { Allowance, Ended } from "./watchdog.ts";

interface Held {
  readonly principal: string;
  wallMs: number;
  readonly cpuMs: number;
  readonly memoryMiB: number;
  stoodStill: boolean;
  /** The last ping that had been sent when the run was last given something to work on. */
  fedAfter: number;
}

/** Runs that ended and whose owner is known still. */
const LATELY = 64;

/**
 * The runs of one executor process, as its supervisor knows them: whose they are, what they may use, and which of them may
 * have computed since the process last said who does.
 */
export class HeldRuns {
  readonly #runs = new Map<number, Held>();
  /** Owners of the runs that ended last. */
  readonly #lately = new Map<number, string>();
  /** Whose runs were stopped here, and until when that counts. */
  readonly #stopped = new Map<string, number>();
  #allowance: Allowance = { runs: 0, cpuMs: 0, memoryMiB: 0 };
  #ended: Ended = { runs: 0, cpuMs: 0 };
  #ping = 0;
  #pong = 0;
  #busy: ReadonlySet<number> = new Set();

  get size(): number {
    return this.#runs.size;
  }

  /** What they may use altogether. */
  get allowance(): Allowance {
    return this.#allowance;
  }

  /** The longest wall time that one of them may take from its start, in ms; 0 when there is none. */
  get longestMs(): number {
    let longestMs = 0;
    for (const { wallMs } of this.#runs.values()) longestMs = Math.max(longestMs, wallMs);
    return longestMs;
  }

  /** Their numbers, oldest first. */
  numbers(): number[] {
    return Array.from(this.#runs.keys());
  }

  /** Whether nobody else has a run here, or one that was stopped and may still be stopping. */
  isOnlyOf(principal: string, nowMs: number): boolean {
    for (const held of this.#runs.values()) if (held.principal !== principal) return false;
    for (const [owner, untilMs] of this.#stopped) if (owner !== principal && untilMs > nowMs) return false;
    return true;
  }

  /** A run was stopped: what it did may go on for a moment, and bring the process down. */
  stopped(principal: string, untilMs: number): void {
    this.#stopped.delete(principal);
    this.#stopped.set(principal, untilMs);
    const [oldest = principal] = this.#stopped.keys();
    if (this.#stopped.size > LATELY) this.#stopped.delete(oldest);
  }

  /** Whether a run of a principal was stopped here a moment ago. */
  hasStopped(principal: string, nowMs: number): boolean {
    return (this.#stopped.get(principal) ?? 0) > nowMs;
  }

  add({ run, wallMs, cpuMs, memoryMiB }: RunMessage, principal: string): void {
    this.#runs.set(run, { principal, wallMs, cpuMs, memoryMiB, fedAfter: this.#ping, stoodStill: false });
    this.#count(1, cpuMs, memoryMiB);
  }

  /** The run was sent the outcome of a call: it may compute again. */
  fed(run: number): void {
    const held = this.#runs.get(run);
    if (held !== undefined) held.fedAfter = this.#ping;
  }

  /** The run's wall time stands still: it may take as much longer, once. */
  stoodStill(run: number, mayTakeMs: number): void {
    const held = this.#runs.get(run);
    if (held === undefined || held.stoodStill) return;
    held.stoodStill = true;
    held.wallMs += mayTakeMs;
  }

  /** @param cpuMs What the process says the run used: believed up to the run's limit. @returns Whether it was here. */
  release(run: number, cpuMs: number): boolean {
    const held = this.#runs.get(run);
    if (held === undefined) return false;
    this.#runs.delete(run);
    this.#count(-1, -held.cpuMs, -held.memoryMiB);
    this.#lately.set(run, held.principal);
    if (this.#lately.size > LATELY) {
      const [oldest = run] = this.#lately.keys();
      this.#lately.delete(oldest);
    }
    const usedMs = Math.min(cpuMs, held.cpuMs);
    this.#ended = { runs: this.#ended.runs + 1, cpuMs: this.#ended.cpuMs + usedMs };
    return true;
  }

  /** Whose a run was that ended here lately; `undefined` when it is not over, was not here, or that is too long ago. */
  ownerOfEnded(run: number): string | undefined {
    return this.#lately.get(run);
  }

  /** Runs that ended since this was last asked. */
  takeEnded(): Ended {
    const ended = this.#ended;
    this.#ended = { runs: 0, cpuMs: 0 };
    return ended;
  }

  /** The process is asked who computes. @returns The number of the question. */
  ask(): number {
    return ++this.#ping;
  }

  /** The process said who computes. @returns Whether it was asked: what answers no question, or one before the last, says nothing. */
  heard(ping: number, busy: readonly number[]): boolean {
    if (ping > this.#ping || ping <= this.#pong) return false;
    this.#pong = ping;
    this.#busy = new Set(busy);
    return true;
  }

  /** Those that computed when the process last said who does, and those that were given something to do since. */
  suspects(): ReadonlySet<number> {
    const suspects = new Set<number>();
    for (const [run, { fedAfter }] of this.#runs) if (this.#busy.has(run) || fedAfter >= this.#pong) suspects.add(run);
    return suspects;
  }

  #count(runs: number, cpuMs: number, memoryMiB: number): void {
    const now = this.#allowance;
    this.#allowance = { runs: now.runs + runs, cpuMs: now.cpuMs + cpuMs, memoryMiB: now.memoryMiB + memoryMiB };
  }
}
