import { resultGone, resultWithoutRun } from "../refusals.ts";
import { RESULT_PART_BYTES, type ResultStore, type StoredResult } from "../result-store.ts";
import type { RedisScript, ScriptRunner } from "./script.ts";

/** A result whose write was not finished is forgotten after this. */
const UNFINISHED_MS = 3_600_000;

/** ARGV: runId, token, number of the part, part, bytes of the whole if it is the last or ''. Gives 0 when there is no such run. */
const PUT_PART: RedisScript = {
  name: "runletPutPart",
  lua: `
local P, id, token = ARGV[1], ARGV[2], ARGV[3]
local kept, written = P .. 'b:' .. id, P .. 'w:' .. id .. ':' .. token
if redis.call('HGET', kept, 'token') == token then return 1 end
if redis.call('EXISTS', P .. 'r:' .. id) == 0 then
  redis.call('UNLINK', written)
  return 0
end
redis.call('HSET', written, ARGV[4], ARGV[5])
if ARGV[6] == '' then
  redis.call('PEXPIRE', written, ${UNFINISHED_MS})
else
  redis.call('HSET', written, 'bytes', ARGV[6], 'token', token)
  redis.call('UNLINK', kept)
  redis.call('RENAME', written, kept)
  redis.call('PERSIST', kept)
end
return 1`,
};

/** Results in Redis: one hash each, whose fields are its parts, so that nothing else waits for long. */
export class RedisResultStore implements ResultStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async put(runId: string, json: Uint8Array): Promise<void> {
    const token = this.#scripts.token();
    const parts = Math.max(1, Math.ceil(json.byteLength / RESULT_PART_BYTES));
    for (let part = 0; part < parts; part++) {
      const content = Buffer.from(json.subarray(part * RESULT_PART_BYTES, (part + 1) * RESULT_PART_BYTES));
      const bytes = part === parts - 1 ? json.byteLength : "";
      const kept = await this.#scripts.run("keep a result", PUT_PART, runId, token, part, content, bytes);
      if (kept !== 1) throw resultWithoutRun(runId);
    }
  }

  async get(runId: string): Promise<StoredResult | undefined> {
    const { client } = this.#scripts;
    const [bytes, token] = await this.#scripts.use("read a result", () =>
      client.hmget(this.#key(runId), "bytes", "token"),
    );
    if (typeof bytes !== "string" || typeof token !== "string") return undefined;
    return { bytes: Number(bytes), parts: () => this.#parts(runId, Number(bytes), token) };
  }

  async delete(runId: string): Promise<void> {
    await this.#scripts.use("delete a result", () => this.#scripts.client.unlink(this.#key(runId)));
  }

  async *#parts(runId: string, bytes: number, token: string): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const { client } = this.#scripts;
    for (let part = 0; part * RESULT_PART_BYTES < bytes; part++) {
      const [current, content] = await this.#scripts.use("read a result", () =>
        client.hmgetBuffer(this.#key(runId), "token", String(part)),
      );
      if (current?.toString() !== token || !(content instanceof Uint8Array)) throw resultGone(runId);
      yield new Uint8Array(content);
    }
  }

  #key(runId: string): string {
    return `${this.#scripts.prefix}b:${runId}`;
  }
}
