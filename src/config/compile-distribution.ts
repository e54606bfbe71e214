import type { RedisConfig, RetentionConfig } from "./config.ts";
import { REDIS_KEYS, RETENTION_KEYS, ROLE } from "./distribution-keys.ts";
import type { DistributionOptions, Role } from "./distribution-keys.ts";
import type { FaultReport } from "./fault-report.ts";
import { MIN_SECRET_CHARS } from "./secret-names.ts";
import { parseDuration } from "./units.ts";

/** The Redis of a configuration. @returns `undefined` where none is named. */
export function compileRedis({ redis }: DistributionOptions, report: FaultReport): RedisConfig | undefined {
  const { url = "", prefix = REDIS_KEYS.prefix.default } = typeof redis === "string" ? { url: redis } : (redis ?? {});
  if (url === "") return undefined;
  const isAddress = /^rediss?:\/\/[^/]/iu.test(url) && URL.canParse(url);
  if (!isAddress && !/^\/[^/]/u.test(url)) {
    const path = typeof redis === "string" ? ["redis"] : ["redis", "url"];
    const rule = "must be an address that begins with redis:// or rediss://, or the path of a socket";
    report({ path, rule, value: url, remedy: "Write redis://HOST:6379." });
  }
  return { url, prefix };
}

/** What must never be shown of a Redis: its password, also as it reads when it is decoded. */
export function secretsOfRedis(redis: RedisConfig | undefined): readonly string[] {
  if (redis === undefined || !URL.canParse(redis.url)) return [];
  const { password } = new URL(redis.url);
  const decoded = decodedOf(password);
  return [password, decoded].filter((text) => text.length >= MIN_SECRET_CHARS);
}

/** A text that is not encoded at all stays as it is. */
function decodedOf(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What this process does; without a Redis there is nothing to share. */
export function compileRole(
  { role = ROLE.default }: DistributionOptions,
  redis: RedisConfig | undefined,
  report: FaultReport,
): Role {
  if (role !== "all" && redis === undefined) {
    const remedy = "Write redis.url, which all processes of the service share, or leave role out.";
    report({ path: ["role"], rule: "must be all where redis.url is not set", value: role, remedy });
  }
  return role;
}

/** How long what ended is kept. */
export function compileRetention({ retention = {} }: DistributionOptions): RetentionConfig {
  return { runsMs: parseDuration(retention.runs ?? "") ?? RETENTION_KEYS.runs.default };
}
