import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EventFeed, FeedEvent } from "../../../src/store/event-feed.ts";
import type { RedisConnection } from "../../../src/store/redis/connect-redis.ts";
import { createRedisEventFeed } from "../../../src/store/redis/redis-event-feed.ts";
import { createRedisStores } from "../../../src/store/redis/create-redis-stores.ts";
import { openRedis } from "../../support/redis-connections.ts";
import { run } from "../../support/records.ts";

const never = new AbortController().signal;

async function all(events: AsyncIterable<FeedEvent>): Promise<FeedEvent[]> {
  const found: FeedEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

describe("an event feed in Redis", () => {
  let connection: RedisConnection;
  let other: RedisConnection;
  let feed: EventFeed;
  let elsewhere: EventFeed;
  beforeEach(async () => {
    connection = await openRedis();
    other = await openRedis(connection.prefix);
    feed = createRedisEventFeed(connection);
    elsewhere = createRedisEventFeed(other);
  });
  afterEach(async () => {
    await Promise.all([feed.close(), elsewhere.close()]);
    await Promise.all([connection.close(), other.close()]);
  });

  const [a, b, c] = [
    { id: 1, json: '"a"' },
    { id: 2, json: '"ä\\u0000😀"' },
    { id: 3, json: "[]" },
  ] as const;

  it("gives a watcher that comes late what there was, and ends after the last", async () => {
    await feed.append("run_1", [a.json, b.json], false);
    await feed.append("run_1", [c.json], true);
    expect(await all(elsewhere.watch("run_1", 0, never))).toEqual([a, b, c]);
    expect(await all(elsewhere.watch("run_1", 2, never))).toEqual([c]);
    expect(await all(elsewhere.watch("run_1", 3, never))).toEqual([]);
    expect(await feed.size("run_1")).toBe(3);
    expect(await feed.size("run_0")).toBe(0);
  });

  it("gives watchers in another process what comes", async () => {
    const watched = elsewhere.watch("run_1", 0, never);
    const first = watched.next();
    await feed.append("run_1", [a.json], false);
    expect(await first).toEqual({ done: false, value: a });
    const second = watched.next();
    await feed.append("run_1", [b.json], false);
    expect(await second).toEqual({ done: false, value: b });
    await feed.append("run_1", [], true);
    expect(await all(watched)).toEqual([]);
    expect(await feed.size("run_1")).toBe(2);
  });

  it("keeps the order of what is appended without waiting, each run apart", async () => {
    const texts = Array.from({ length: 500 }, (_, at) => String(at));
    await Promise.all(texts.map((text, at) => feed.append(`run_${at % 2}`, [text], at >= 498)));
    for (const parity of [0, 1]) {
      const events = await all(elsewhere.watch(`run_${parity}`, 0, never));
      expect(events.map(({ json }) => json)).toEqual(texts.filter((_, at) => at % 2 === parity));
      expect(events.map(({ id }) => id)).toEqual(events.map((_, at) => at + 1));
    }
  });

  it("ends a watcher at its signal, and all when it is closed", async () => {
    const gone = new AbortController();
    const one = all(feed.watch("run_1", 0, gone.signal));
    const another = all(feed.watch("run_1", 0, never));
    gone.abort();
    expect(await one).toEqual([]);
    await feed.close();
    await feed.close();
    expect(await another).toEqual([]);
    await expect(feed.append("run_1", ["1"], false)).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("needs one connection more for a thousand watchers of as many runs", async () => {
    const ids = Array.from({ length: 1_000 }, (_, at) => `run_${at}`);
    const before = await connectionsOf(connection);
    const watched = ids.map((id) => all(feed.watch(id, 0, never)));
    await Promise.all(ids.map((id) => elsewhere.append(id, ["1"], false)));
    expect(await connectionsOf(connection)).toBeLessThanOrEqual(before + 1);
    await Promise.all(ids.map((id) => elsewhere.append(id, ["2"], true)));
    for (const events of await Promise.all(watched)) expect(events.map(({ json }) => json)).toEqual(["1", "2"]);
  });

  it("loses nothing when the connection is lost", async () => {
    const watched = feed.watch("run_1", 0, never);
    const first = watched.next();
    await elsewhere.append("run_1", [a.json], false);
    await first;
    const rest = all(watched);
    for (let time = 0; time < 5; time++) {
      await other.client.call("CLIENT", "KILL", "TYPE", "PUBSUB");
      await elsewhere.append("run_1", [String(time)], false);
      await other.client.call("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "yes");
      await elsewhere.append("run_1", ["x"], time === 4);
    }
    const texts = (await rest).map(({ json }) => json);
    expect(texts).toEqual([0, 1, 2, 3, 4].flatMap((time) => [String(time), "x"]));
  });

  it("drops the events of a run with the run, and forgets those of one that never was after a day", async () => {
    const stores = createRedisStores({ connection });
    await feed.append("run_1", [a.json], false);
    expect(await connection.client.ttl(`${connection.prefix}v:run_1`)).toBeGreaterThan(80_000);
    await stores.runs.insert(run("run_1"));
    expect(await connection.client.ttl(`${connection.prefix}v:run_1`)).toBe(-1);
    await stores.runs.update("run_1", ["queued"], { status: "failed", endedAtMs: 1 });
    await stores.prune(2);
    expect(await connection.client.keys(`${connection.prefix}*`)).toEqual([]);
  });
});

async function connectionsOf({ client }: RedisConnection): Promise<number> {
  return Number(/^connected_clients:(\d+)/mu.exec(await client.info("clients"))?.[1]);
}
