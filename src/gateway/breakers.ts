import type { BreakerPolicy } from "../config/call-policies.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { Circuit, type CircuitState } from "./circuit.ts";

/** The breakers of each server: one for all who share its sessions, else one for each principal. */
export interface Breakers {
  /** `undefined` for a server that has none. */
  of(upstream: Upstream, principal: string): Circuit | undefined;
  /** The worst state that any call of a server meets; `closed` where there is no breaker. */
  stateOf(upstream: Upstream): CircuitState;
}

/** Circuits of one server: a principal more costs the one that was unused longest. */
const MAX_CIRCUITS = 1_000;
/** One that nobody used for so long is forgotten, with all that it counted. */
const IDLE_MS = 600_000;
/** Key of the circuit of those who share a server's sessions; a principal's begins with another letter. */
const SHARED = "shared";
const WORSE: readonly CircuitState[] = ["closed", "half-open", "open"];

/** Makes the breakers, each when it is first asked for; they live no longer than their upstream object. */
export function createBreakers({ clock, log }: { readonly clock: Clock; readonly log: Log }): Breakers {
  const tables = new WeakMap<Upstream, Circuits>();

  function create(server: string, policy: BreakerPolicy, principal: string | undefined): Circuit {
    const whose = { server, ...(principal !== undefined && { principal }) };
    return new Circuit(policy, clock, (state) => {
      if (state === "open")
        log.warn({ ...whose, openMs: policy.openMs }, "MCP server keeps failing: its calls are refused");
      else log.info({ ...whose, state }, "MCP server's breaker has changed");
    });
  }

  function of(upstream: Upstream, principal: string): Circuit | undefined {
    const { name: server, breaker } = upstream.config;
    if (breaker === undefined) return undefined;
    let table = tables.get(upstream);
    if (table === undefined) tables.set(upstream, (table = new Circuits(breaker, clock)));
    return upstream.sharesSessions
      ? table.take(SHARED, () => create(server, breaker, undefined))
      : table.take(`principal:${principal}`, () => create(server, breaker, principal));
  }

  return { of, stateOf: (upstream) => tables.get(upstream)?.worst() ?? "closed" };
}

interface Entry {
  readonly circuit: Circuit;
  usedAtMs: number;
}

/** The circuits of one server by who shares each, the one used last at the end; bounded in number and in idle time. */
class Circuits {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #byKey = new Map<string, Entry>();

  constructor({ windowMs, openMs }: BreakerPolicy, clock: Clock) {
    this.#clock = clock;
    // One that still refuses, or still counts, is not forgotten for want of use.
    this.#idleMs = Math.max(IDLE_MS, windowMs, openMs);
  }

  take(key: string, create: () => Circuit): Circuit {
    const known = this.#byKey.get(key);
    if (known === undefined) this.#makeRoom();
    const entry = known ?? { circuit: create(), usedAtMs: 0 };
    entry.usedAtMs = this.#clock.monotonic();
    this.#byKey.delete(key);
    this.#byKey.set(key, entry);
    return entry.circuit;
  }

  worst(): CircuitState {
    this.#forgetIdle();
    let worst: CircuitState = "closed";
    for (const { circuit } of this.#byKey.values()) {
      if (WORSE.indexOf(circuit.state) > WORSE.indexOf(worst)) worst = circuit.state;
    }
    return worst;
  }

  #makeRoom(): void {
    this.#forgetIdle();
    if (this.#byKey.size < MAX_CIRCUITS) return;
    const [longestUnused] = this.#byKey.keys();
    if (longestUnused !== undefined) this.#byKey.delete(longestUnused);
  }

  #forgetIdle(): void {
    const beforeMs = this.#clock.monotonic() - this.#idleMs;
    for (const [key, { usedAtMs }] of this.#byKey) {
      if (usedAtMs > beforeMs) return;
      this.#byKey.delete(key);
    }
  }
}
