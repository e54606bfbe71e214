import { connect, createServer, type Server } from "node:net";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "../../src/lib/log.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { CallSettlement } from "../../src/store/journal.ts";
import { connectRedis, type RedisConnection } from "../../src/store/redis/connect-redis.ts";
import { createRedisEventFeed } from "../../src/store/redis/redis-event-feed.ts";
import { createRedisStores } from "../../src/store/redis/create-redis-stores.ts";
import { call, run } from "../support/records.ts";
import { askRedis, startRedis, type RedisServer, type RedisServerOptions } from "../support/redis-server.ts";

const SETTLED: CallSettlement = { outcome: "ok", settledAtMs: 3, order: 1, resultJson: "1", error: undefined };
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  closing.push(() => server.close());
  return server;
}

async function open(url: string, log: Log = silentLog): Promise<RedisConnection> {
  const connection = await connectRedis({ url, prefix: "test:", log });
  closing.push(() => connection.close());
  return connection;
}

/** A log that keeps its lines. */
function keepingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
}

describe("when the Redis server is killed and starts again", () => {
  it("what was acknowledged is there, and what waited is done once", async () => {
    const server = await start({ appendonly: true });
    const connection = await open(server.url);
    const stores = createRedisStores({ connection });
    const feed = createRedisEventFeed(connection);
    closing.push(() => feed.close());
    const watched = collect(feed.watch("run_0", 0, new AbortController().signal));
    const ids = Array.from({ length: 60 }, (_, at) => `run_${at}`);
    const acknowledged: string[] = [];
    // Each run goes its whole way, while the server comes and goes.
    const work = ids.map(async (id) => {
      expect(await stores.runs.insert(run(id), { key: id, digest: "d" })).toBeUndefined();
      acknowledged.push(id);
      expect(await stores.runs.take(id, ["queued"], 5)).toEqual({ attempt: 1, startedAtMs: 5 });
      for (let seq = 1; seq <= 20; seq++) {
        await stores.journal.begin(call(id, seq, { attempt: 1 }));
        await feed.append(id, [String(seq)], false);
        await stores.journal.settle({ runId: id, seq, attempt: 1 }, SETTLED);
      }
      expect(await stores.runs.update(id, ["running"], { status: "succeeded", endedAtMs: 9 }, 1)).toBe(true);
      await feed.append(id, ["end"], true);
    });
    for (let time = 0; time < 3; time++) {
      await server.kill();
      const late = stores.runs.get("run_0");
      await server.restart();
      await late;
      const known = await Promise.all(acknowledged.map((id) => stores.runs.get(id)));
      expect(known).not.toContain(undefined);
    }
    await Promise.all(work);
    for (const id of ids) {
      expect(await stores.runs.get(id)).toMatchObject({ status: "succeeded", attempt: 1 });
      expect((await stores.journal.list(id)).map(({ outcome }) => outcome)).toEqual(ids.slice(0, 20).map(() => "ok"));
      expect(await feed.size(id)).toBe(21);
    }
    expect(await watched).toEqual([...Array.from({ length: 20 }, (_, at) => String(at + 1)), "end"]);
  });

  it("says so once, whatever the number of commands, and once that it is back", async () => {
    const server = await start();
    const log = keepingLog();
    const connection = await open(server.url, log);
    connection.open();
    log.lines.length = 0;
    await server.kill();
    const waiting = Array.from({ length: 10 }, () => connection.client.get("x"));
    await server.restart();
    await Promise.all(waiting);
    await expect.poll(() => log.lines.length).toBe(2);
    expect(log.lines[0]).toMatch(/^error Redis cannot be reached: work waits until it can /u);
    expect(log.lines[1]).toMatch(/^info Redis can be reached again /u);
  });
});

