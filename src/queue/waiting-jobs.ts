import { OrderedHeap } from "./ordered-heap.ts";
import type { Job } from "./run-queue.ts";

interface Entry {
  readonly job: Job;
  readonly lane: Lane;
  /** Order of arrival. */
  readonly arrival: number;
}

/** The waiting jobs of one principal. */
interface Lane {
  readonly principal: string;
  readonly entries: OrderedHeap<Entry>;
  /** The lane with the lowest is served next; a lane goes to the end when it is served and when it comes. */
  turn: number;
}

/**
 * Jobs that wait, in the order in which they are served: principals take turns; within one the higher priority goes
 * first, then the earlier arrival. Every operation costs O(log n), however many jobs one principal has.
 */
export class WaitingJobs {
  readonly #entries = new Map<string, Entry>();
  readonly #lanes = new Map<string, Lane>();
  readonly #turns = new OrderedHeap<Lane>((a, b) => a.turn < b.turn);
  #counter = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** How many jobs of one principal wait. */
  sizeOf(principal: string): number {
    return this.#lanes.get(principal)?.entries.size ?? 0;
  }

  /** The waiting job of a run. @returns `undefined` when it has none. */
  get(runId: string): Job | undefined {
    return this.#entries.get(runId)?.job;
  }

  /** @param job Of a run that does not wait yet. */
  add(job: Job): void {
    let lane = this.#lanes.get(job.principal);
    if (lane === undefined) {
      lane = { principal: job.principal, entries: new OrderedHeap(goesFirst), turn: ++this.#counter };
      this.#lanes.set(job.principal, lane);
      this.#turns.add(lane);
    }
    const entry = { job, lane, arrival: ++this.#counter };
    lane.entries.add(entry);
    this.#entries.set(job.runId, entry);
  }

  /**
   * Takes out the job that is served next.
   *
   * @param mayStart Whether a principal may have one; those who may not keep their turns.
   * @returns `undefined` when none waits.
   */
  take(mayStart: (principal: string) => boolean = () => true): Job | undefined {
    const passed: Lane[] = [];
    let lane = this.#turns.first;
    for (; lane !== undefined && !mayStart(lane.principal); lane = this.#turns.first) {
      this.#turns.delete(lane);
      passed.push(lane);
    }
    for (const each of passed) this.#turns.add(each);
    const entry = lane?.entries.first;
    if (lane === undefined || entry === undefined) return undefined;
    this.#turns.delete(lane);
    lane.turn = ++this.#counter;
    this.#turns.add(lane);
    this.#remove(entry);
    return entry.job;
  }

  /** Takes out the job of a run. @returns Whether it waited. */
  delete(runId: string): boolean {
    const entry = this.#entries.get(runId);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  #remove(entry: Entry): void {
    const { job, lane } = entry;
    this.#entries.delete(job.runId);
    lane.entries.delete(entry);
    if (lane.entries.size > 0) return;
    this.#turns.delete(lane);
    this.#lanes.delete(lane.principal);
  }
}

function goesFirst(a: Entry, b: Entry): boolean {
  return a.job.priority === b.job.priority ? a.arrival < b.arrival : a.job.priority > b.job.priority;
}
