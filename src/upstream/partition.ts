import type { UpstreamConfig } from "../config/config.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Replica } from "./replica.ts";
import type { Session } from "./session.ts";
import type { SessionStatus } from "./upstream.ts";
import { abortable } from "./within.ts";

/** What a partition needs. */
export interface PartitionDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether it may be stopped now for want of use. */
  readonly mayStop: () => boolean;
}

/** A replica with its open session, held for one call. */
export interface Lease extends Disposable {
  readonly replica: Replica;
  readonly session: Session;
}

/**
 * Those who share state with a server: its replicas, of which the one with the fewest calls is taken. One that is in
 * back-off is passed over while another can be had. All are stopped together when none is used for long.
 */
export class Partition {
  readonly replicas: readonly Replica[];
  readonly #config: UpstreamConfig;
  readonly #deps: PartitionDeps;
  #users = 0;
  #usedAtMs = 0;
  #timer: Timer | undefined;
  #turn = 0;

  /** @param replicas At least one. */
  constructor(config: UpstreamConfig, replicas: readonly Replica[], deps: PartitionDeps) {
    this.#config = config;
    this.replicas = replicas;
    this.#deps = deps;
  }

  /** Whether a process of it lives or is being started. */
  get isLive(): boolean {
    return this.replicas.some(({ state }) => state === "ready" || state === "starting");
  }

  /** Whether somebody waits for it or calls. */
  get isBusy(): boolean {
    return this.#users > 0;
  }

  /**
   * A replica for one call, started if need be.
   *
   * @throws UPSTREAM_UNAVAILABLE when none can be had; the signal's reason when it aborts first.
   */
  async lease(signal?: AbortSignal): Promise<Lease> {
    this.#users += 1;
    try {
      const found = this.#leastUsed() ?? (await abortable(this.#started(), signal));
      const use = found.replica.use(found.session);
      const leave = (): void => this.#leave();
      return {
        ...found,
        [Symbol.dispose]() {
          use[Symbol.dispose]();
          leave();
        },
      };
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  status(owner: SessionStatus["owner"]): readonly SessionStatus[] {
    return this.replicas.map(({ state, pid, inFlight }) => ({ owner, state, pid, inFlight }));
  }

  /** Ends every process; the next use starts them again. */
  async stop(options?: { readonly idle: boolean }): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await Promise.all(this.replicas.map((replica) => replica.stop(options)));
  }

  /** Ends every process for good. Safe to call twice. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await Promise.all(this.replicas.map((replica) => replica.close()));
  }

  /** The replica that carries out the fewest calls, by turns where several do; starts those that are down on the way. */
  #leastUsed(): Pick<Lease, "replica" | "session"> | undefined {
    let least: Pick<Lease, "replica" | "session"> | undefined;
    const { length } = this.replicas;
    this.#turn = (this.#turn + 1) % length;
    for (let step = 0; step < length; step++) {
      const replica = this.replicas[(this.#turn + step) % length];
      const session = replica?.session;
      if (replica === undefined || session === undefined) continue;
      if (least === undefined || replica.inFlight < least.replica.inFlight) least = { replica, session };
    }
    if (least !== undefined && length > 1) {
      for (const replica of this.replicas) if (replica.isStartable) void this.#begin(replica);
    }
    return least;
  }

  /** The first replica that comes up. */
  async #started(): Promise<Pick<Lease, "replica" | "session">> {
    const starts = this.replicas.map(async (replica) => ({ replica, session: await replica.ready() }));
    const [only] = starts;
    if (only !== undefined && starts.length === 1) return only;
    try {
      const first = await Promise.any(starts);
      return this.#leastUsed() ?? first;
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  }

  async #begin(replica: Replica): Promise<void> {
    const { log } = this.#deps;
    try {
      await replica.ready();
    } catch (error) {
      log.debug({ server: this.#config.name, err: error }, "a replica of an MCP server is not there now");
    }
  }

  #leave(): void {
    this.#users -= 1;
    this.#usedAtMs = this.#deps.clock.monotonic();
    const { idleStopMs } = this.#config.lifecycle;
    if (this.#users === 0 && this.#timer === undefined && idleStopMs !== undefined && this.isLive)
      this.#stopWhenIdle(idleStopMs, idleStopMs);
  }

  #stopWhenIdle(inMs: number, idleStopMs: number): void {
    const { clock, log, mayStop } = this.#deps;
    const look = (): void => {
      this.#timer = undefined;
      if (this.isBusy) return;
      const leftMs = this.#usedAtMs + idleStopMs - clock.monotonic();
      if (leftMs > 0) this.#stopWhenIdle(leftMs, idleStopMs);
      else if (!mayStop()) this.#stopWhenIdle(idleStopMs, idleStopMs);
      else if (this.isLive) {
        log.info({ server: this.#config.name, idleStopMs }, "MCP server is stopped as nobody uses it");
        void this.stop({ idle: true });
      }
    };
    this.#timer = clock.after(inMs, look, { background: true });
  }
}
