import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSemaphore, type Lease, type Semaphore } from "../../../src/lib/semaphore.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function setup(change: { places?: number; queueLimit?: number; queueWaitMs?: number } = {}) {
  const clock = createManualClock();
  const semaphore = createSemaphore({ places: 1, queueLimit: 10, queueWaitMs: 1_000, clock, ...change });
  return { clock, semaphore };
}

async function mustHold(answer: ReturnType<Semaphore["acquire"]>): Promise<Lease> {
  const lease = await answer;
  if (lease.status !== "held") throw new Error(`refused: ${lease.status}`);
  return lease;
}

describe("a semaphore", () => {
  test("gives places in the order they were asked for", async () => {
    const { semaphore } = setup();
    const first = await mustHold(semaphore.acquire());
    const order: number[] = [];
    const others = [1, 2, 3].map(async (number) => {
      using _lease = await mustHold(semaphore.acquire());
      order.push(number);
    });
    expect(semaphore.usage()).toEqual({ held: 1, waiting: 3 });
    first[Symbol.dispose]();
    await Promise.all(others);
    expect(order).toEqual([1, 2, 3]);
    expect(semaphore.usage()).toEqual({ held: 0, waiting: 0 });
  });

  test("lets nobody overtake the line with tryAcquire", async () => {
    const { semaphore } = setup();
    const first = await mustHold(semaphore.acquire());
    const second = semaphore.acquire();
    first[Symbol.dispose]();
    expect(semaphore.tryAcquire()).toBeUndefined();
    (await mustHold(second))[Symbol.dispose]();
    expect(semaphore.tryAcquire()?.status).toBe("held");
  });

  test("frees a place once, however often its lease is disposed", async () => {
    const { semaphore } = setup({ places: 2 });
    const lease = await mustHold(semaphore.acquire());
    await mustHold(semaphore.acquire());
    lease[Symbol.dispose]();
    lease[Symbol.dispose]();
    expect(semaphore.usage()).toEqual({ held: 1, waiting: 0 });
  });

  test("refuses at once when the line is full", async () => {
    const { semaphore } = setup({ queueLimit: 1 });
    await mustHold(semaphore.acquire());
    void semaphore.acquire();
    expect(await semaphore.acquire()).toEqual({ status: "full", retryAfterMs: 50 });
  });

  test("refuses after the longest wait and leaves no timer behind", async () => {
    const { semaphore, clock } = setup({ queueWaitMs: 200 });
    await mustHold(semaphore.acquire());
    const waiting = semaphore.acquire();
    await Promise.resolve();
    clock.advance(200);
    expect(await waiting).toMatchObject({ status: "timeout" });
    expect(semaphore.usage()).toEqual({ held: 1, waiting: 0 });
    expect(clock.pending()).toBe(0);
  });

  test("rejects with the signal's reason when it aborts, and frees the place in line", async () => {
    const { semaphore, clock } = setup({ queueLimit: 1 });
    await mustHold(semaphore.acquire());
    const controller = new AbortController();
    const waiting = semaphore.acquire(controller.signal);
    controller.abort(new Error("not wanted"));
    await expect(waiting).rejects.toThrow("not wanted");
    expect(semaphore.usage()).toEqual({ held: 1, waiting: 0 });
    expect(clock.pending()).toBe(0);
  });

  test("takes no place for a signal that aborted before", async () => {
    const { semaphore } = setup();
    await expect(semaphore.acquire(AbortSignal.abort(new Error("too late")))).rejects.toThrow("too late");
    expect(semaphore.usage()).toEqual({ held: 0, waiting: 0 });
  });

  test("lets owners take turns, however many callers one has in line", async () => {
    const { semaphore } = setup({ queueLimit: 100 });
    const first = await mustHold(semaphore.acquire(undefined, "crowd"));
    const order: string[] = [];
    const wait = async (owner: string): Promise<void> => {
      using _lease = await mustHold(semaphore.acquire(undefined, owner));
      order.push(owner);
    };
    const crowd = Array.from({ length: 64 }, () => wait("crowd"));
    const others = [wait("one"), wait("one"), wait("two")];
    first[Symbol.dispose]();
    await Promise.all([...crowd, ...others]);
    expect(order.slice(0, 5)).toEqual(["crowd", "one", "two", "crowd", "one"]);
    expect(order).toHaveLength(67);
  });

  test("makes room in a full line for an owner that has fewer in it, up to an even share", async () => {
    const { semaphore, clock } = setup({ queueLimit: 4 });
    const first = await mustHold(semaphore.acquire(undefined, "crowd"));
    const order: string[] = [];
    const wait = async (owner: string, name: string): Promise<void> => {
      const answer = await semaphore.acquire(undefined, owner);
      order.push(`${name} ${answer.status}`);
      if (answer.status === "held") answer[Symbol.dispose]();
    };
    const crowd = [1, 2, 3, 4].map((number) => wait("crowd", `crowd ${number}`));
    const other = [1, 2, 3].map((number) => wait("other", `other ${number}`));
    await new Promise(setImmediate);
    expect(order.toSorted()).toEqual(["crowd 3 full", "crowd 4 full", "other 3 full"]);
    expect(semaphore.usage()).toEqual({ held: 1, waiting: 4 });
    first[Symbol.dispose]();
    await Promise.all([...crowd, ...other]);
    expect(order.slice(3)).toEqual(["crowd 1 held", "other 1 held", "crowd 2 held", "other 2 held"]);
    expect(clock.pending()).toBe(0);
  });

  test("judges when to come back by how long places were held lately", async () => {
    const { semaphore, clock } = setup({ queueLimit: 1 });
    const lease = await mustHold(semaphore.acquire());
    clock.advance(300);
    lease[Symbol.dispose]();
    await mustHold(semaphore.acquire());
    void semaphore.acquire();
    expect(await semaphore.acquire()).toEqual({ status: "full", retryAfterMs: 600 });
  });

  test("never has more holders than places, nor loses one, whatever happens", async () => {
    const action = fc.constantFrom("acquire", "release", "abort", "advance");
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(action, { maxLength: 60 }), async (places, actions) => {
        const { semaphore, clock } = setup({ places, queueLimit: 3, queueWaitMs: 5 });
        const leases: Lease[] = [];
        const aborts: AbortController[] = [];
        for (const name of actions) {
          if (name === "acquire") {
            const controller = new AbortController();
            aborts.push(controller);
            semaphore.acquire(controller.signal).then(
              (answer) => (answer.status === "held" ? leases.push(answer) : 0),
              () => 0,
            );
          }
          if (name === "release") leases.shift()?.[Symbol.dispose]();
          if (name === "abort") aborts.shift()?.abort();
          if (name === "advance") clock.advance(2);
          await new Promise(setImmediate);
          expect(semaphore.usage().held).toBe(leases.length);
          expect(leases.length).toBeLessThanOrEqual(places);
        }
        while (leases.length > 0) {
          leases.shift()?.[Symbol.dispose]();
          await new Promise(setImmediate);
        }
        expect(semaphore.usage()).toEqual({ held: 0, waiting: 0 });
        expect(clock.pending()).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
