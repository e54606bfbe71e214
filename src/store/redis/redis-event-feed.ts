import type { Redis } from "ioredis";
import type { EventFeed, FeedEvent } from "../event-feed.ts";
import { storeClosed } from "../refusals.ts";
import type { RedisConnection } from "./connect-redis.ts";
import { FieldReader, membersOf, pairsOf } from "./fields.ts";
import { ScriptRunner, type RedisScript } from "./script.ts";
import { createWakeUps, type WakeUps } from "./wake-ups.ts";

/** Events of a run that is not stored, and never is, are forgotten after this. */
const ORPHAN_MS = 86_400_000;
/** Id of the entry that says that nothing follows: after all events, whose ids are `0-1`, `0-2`, … */
const END = "1-0";
/** How many events are read at once. */
const PAGE = 100;

/**
 * ARGV: runId, token, '1' for the last or '0', events. What comes after the last is dropped. The last entry of each batch names
 * it, so that one that is sent again is known.
 */
const APPEND: RedisScript = {
  name: "runletAppendEvents",
  lua: `
local P, id, token, isLast = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local stream = P .. 'v:' .. id
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
if last then
  if last[1] == '${END}' then return 0 end
  local fields = last[2]
  local writer, count = (fields[3] == 't' and fields[4] or ''):match('^(.*):(%d+)$')
  local mine, number = token:match('^(.*):(%d+)$')
  if writer == mine and tonumber(count) >= tonumber(number) then return 0 end
end
for at = 5, #ARGV do
  if at == #ARGV then
    redis.call('XADD', stream, '0-*', 'e', ARGV[at], 't', token)
  else
    redis.call('XADD', stream, '0-*', 'e', ARGV[at])
  end
end
if isLast then redis.call('XADD', stream, '${END}', 'l', '1') end
if not last and redis.call('EXISTS', P .. 'r:' .. id) == 0 then redis.call('PEXPIRE', stream, ${ORPHAN_MS}) end
redis.call('PUBLISH', P .. 'e:' .. id, '1')
return 1`,
};

/** ARGV: runId. */
const SIZE: RedisScript = {
  name: "runletCountEvents",
  lua: `
local stream = ARGV[1] .. 'v:' .. ARGV[2]
return redis.call('XLEN', stream) - #redis.call('XRANGE', stream, '${END}', '${END}')`,
};

interface FeedPage {
  readonly events: readonly FeedEvent[];
  /** Nothing follows. */
  readonly isLast: boolean;
}

/**
 * Events in Redis: a stream for each run. All watchers of a process share one connection more, over which Redis says that there
 * is something new; what it is they read, so that one that comes late or lost the connection misses nothing.
 */
export function createRedisEventFeed(connection: RedisConnection): EventFeed {
  const scripts = new ScriptRunner(connection);
  const closing = new AbortController();
  let subscriber: Redis | undefined;
  let wakeUps: WakeUps | undefined;

  /** Processes that watch nothing need no second connection. */
  function wakes(): WakeUps {
    subscriber ??= connection.open();
    return (wakeUps ??= createWakeUps(subscriber, `${connection.prefix}e:`));
  }

  async function read(runId: string, afterId: number): Promise<FeedPage> {
    const key = `${connection.prefix}v:${runId}`;
    const reply = await scripts.use("read events", () =>
      scripts.client.xrange(key, `(0-${afterId}`, "+", "COUNT", PAGE),
    );
    const entries = membersOf(reply).map((entry) => membersOf(entry));
    const isLast = entries.at(-1)?.[0] === END;
    return { events: (isLast ? entries.slice(0, -1) : entries).map(toEvent), isLast };
  }

  async function* watch(
    runId: string,
    afterId: number,
    signal: AbortSignal,
  ): AsyncGenerator<FeedEvent, void, undefined> {
    if (closing.signal.aborted) throw storeClosed("watch events");
    const ended = AbortSignal.any([signal, closing.signal]);
    using wake = wakes().watch(runId, ended);
    await wake.ready();
    for (let lastId = afterId; !ended.aborted;) {
      wake.reset();
      const { events, isLast } = await read(runId, lastId);
      for (const event of events) {
        if (ended.aborted) return;
        yield event;
        lastId = event.id;
      }
      if (isLast) return;
      if (events.length < PAGE) await wake.next();
    }
  }

  return {
    async append(runId, events, isLast) {
      if (events.length === 0 && !isLast) return;
      await scripts.run("append events", APPEND, runId, scripts.token(), isLast ? "1" : "0", ...events);
    },
    watch,
    async size(runId) {
      return Number(await scripts.run("count events", SIZE, runId));
    },
    async close() {
      closing.abort();
      scripts.close();
      subscriber?.disconnect();
    },
  };
}

function toEvent(entry: readonly unknown[]): FeedEvent {
  const [id, fields] = entry;
  const read = new FieldReader("an event", new Map([...pairsOf(fields), ["id", String(id).slice("0-".length)]]));
  return { id: read.number("id"), json: read.text("e") };
}
