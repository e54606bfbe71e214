import { isRecord } from "../../lib/guards.ts";
import type { Observation, ObservationKey, ObservationStore } from "../observation-store.ts";
import { FieldReader, membersOf } from "./fields.ts";
import type { RedisScript, ScriptRunner } from "./script.ts";

/** ARGV: how many are removed, their names, then name, seenAtMs and JSON of each that is written. */
const SAVE: RedisScript = {
  name: "runletSaveObservations",
  lua: `
local P, removed = ARGV[1], tonumber(ARGV[2])
for at = 3, 2 + removed do
  redis.call('HDEL', P .. 'o', ARGV[at])
  redis.call('ZREM', P .. 'z:o', ARGV[at])
end
for at = 3 + removed, #ARGV, 3 do
  redis.call('HSET', P .. 'o', ARGV[at], ARGV[at + 2])
  redis.call('ZADD', P .. 'z:o', ARGV[at + 1], ARGV[at])
end
return 1`,
};

/** ARGV: how many. */
const LIST: RedisScript = {
  name: "runletListObservations",
  lua: `
local P, found = ARGV[1], {}
for _, name in ipairs(redis.call('ZRANGE', P .. 'z:o', '+inf', '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[2])) do
  found[#found + 1] = redis.call('HGET', P .. 'o', name)
end
return found`,
};

/** ARGV: seenBeforeMs. */
const PRUNE: RedisScript = {
  name: "runletPruneObservations",
  lua: `
local P = ARGV[1]
local old = redis.call('ZRANGE', P .. 'z:o', '-inf', '(' .. ARGV[2], 'BYSCORE')
for _, name in ipairs(old) do
  redis.call('HDEL', P .. 'o', name)
  redis.call('ZREM', P .. 'z:o', name)
end
return #old`,
};

/** Observations in Redis, for all processes. */
export class RedisObservationStore implements ObservationStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async list(limit: number): Promise<readonly Observation[]> {
    return membersOf(await this.#scripts.run("list observations", LIST, limit)).map(toObservation);
  }

  async save(written: readonly Observation[], removed: readonly ObservationKey[] = []): Promise<void> {
    const kept = written.flatMap(({ principal, server, tool, digest, shape, seenAtMs }) => {
      const json = JSON.stringify({ principal, server, tool, digest, shape, seenAtMs });
      return [nameOf({ principal, server, tool }), seenAtMs, json];
    });
    await this.#scripts.run("save observations", SAVE, removed.length, ...removed.map(nameOf), ...kept);
  }

  async prune(seenBeforeMs: number): Promise<number> {
    return Number(await this.#scripts.run("prune observations", PRUNE, seenBeforeMs));
  }
}

function nameOf({ principal, server, tool }: ObservationKey): string {
  return JSON.stringify([principal, server, tool]);
}

function toObservation(json: unknown): Observation {
  const read = new FieldReader("an observation", new Map([["observation", json]]));
  const value = read.json("observation");
  const isObservation =
    isRecord(value) &&
    ["principal", "server", "tool", "digest", "shape"].every((member) => typeof value[member] === "string") &&
    typeof value["seenAtMs"] === "number";
  if (!isObservation) throw read.damaged("observation", "one");
  const { principal, server, tool, digest, shape, seenAtMs } = value as unknown as Observation;
  return { principal, server, tool, digest, shape, seenAtMs };
}
