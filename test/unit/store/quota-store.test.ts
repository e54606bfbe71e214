import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createMemoryQuotaStore } from "../../../src/store/memory/memory-quota-store.ts";
import type { QuotaStore } from "../../../src/store/quota-store.ts";
import { createRedisQuotaStore } from "../../../src/store/redis/redis-quota-store.ts";
import { openRedis } from "../../support/redis-connections.ts";

const RATE = { limit: 2, periodMs: 60_000 };

interface Opened {
  readonly store: QuotaStore;
  /** Lets time go on for the counts. */
  readonly advance: (ms: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function openMemory(): Promise<Opened> {
  // The library that counts reads the machine's clock.
  vi.useFakeTimers();
  return {
    store: createMemoryQuotaStore(),
    advance: async (ms) => void vi.advanceTimersByTime(ms),
    close: async () => void vi.useRealTimers(),
  };
}

/** Redis has the clock: what is left of each period is made shorter. */
async function openInRedis(): Promise<Opened> {
  const connection = await openRedis();
  const { client, prefix } = connection;
  return {
    store: createRedisQuotaStore(connection),
    async advance(ms) {
      for (const key of await client.keys(`${prefix}*`)) await client.pexpire(key, (await client.pttl(key)) - ms);
    },
    close: () => connection.close(),
  };
}

describe.each([
  ["memory", openMemory],
  ["Redis", openInRedis],
])("quotas in %s", (_, open) => {
  let opened: Opened;
  let store: QuotaStore;
  beforeEach(async () => {
    opened = await open();
    ({ store } = opened);
  });
  afterEach(() => opened.close());

  /** Time goes on in Redis: as much as the test may take is let pass. */
  const near = (ms: number): unknown => expect.toSatisfy((left: number) => left <= ms && left > ms - 9_000);

  test("grant what there is, and say when there is more", async () => {
    expect(await store.take("a", RATE)).toEqual({ granted: true, used: 1, resetMs: near(60_000) });
    await opened.advance(10_000);
    expect(await store.take("a", RATE)).toEqual({ granted: true, used: 2, resetMs: near(50_000) });
    expect(await store.take("a", RATE)).toMatchObject({ granted: false, resetMs: near(50_000) });
    await opened.advance(50_000);
    expect(await store.take("a", RATE)).toEqual({ granted: true, used: 1, resetMs: near(60_000) });
  });

  test("find what is used when the limit is another, and nothing when the period is", async () => {
    for (let time = 0; time < 2; time++) await store.take("a", RATE);
    const more = { ...RATE, limit: 3 };
    expect(await store.read("a", more)).toMatchObject({ used: 2 });
    expect(await store.take("a", more)).toMatchObject({ granted: true, used: 3 });
    expect(await store.take("a", { ...RATE, limit: 1 })).toMatchObject({ granted: false });
    expect(await store.take("a", { ...RATE, periodMs: 100_000 })).toMatchObject({ granted: true, used: 1 });
  });

  test("are kept for each key and each period", async () => {
    expect(await store.add("a", RATE, 5)).toEqual({ used: 5, resetMs: near(60_000) });
    expect(await store.read("a", RATE)).toEqual({ used: 5, resetMs: near(60_000) });
    expect(await store.read("b", RATE)).toEqual({ used: 0, resetMs: 60_000 });
    expect(await store.read("a", { limit: 3, periodMs: 100_000 })).toEqual({ used: 0, resetMs: 100_000 });
  });

  test("are not changed by being read, and are none once their period is over", async () => {
    await store.add("a", RATE, 1);
    for (let time = 0; time < 2; time++) expect(await store.read("a", RATE)).toMatchObject({ used: 1 });
    await opened.advance(61_000);
    expect(await store.read("a", RATE)).toEqual({ used: 0, resetMs: 60_000 });
  });

  test("give the last one to one of two who ask at once", async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => store.take("a", RATE)));
    expect(answers.filter(({ granted }) => granted)).toHaveLength(2);
  });
});

test("quotas in Redis are those of all processes together", async () => {
  const one = await openRedis();
  const other = await openRedis(one.prefix);
  const stores = [createRedisQuotaStore(one), createRedisQuotaStore(other)];
  const answers = await Promise.all(stores.flatMap((store) => [store.take("a", RATE), store.take("a", RATE)]));
  expect(answers.filter(({ granted }) => granted)).toHaveLength(2);
  await Promise.all([one.close(), other.close()]);
});

test("quotas in memory are none once their period is over, also when the timer that forgets them is late", async () => {
  const { store, close } = await openMemory();
  await store.add("a", RATE, 1);
  vi.setSystemTime(Date.now() + 61_000);
  expect(await store.read("a", RATE)).toEqual({ used: 0, resetMs: 60_000 });
  await close();
});

test("quotas in memory leave no timer behind that keeps a process alive", async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  await createMemoryQuotaStore().add("a", RATE, 1);
  expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout")).toHaveLength(before);
});
