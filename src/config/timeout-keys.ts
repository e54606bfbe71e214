import { duration, mapOf, MAX_DURATION_MS, section } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";

const TIMEOUT = { type: ["number", "string"], quantity: { unit: "duration", min: 1, max: MAX_DURATION_MS } } as const;
const CALL = { ...TIMEOUT, description: "Longest one call may take." } as const satisfies SchemaNode;
const IDLE = {
  ...TIMEOUT,
  description: "Longest silence of a call; each report of progress starts it anew. None when missing.",
} as const satisfies SchemaNode;
const MIXED = { type: ["number", "string", "object"], quantity: TIMEOUT.quantity, strictKeys: true } as const;

/** Keys that say how long calls may take, and their default. */
export const TIMEOUT_KEYS = {
  /** For all servers that say nothing else. */
  all: section(
    "Longest one call may take, of servers that say nothing else; or `{call, idle}`.",
    { call: duration(CALL.description, 60_000), idle: IDLE },
    MIXED,
  ),
  server: section(
    "Longest one call may take, or `{call, idle, tools}`.",
    {
      call: CALL,
      idle: IDLE,
      tools: mapOf("Longest call by tool; `*` stands for any characters, the first that matches counts.", CALL),
    },
    MIXED,
  ),
} as const;
