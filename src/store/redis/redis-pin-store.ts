import { isRecord } from "../../lib/guards.ts";
import type { PinKey, PinRecord, PinStore } from "../pin-store.ts";
import { FieldReader } from "./fields.ts";
import type { RedisScript, ScriptRunner } from "./script.ts";

/** ARGV: how many are removed, their names, then name and JSON of each that is written. */
const SAVE: RedisScript = {
  name: "runletSavePins",
  lua: `
local key, removed = ARGV[1] .. 'p', tonumber(ARGV[2])
for at = 3, 2 + removed do redis.call('HDEL', key, ARGV[at]) end
for at = 3 + removed, #ARGV, 2 do redis.call('HSET', key, ARGV[at], ARGV[at + 1]) end
return 1`,
};

/** Pins in Redis, for all processes: one hash. */
export class RedisPinStore implements PinStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async list(): Promise<readonly PinRecord[]> {
    const { client, prefix } = this.#scripts;
    const records = (await this.#scripts.use("list pins", () => client.hvals(`${prefix}p`))).map(toPin);
    return records.sort((a, b) => compare(a.server, b.server) || compare(a.kind, b.kind));
  }

  async get(key: PinKey): Promise<PinRecord | undefined> {
    const { client, prefix } = this.#scripts;
    const json = await this.#scripts.use("read a pin", () => client.hget(`${prefix}p`, nameOf(key)));
    return json === null ? undefined : toPin(json);
  }

  async save(written: readonly PinRecord[], removed: readonly PinKey[] = []): Promise<void> {
    const kept = written.flatMap(({ server, kind, digest, atMs, approvedBy, listing }) => [
      nameOf({ server, kind }),
      JSON.stringify({ server, kind, digest, atMs, approvedBy, listing }),
    ]);
    await this.#scripts.run("save pins", SAVE, removed.length, ...removed.map(nameOf), ...kept);
  }
}

function nameOf({ server, kind }: PinKey): string {
  return JSON.stringify([server, kind]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function toPin(json: string): PinRecord {
  const read = new FieldReader("a pin", new Map([["pin", json]]));
  const value = read.json("pin");
  const isPin =
    isRecord(value) &&
    ["server", "digest", "listing"].every((member) => typeof value[member] === "string") &&
    (value["kind"] === "approved" || value["kind"] === "listed") &&
    typeof value["atMs"] === "number" &&
    (value["approvedBy"] === undefined || typeof value["approvedBy"] === "string");
  if (!isPin) throw read.damaged("pin", "one");
  const { server, kind, digest, atMs, approvedBy, listing } = value as unknown as PinRecord;
  return { server, kind, digest, atMs, approvedBy, listing };
}
