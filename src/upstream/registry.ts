import type { UpstreamConfig } from "../config/config.ts";
import type { Timer } from "../lib/clock.ts";
import { abortable } from "./within.ts";
import { createUpstream, type UpstreamDeps } from "./supervisor.ts";
import type { Upstream, UpstreamRegistry } from "./upstream.ts";

const DEFAULT_GRACE_MS = 100;

/**
 * Creates every configured upstream and begins to start those that are `eager`; a failure of theirs is logged and shown
 * in their status. `close` ends them all at once.
 *
 * @param configs Each with a name of its own; of two with one name the last counts.
 */
export function createUpstreamRegistry(configs: readonly UpstreamConfig[], deps: UpstreamDeps): UpstreamRegistry {
  const listeners = new Set<() => void>();
  let version = 0;
  const onChange = (): void => {
    version += 1;
    deps.onChange?.();
    for (const listener of listeners) listener();
  };
  const upstreams = new Map(configs.map((config) => [config.name, createUpstream(config, { ...deps, onChange })]));
  const all = [...upstreams.values()];
  const begin = (upstream: Upstream): Promise<void> =>
    upstream.tools().then(
      () => undefined,
      (error: unknown) =>
        deps.log.debug({ server: upstream.config.name, err: error }, "MCP server has no tools to offer now"),
    );
  for (const upstream of all) if (upstream.config.eager) void begin(upstream);

  return {
    list: () => all,
    get: (name) => upstreams.get(name),
    get version() {
      return version;
    },
    async settle({ names, graceMs = DEFAULT_GRACE_MS, signal } = {}) {
      const wanted = names === undefined ? all : all.filter((upstream) => names.includes(upstream.config.name));
      const open = wanted.filter(isUnsettled);
      if (open.length === 0) return;
      await settled(open.map(begin), wanted.length - open.length, { clock: deps.clock, graceMs, signal });
    },
    releaseRun(runId) {
      for (const upstream of all) upstream.releaseRun(runId);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      await Promise.all(all.map((upstream) => upstream.close()));
    },
  };
}

/** Whether an upstream may become ready by waiting: it never was started, or is starting for the first time. */
function isUnsettled(upstream: Upstream): boolean {
  if (upstream.knownTools() !== undefined) return false;
  const { state } = upstream.status();
  return state === "stopped" || state === "starting";
}

/**
 * Waits until all have settled, or until none did for the grace time after at least one had.
 *
 * @param before How many had settled already.
 */
async function settled(
  starts: readonly Promise<void>[],
  before: number,
  options: Pick<UpstreamDeps, "clock"> & { readonly graceMs: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const { clock, graceMs, signal } = options;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let left = starts.length;
  let timer: Timer | undefined;
  let over = false;
  const rest = (): void => {
    timer?.cancel();
    if (over) return;
    timer = clock.after(graceMs, resolve);
  };
  const watch = async (start: Promise<void>): Promise<void> => {
    await start;
    left -= 1;
    if (left === 0) resolve();
    else rest();
  };
  if (before > 0) rest();
  for (const start of starts) void watch(start);
  try {
    await abortable(done, signal);
  } finally {
    over = true;
    timer?.cancel();
  }
}
