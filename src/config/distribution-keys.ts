import { duration, section, text } from "./schema-nodes.ts";

const DAY_MS = 86_400_000;
const LONGEST_RETENTION = { min: 60_000, max: 3_650 * DAY_MS };

/** Keys of `redis`, and their defaults. */
export const REDIS_KEYS = {
  url: text("Its address: redis://:password@host:6379/0, rediss://… or the path of its socket; empty: none.", {
    secret: true,
    environment: "RUNLET_REDIS_URL",
  }),
  prefix: text("What the names of its keys begin with.", { minLength: 1, default: "runlet" }),
} as const;

/** `redis`: an address, or an object. */
export const REDIS = section(
  "The Redis by which processes share runs, their journals and the queue; an address, or an object.",
  REDIS_KEYS,
  { type: ["string", "object"], strictKeys: true, secret: true },
);

const ROLES = ["all", "api", "worker"] as const;

/** What a process does of the work that processes share. */
export type Role = (typeof ROLES)[number];

/** `role`. */
export const ROLE = text(
  "What this process does of the work shared by `redis`: `api` answers callers, `worker` performs runs, `all` both.",
  { enum: ROLES, default: "all", environment: "RUNLET_ROLE", flag: "role" },
);

/** Keys of `retention`, and their defaults. */
export const RETENTION_KEYS = {
  runs: duration("Ended runs, with their calls and whole results.", 7 * DAY_MS, LONGEST_RETENTION),
} as const;

/** `retention`. */
export const RETENTION = section("How long what ended is kept.", RETENTION_KEYS, { strictKeys: true });

/** What people write of them. */
export interface DistributionOptions {
  readonly redis?: string | { readonly url?: string; readonly prefix?: string };
  readonly role?: Role;
  /** Milliseconds, or text such as `"7d"`. */
  readonly retention?: { readonly runs?: number | string };
}