describe("a write whose answer is lost", () => {
  it("is done once though it is sent again", async () => {
    const server = await start();
    const proxy = await forgetfulProxy(server.port);
    const connection = await open(`redis://127.0.0.1:${proxy.port}`);
    const stores = createRedisStores({ connection });
    const feed = createRedisEventFeed(connection);
    const name = { runId: "run_1", seq: 1, attempt: 1 };
    const lost = async <T>(work: () => Promise<T>): Promise<T> => {
      proxy.forgetNextAnswer();
      return work();
    };
    expect(await lost(() => stores.runs.insert(run("run_1"), { key: "k", digest: "d" }))).toBeUndefined();
    expect(await lost(() => stores.runs.take("run_1", ["queued"], 5))).toEqual({ attempt: 1, startedAtMs: 5 });
    await lost(() => stores.journal.begin(call("run_1", 1, { attempt: 1 })));
    await lost(() => stores.journal.ask(name, { askedAtMs: 1, expiresAtMs: 2 }));
    await lost(() => stores.journal.begin(call("run_1", 1, { attempt: 1 })));
    await lost(() => stores.journal.settle(name, SETTLED));
    await lost(() => stores.journal.record(call("run_1", 2, { attempt: 1 }), SETTLED));
    await lost(() => stores.results.put("run_1", Buffer.from("[1]")));
    await lost(async () => Promise.all(["a", "b", "c"].map((text) => feed.append("run_1", [text], text === "c"))));
    expect(await lost(() => stores.runs.update("run_1", ["running"], { status: "failed", endedAtMs: 6 }, 1))).toBe(
      true,
    );
    expect(await stores.runs.get("run_1")).toMatchObject({ status: "failed", attempt: 1 });
    expect((await stores.journal.list("run_1")).map(({ outcome }) => outcome)).toEqual(["ok", "ok"]);
    expect((await stores.results.get("run_1"))?.bytes).toBe(3);
    expect(await feed.size("run_1")).toBe(3);
    expect(proxy.forgotten()).toBe(10);
    await feed.close();
  });
});

describe("connecting to Redis", () => {
  const SECRET = "hunter2secret";

  it("is refused with what to do when nobody answers, without the password", async () => {
    const server = await start();
    await server.kill();
    const log = keepingLog();
    const failure: unknown = await connectRedis({
      url: `redis://ann:${SECRET}@127.0.0.1:${server.port}/2`,
      prefix: "",
      log,
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "CONFIG_INVALID",
      message: `Cannot connect to Redis as the server at 127.0.0.1:${server.port} must answer: it says "connect ECONNREFUSED 127.0.0.1:${server.port}".`,
      context: { hint: expect.stringContaining("redis.url") as string },
    });
    expect(JSON.stringify([failure, String(failure), log.lines])).not.toContain(SECRET);
  });

  it("is refused with a wrong password, which is not told, and succeeds with the right one", async () => {
    const server = await start();
    await askRedis(server.port, "CONFIG SET requirepass right");
    const { url } = server;
    const log = keepingLog();
    const failure: unknown = await connectRedis({ url: url.replace("//", `//:${SECRET}@`), prefix: "", log }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("WRONGPASS") as string });
    expect(JSON.stringify([failure, String(failure), log.lines])).not.toContain(SECRET);
    const connection = await open(url.replace("//", "//:right@"));
    expect(await connection.client.ping()).toBe("PONG");
  });

  it.each(["", "http://localhost", "localhost:6379", "redis://"])("is refused with the URL %j", async (url) => {
    await expect(connectRedis({ url, prefix: "", log: silentLog })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  it("is refused to a server that is too old", async () => {
    const server = await start();
    const proxy = await forgetfulProxy(server.port, (text) => text.replace(/redis_version:\d/u, "redis_version:6"));
    await expect(open(`redis://127.0.0.1:${proxy.port}`)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/must be 7 or later: current value is "6\./u) as string,
    });
  });

  it("warns of a server that evicts, and of one that keeps nothing", async () => {
    const server = await start({ settings: { "maxmemory-policy": "allkeys-lru" } });
    const log = keepingLog();
    await open(server.url, log);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn Redis may evict runs .*"policy":"allkeys-lru"/u) as string,
      expect.stringMatching(/^warn Redis loses runs when it ends/u) as string,
    ]);
  });

  it("can be closed twice, also while the server is away", async () => {
    const server = await start();
    const connection = await open(server.url);
    connection.open();
    await server.kill();
    await connection.close();
    await connection.close();
    await expect(askRedis(server.port, "PING")).rejects.toThrow("ECONNREFUSED");
  });
});

async function collect(events: AsyncIterable<{ readonly json: string }>): Promise<string[]> {
  const found: string[] = [];
  for await (const { json } of events) found.push(json);
  return found;
}

interface Proxy {
  readonly port: number;
  /** Cuts the connection in place of the next answer. */
  forgetNextAnswer(): void;
  readonly forgotten: () => number;
}

/** Stands between a client and a server. @param change What becomes of each answer; of the same length. */
async function forgetfulProxy(port: number, change?: (text: string) => string): Promise<Proxy> {
  let forgets = false;
  let forgotten = 0;
  const proxy: Server = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on("error", end).on("close", end);
    client.on("data", (bytes: Buffer) => server.write(bytes));
    server.on("data", (bytes: Buffer) => {
      if (forgets) {
        forgets = false;
        forgotten++;
        end();
      } else {
        client.write(change === undefined ? bytes : change(bytes.toString()));
      }
    });
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  closing.push(async () => void proxy.close());
  return {
    port: address.port,
    forgetNextAnswer: () => {
      forgets = true;
    },
    forgotten: () => forgotten,
  };
}
