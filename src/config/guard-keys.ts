import { text } from "./schema-nodes.ts";

/** What is done about tools that changed, or whose text is suspicious: nothing, told, or told and not served. */
export type GuardMode = "off" | "warn" | "block";

const MODES = ["off", "warn", "block"] as const satisfies readonly GuardMode[];
const PINNING = "What is done about tools that changed since they were approved: `block` withholds them.";
const SCAN = "What is done about suspicious text in tools, such as hidden orders to the model: `block` withholds them.";

/** Keys of the top level, and their defaults. */
export const GUARD_KEYS = {
  pinning: text(PINNING, { enum: MODES, default: "warn" }),
  scan: text(SCAN, { enum: MODES, default: "warn" }),
} as const;

/** The same keys of one server. */
export const SERVER_GUARD_KEYS = {
  pinning: text(`${PINNING} The top level's when missing.`, { enum: MODES }),
  scan: text(`${SCAN} The top level's when missing.`, { enum: MODES }),
} as const;

/** What people write of it, at the top level or of one server. */
export interface GuardOptions {
  readonly pinning?: GuardMode;
  readonly scan?: GuardMode;
}

/** What the code reads of one server. */
export interface GuardConfig {
  /** What is done about tools that changed since they were approved. @default "warn" */
  readonly pinning: GuardMode;
  /** What is done about suspicious text in tools. @default "warn" */
  readonly scan: GuardMode;
}

/** A server's own modes, else those of the top level, else the defaults. */
export function compileGuard(server: GuardOptions, options: GuardOptions): GuardConfig {
  return {
    pinning: server.pinning ?? options.pinning ?? GUARD_KEYS.pinning.default,
    scan: server.scan ?? options.scan ?? GUARD_KEYS.scan.default,
  };
}
