import type { UpstreamConfig } from "../config/config.ts";
import type { Timer } from "../lib/clock.ts";
import { isDeepStrictEqual } from "node:util";
import { abortable } from "./within.ts";
import { createUpstream, type UpstreamDeps } from "./supervisor.ts";
import type { Upstream, UpstreamRegistry } from "./upstream.ts";

const DEFAULT_GRACE_MS = 100;
/** How often a server that is on its way out is looked at: one that is idle twice in a row has no call waiting for a place. */
const LEAVING_LOOK_MS = 250;

/** Which servers another configuration changed, by name. */
export interface ServerChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** A registry whose servers can be exchanged. */
export interface ReloadableRegistry extends UpstreamRegistry {
  /**
   * Puts other configurations in place. A server whose configuration is the same stays as it is, with its sessions. Those that
   * are changed or gone are not found any more, finish the calls they have, and end.
   *
   * @param graceMs Longest time for those calls.
   */
  apply(configs: readonly UpstreamConfig[], graceMs: number): ServerChanges;
}

/**
 * Creates every configured upstream and begins to start those that are `eager`; a failure of theirs is logged and shown
 * in their status. `close` ends them all at once.
 *
 * @param configs Each with a name of its own; of two with one name the last counts.
 */
export function createUpstreamRegistry(configs: readonly UpstreamConfig[], deps: UpstreamDeps): ReloadableRegistry {
  return new Registry(configs, deps);
}

class Registry implements ReloadableRegistry {
  readonly #deps: UpstreamDeps;
  readonly #listeners = new Set<() => void>();
  /** Those that are not found any more and have not ended. */
  readonly #leaving = new Map<Upstream, Promise<void>>();
  #upstreams: ReadonlyMap<string, Upstream>;
  #all: readonly Upstream[];
  #version = 0;
  #closed = false;

  constructor(configs: readonly UpstreamConfig[], deps: UpstreamDeps) {
    this.#deps = deps;
    this.#upstreams = new Map(configs.map((config) => [config.name, this.#create(config)]));
    this.#all = [...this.#upstreams.values()];
    this.#beginEager(this.#all);
  }

  get version(): number {
    return this.#version;
  }

  list(): readonly Upstream[] {
    return this.#all;
  }

  get(name: string): Upstream | undefined {
    return this.#upstreams.get(name);
  }

  async settle({ names, graceMs = DEFAULT_GRACE_MS, signal }: Parameters<UpstreamRegistry["settle"]>[0] = {}) {
    const all = this.#all;
    const wanted = names === undefined ? all : all.filter((upstream) => names.includes(upstream.config.name));
    const open = wanted.filter(isUnsettled);
    if (open.length === 0) return;
    const starts = open.map((upstream) => this.#begin(upstream));
    await settled(starts, wanted.length - open.length, { clock: this.#deps.clock, graceMs, signal });
  }

  releaseRun(runId: string): void {
    for (const upstream of this.#all) upstream.releaseRun(runId);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  apply(configs: readonly UpstreamConfig[], graceMs: number): ServerChanges {
    const [added, changed, removed]: [string[], string[], string[]] = [[], [], []];
    if (this.#closed) return { added, changed, removed };
    const before = this.#upstreams;
    const after = new Map<string, Upstream>();
    for (const config of configs) {
      const known = before.get(config.name);
      const stays = known !== undefined && isDeepStrictEqual(known.config, config);
      after.set(config.name, stays ? known : this.#create(config));
      if (!stays) (known === undefined ? added : changed).push(config.name);
    }
    this.#upstreams = after;
    this.#all = [...after.values()];
    for (const [name, upstream] of before) {
      if (!after.has(name)) removed.push(name);
      if (after.get(name) !== upstream) this.#leave(upstream, graceMs);
    }
    if (added.length + changed.length + removed.length > 0) this.#changed();
    this.#beginEager(this.#all.filter(({ config: { name } }) => added.includes(name) || changed.includes(name)));
    return { added, changed, removed };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all, ...this.#leaving.keys()].map((upstream) => upstream.close()));
    await Promise.all(this.#leaving.values());
  }

  #create(config: UpstreamConfig): Upstream {
    return createUpstream(config, { ...this.#deps, onChange: () => this.#changed() });
  }

  #changed(): void {
    this.#version += 1;
    this.#deps.onChange?.();
    for (const listener of this.#listeners) listener();
  }

  #beginEager(upstreams: readonly Upstream[]): void {
    for (const upstream of upstreams) if (upstream.config.eager) void this.#begin(upstream);
  }

  async #begin(upstream: Upstream): Promise<void> {
    try {
      await upstream.tools();
    } catch (error) {
      this.#deps.log.debug({ server: upstream.config.name, err: error }, "MCP server has no tools to offer now");
    }
  }

  #leave(upstream: Upstream, graceMs: number): void {
    const end = async (): Promise<void> => {
      try {
        await endWhenIdle(upstream, this.#deps, graceMs);
      } catch (error) {
        this.#deps.log.warn({ server: upstream.config.name, err: error }, "MCP server did not end");
      }
      this.#leaving.delete(upstream);
    };
    this.#leaving.set(upstream, end());
  }
}

/** Ends an upstream that nobody finds any more, once its calls are over or the time for them is. */
async function endWhenIdle(upstream: Upstream, { clock }: Pick<UpstreamDeps, "clock">, graceMs: number): Promise<void> {
  const untilMs = clock.monotonic() + graceMs;
  let idleLooks = 0;
  while (idleLooks < 2 && clock.monotonic() < untilMs) {
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.after(LEAVING_LOOK_MS, resolve);
    await promise;
    const { sessions } = upstream.status();
    idleLooks = sessions.some(({ inFlight }) => inFlight > 0) ? 0 : idleLooks + 1;
  }
  await upstream.close();
}

/** Whether an upstream may become ready by waiting: it never was started, or is starting for the first time. */
function isUnsettled(upstream: Upstream): boolean {
  if (upstream.knownTools() !== undefined) return false;
  const { state } = upstream.status();
  // What waits for a login says so at once where there was none.
  return state === "stopped" || state === "starting" || state === "needs_auth";
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
