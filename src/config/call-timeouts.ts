import { matchesGlob } from "../lib/glob.ts";
import type { UpstreamConfig } from "./config.ts";

/** How long one call may take, and which keys say so. */
export interface CallTimeouts {
  /** Longest call, waits and further attempts included. */
  readonly callMs: number;
  /** Key path that raises `callMs`. */
  readonly callKey: string;
  /** Longest silence of a call; `undefined` = any. */
  readonly idleMs: number | undefined;
  /** Key path that raises `idleMs`. */
  readonly idleKey: string;
}

/** How long a call of a tool may take: what is said of the tool, else of its server. */
export function callTimeoutsOf(config: UpstreamConfig, tool: string): CallTimeouts {
  const key = `mcpServers.${config.name}.timeout`;
  const idle = { idleMs: config.idleTimeoutMs, idleKey: `${key}.idle` };
  const own = config.toolTimeouts.find(({ glob }) => matchesGlob(glob, tool));
  if (own === undefined) return { callMs: config.callTimeoutMs, callKey: key, ...idle };
  return { callMs: own.timeoutMs, callKey: `${key}.tools[${JSON.stringify(own.glob)}]`, ...idle };
}
