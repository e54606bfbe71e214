import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Job } from "../../../src/queue/run-queue.ts";
import { WaitingJobs } from "../../../src/queue/waiting-jobs.ts";

function takeAll(waiting: WaitingJobs): string[] {
  const order: string[] = [];
  for (let job = waiting.take(); job !== undefined; job = waiting.take()) order.push(job.runId);
  return order;
}

function filled(...jobs: readonly (readonly [runId: string, principal: string, priority?: number])[]): WaitingJobs {
  const waiting = new WaitingJobs();
  for (const [runId, principal, priority = 0] of jobs) waiting.add({ runId, principal, priority, attempt: 1 });
  return waiting;
}

/** The same promises in the plainest words: lists that are searched. */
class PlainModel {
  jobs: Job[] = [];
  /** Principals that have jobs, the one that is next first. */
  ring: string[] = [];

  add(job: Job): void {
    this.jobs.push(job);
    if (!this.ring.includes(job.principal)) this.ring.push(job.principal);
  }

  take(): Job | undefined {
    const principal = this.ring.shift();
    if (principal === undefined) return undefined;
    this.ring.push(principal);
    const own = this.jobs.filter((job) => job.principal === principal);
    const highest = Math.max(...own.map(({ priority }) => priority));
    const next = own.find(({ priority }) => priority === highest);
    if (next !== undefined) this.delete(next.runId);
    return next;
  }

  delete(runId: string): boolean {
    const had = this.jobs.some((job) => job.runId === runId);
    this.jobs = this.jobs.filter((job) => job.runId !== runId);
    this.ring = this.ring.filter((principal) => this.jobs.some((job) => job.principal === principal));
    return had;
  }
}

describe("waiting jobs", () => {
  it("of one principal are served first in, first out", () => {
    expect(takeAll(filled(["1", "ann"], ["2", "ann"], ["3", "ann"]))).toEqual(["1", "2", "3"]);
  });

  it("of a higher priority go first within their principal, never before another principal's turn", () => {
    const waiting = filled(
      ["low", "ann", -1],
      ["a", "ann"],
      ["b", "bob", 9],
      ["high", "ann", 5],
      ["also high", "ann", 5],
    );
    expect(takeAll(waiting)).toEqual(["high", "b", "also high", "a", "low"]);
  });

  it("of several principals take turns", () => {
    const waiting = filled(["a1", "ann"], ["a2", "ann"], ["a3", "ann"], ["b1", "bob"], ["c1", "cy"], ["b2", "bob"]);
    expect(takeAll(waiting)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  it("of a principal who comes late wait for one turn of each other, not for their jobs", () => {
    const waiting = filled(["a1", "ann"], ["a2", "ann"], ["a3", "ann"]);
    expect(waiting.take()?.runId).toBe("a1");
    waiting.add({ runId: "b1", principal: "bob", priority: 0, attempt: 1 });
    expect(takeAll(waiting)).toEqual(["a2", "b1", "a3"]);
  });

  it("do as a plain model does, whatever happens in whatever order", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), principal: fc.constantFrom("a", "b", "c"), priority: fc.nat(2) }),
      fc.record({ kind: fc.constant("delete" as const), pick: fc.nat(40) }),
      fc.record({ kind: fc.constant("take" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const waiting = new WaitingJobs();
        const model = new PlainModel();
        for (const [at, action] of steps.entries()) {
          switch (action.kind) {
            case "add": {
              const job = { runId: String(at), principal: action.principal, priority: action.priority, attempt: 1 };
              waiting.add(job);
              model.add(job);
              break;
            }
            case "delete":
              expect(waiting.delete(String(action.pick))).toBe(model.delete(String(action.pick)));
              break;
            case "take":
              expect(waiting.take()).toEqual(model.take());
              break;
            default:
              throw new Error(`unknown step ${JSON.stringify(action satisfies never)}`);
          }
          expect(waiting.size).toBe(model.jobs.length);
          for (const principal of ["a", "b", "c"]) {
            expect(waiting.sizeOf(principal)).toBe(model.jobs.filter((job) => job.principal === principal).length);
          }
        }
        expect(takeAll(waiting)).toHaveLength(model.jobs.length);
      }),
      { numRuns: 500 },
    );
  });

  it("serve every principal once per round, whatever each has waiting", () => {
    const counts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(counts, (jobsOf) => {
        const waiting = new WaitingJobs();
        for (const [who, count] of jobsOf.entries()) {
          for (let at = 0; at < count; at++)
            waiting.add({ runId: `${who}/${at}`, principal: `${who}`, priority: 0, attempt: 1 });
        }
        for (let round = 0; round < 20; round++) {
          const due = jobsOf.flatMap((count, who) => (count > round ? [`${who}/${round}`] : []));
          expect(due.map(() => waiting.take()?.runId)).toEqual(due);
        }
        expect(waiting.take()).toBeUndefined();
      }),
    );
  });

  it("cost as little with a hundred thousand of one principal as their logarithm", () => {
    const waiting = new WaitingJobs();
    const startedAt = performance.now();
    for (let at = 0; at < 100_000; at++)
      waiting.add({ runId: `a${at}`, principal: "ann", priority: at % 7, attempt: 1 });
    for (let at = 0; at < 100_000; at += 2) waiting.delete(`a${at}`);
    waiting.add({ runId: "b", principal: "bob", priority: 0, attempt: 1 });
    expect([waiting.take()?.principal, waiting.take()?.principal]).toEqual(["ann", "bob"]);
    expect(takeAll(waiting)).toHaveLength(49_999);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
