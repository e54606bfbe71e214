import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { Circuit, type CircuitState } from "./circuit.ts";

/** The breaker of each server. */
export interface Breakers {
  /** `undefined` for a server that has none. */
  of(upstream: Upstream): Circuit | undefined;
  /** The state the next call of a server meets; `closed` where there is no breaker. */
  stateOf(upstream: Upstream): CircuitState;
}

/** Makes the breakers, each when it is first asked for; one lives as long as its upstream object. */
export function createBreakers({ clock, log }: { readonly clock: Clock; readonly log: Log }): Breakers {
  const circuits = new WeakMap<Upstream, Circuit>();

  function of(upstream: Upstream): Circuit | undefined {
    const { name: server, breaker } = upstream.config;
    if (breaker === undefined) return undefined;
    let circuit = circuits.get(upstream);
    if (circuit === undefined) {
      circuit = new Circuit(breaker, clock, (state) => {
        if (state === "open")
          log.warn({ server, openMs: breaker.openMs }, "MCP server keeps failing: its calls are refused");
        else log.info({ server, state }, "MCP server's breaker has changed");
      });
      circuits.set(upstream, circuit);
    }
    return circuit;
  }

  return { of, stateOf: (upstream) => of(upstream)?.state ?? "closed" };
}
