import { isRecord } from "../lib/guards.ts";

/** A key that has a meaning for Runlet or for its like, and none in this version. */
export interface UnsupportedKey {
  /** Key path; `*` stands for any one key. */
  readonly path: string;
  /** Why the key cannot just be ignored; absent when it can. */
  readonly danger?: string;
  /** Whether the value asks for nothing that could be missed; such a value is dropped in silence. */
  readonly harmless?: (value: unknown) => boolean;
  /** What to do. @default "Remove it." */
  readonly remedy?: string;
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === "" || value === false || (Array.isArray(value) && value.length === 0);

const isOff = (value: unknown): boolean =>
  isEmpty(value) || value === "off" || (isRecord(value) && value["enabled"] === false);

/** Keys of servers that others know and that can be ignored. */
const IGNORED_SERVER_KEYS = ["envFile", "dev", "autoApprove", "alwaysAllow", "description"] as const;

function serverKeys(section: string): UnsupportedKey[] {
  const at = (key: string): string => `${section}.*.${key}`;
  return IGNORED_SERVER_KEYS.map((key) => ({ path: at(key) }));
}

/** Ignoring one that has a `danger` would weaken safety or durability, so it is an error; the others are warnings. */
export const UNSUPPORTED_KEYS: readonly UnsupportedKey[] = [
  { path: "rateLimit", danger: "clients would not be limited", harmless: isEmpty },
  { path: "rateLimits", danger: "clients would not be limited", harmless: isEmpty },
  {
    path: "oauth",
    danger: "callers would not be authenticated by it",
    harmless: isOff,
    remedy: "Write auth.issuers, or use clients with keys.",
  },
  ...["mcpServers", "servers"].flatMap(serverKeys),
  { path: "models", remedy: "Write model." },
  { path: "discovery" },
  { path: "retry", remedy: "Write it for each server." },
  { path: "breaker", remedy: "Write it for each server." },
];
