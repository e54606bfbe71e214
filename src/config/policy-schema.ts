import { RATE_LIMIT } from "./quota-keys.ts";
import { bytes, duration, integer, listOf, MAX_DURATION_MS, section, toggle } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";

const MIB = 1024 ** 2;
const MAX_CACHE_BYTES = 64 * 1024 * MIB;
/** The places are allocated at once. */
const MAX_CACHE_ENTRIES = 1_000_000;

/** Keys of a server that say what the gateway does around its calls, and their defaults. */
export const POLICY_KEYS = {
  rateLimit: RATE_LIMIT,
  cache: section(
    "Keep answers and give them again, to the same client only: how long, or `{ttl, tools, maxBytes, maxEntries}`; off when missing.",
    {
      ttl: duration("How long an answer is given again.", 60_000),
      tools: listOf("The tools whose answers are kept, whatever they do; all that only read when missing.", {
        description: "A name; `*` stands for any characters.",
        type: "string",
        minLength: 1,
      }),
      maxBytes: {
        description: "The most this server's answers may take of the cache; the whole when missing.",
        type: ["number", "string"],
        quantity: { unit: "bytes", min: 1, max: MAX_CACHE_BYTES },
      } satisfies SchemaNode,
      maxEntries: integer(
        "The most answers of this server that are kept; as many as the cache takes when missing.",
        1,
        MAX_CACHE_ENTRIES,
        {},
      ),
    },
    {
      type: ["number", "string", "boolean", "object"],
      quantity: { unit: "duration", min: 1, max: MAX_DURATION_MS },
      strictKeys: true,
    },
  ),
  coalesce: toggle("Let identical reads of one client that are in flight share one call.", true, {}),
  retry: section(
    "Further attempts of a read, or of a call that was never sent, or `{attempts, base, max}`; false for none.",
    {
      attempts: integer("Further attempts after the first.", 0, 10, { default: 2 }),
      base: duration("Upper bound of the first wait; it doubles with each.", 100),
      max: duration("Upper bound of every wait.", 2_000),
    },
    { type: ["integer", "boolean", "object"], minimum: 0, maximum: 10 },
  ),
  breaker: section(
    "When calls of a server that keeps failing are refused unsent; false for never.",
    {
      failures: integer("Failures in a row that open it.", 1, 1_000_000, { default: 5 }),
      errorRate: {
        description: "Share of failures that opens it.",
        type: "number",
        minimum: 0.01,
        maximum: 1,
        default: 0.5,
      } as const satisfies SchemaNode,
      minCalls: integer("Calls within `window` that the share needs.", 1, 1_000_000, { default: 10 }),
      window: duration("The time that the share is of.", 60_000, { min: 1_000 }),
      open: duration("How long calls are refused before one is let through to probe.", 30_000),
    },
    { type: ["boolean", "object"] },
  ),
} as const;

/** Keys of `cache`, and their defaults. */
export const CACHE_KEYS = {
  maxBytes: bytes("The most that the kept answers of all servers take.", 64 * MIB, { min: 1, max: MAX_CACHE_BYTES }),
  maxEntries: integer("The most answers that are kept.", 1, MAX_CACHE_ENTRIES, { default: 10_000 }),
} as const;
