import type { Rate } from "../../config/rates.ts";
import type { QuotaStore, QuotaUse } from "../quota-store.ts";
import type { RedisConnection } from "./connect-redis.ts";
import { membersOf } from "./fields.ts";
import { ScriptRunner, type RedisScript } from "./script.ts";

/** ARGV: key, periodMs, amount. */
const USE: RedisScript = {
  name: "runletUseQuota",
  lua: `
local key = ARGV[1] .. 'u:' .. ARGV[3] .. ':' .. ARGV[2]
local used, left
if ARGV[4] == '0' then
  used, left = tonumber(redis.call('GET', key) or '0'), redis.call('PTTL', key)
else
  used = redis.call('INCRBY', key, ARGV[4])
  left = redis.call('PTTL', key)
  if left < 0 then redis.call('PEXPIRE', key, ARGV[3]) end
end
return {used, left < 0 and tonumber(ARGV[3]) or left}`,
};

/**
 * Counts in Redis, for all processes together and by Redis's clock. What is counted while the connection is lost may count
 * twice.
 */
export function createRedisQuotaStore(connection: Pick<RedisConnection, "client" | "prefix">): QuotaStore {
  const scripts = new ScriptRunner(connection);
  async function use(key: string, { periodMs }: Rate, amount: number): Promise<QuotaUse> {
    const [used, resetMs] = membersOf(await scripts.run("count a quota", USE, key, periodMs, Math.ceil(amount)));
    return { used: Math.max(0, Number(used)), resetMs: Number(resetMs) };
  }
  return {
    async take(key, rate) {
      const used = await use(key, rate, 1);
      return { granted: used.used <= rate.limit, ...used };
    },
    add: use,
    read: (key, rate) => use(key, rate, 0),
  };
}
