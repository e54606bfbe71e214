import type { UpstreamConfig } from "./config.ts";
import type { DurationText, Options, ServerOptions } from "./options.ts";
import { TIMEOUT_KEYS } from "./timeout-keys.ts";
import { parseDuration } from "./units.ts";

/** How long calls of one server may take. */
export type CompiledTimeouts = Pick<UpstreamConfig, "callTimeoutMs" | "idleTimeoutMs" | "toolTimeouts">;

/** How long calls of a server may take: what it says itself, else what is said for all, else the default. */
export function compileTimeouts(server: ServerOptions, all: Options["timeout"]): CompiledTimeouts {
  const own = typeof server.timeout === "object" ? server.timeout : { call: server.timeout };
  const shared = typeof all === "object" ? all : { call: all };
  const tools = Object.entries("tools" in own ? (own.tools ?? {}) : {});
  const callTimeoutMs = ms(own.call) ?? ms(shared.call) ?? TIMEOUT_KEYS.all.properties.call.default;
  return {
    callTimeoutMs,
    idleTimeoutMs: ("idle" in own ? ms(own.idle) : undefined) ?? ("idle" in shared ? ms(shared.idle) : undefined),
    toolTimeouts: tools.map(([glob, timeout]) => ({ glob, timeoutMs: ms(timeout) ?? callTimeoutMs })),
  };
}

function ms(text: DurationText | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}
