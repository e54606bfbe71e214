import { isDeepStrictEqual } from "node:util";
import type { UpstreamConfig } from "../config/config.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { wasNotSent, wasTurnedAway } from "./failures.ts";
import { type Lease, Partition } from "./partition.ts";
import type { AccessTokens } from "./oauth/access-tokens.ts";
import type { GrantStore } from "./oauth/grant-store.ts";
import { isNeedsLogin } from "./oauth/needs-login.ts";
import { tokensFor } from "./oauth/tokens-for.ts";
import { Partitions } from "./partitions.ts";
import { Replica, type ReplicaDeps } from "./replica.ts";
import { RestartPolicy } from "./restart-policy.ts";
import type { Session } from "./session.ts";
import { type Caller, ownerOf, SHARED, Sharing } from "./sharing.ts";
import { isServed, type ToolListing } from "./tool-list.ts";
import type { Environment } from "./transports/environment.ts";
import { notServed, tooManySessions, unavailable } from "./unavailable.ts";
import type {
  ToolDefinition,
  Upstream,
  UpstreamCallOptions,
  UpstreamFailure,
  UpstreamResult,
  UpstreamState,
  UpstreamStatus,
} from "./upstream.ts";

/** What upstreams need from outside. */
export interface UpstreamDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Our environment, of which stdio servers inherit the allow-listed part. */
  readonly env: Environment;
  /** Our version, told to servers. @default "0" */
  readonly version?: string;
  /** A number in [0, 1), for jitter. @default Math.random */
  readonly random?: () => number;
  /** Takes secrets out of text that servers wrote. @default nothing is taken out */
  readonly redact?: (text: string) => string;
  /** The tools or the readiness of the upstream changed. */
  readonly onChange?: () => void;
  /** A session is started in place of one that ended other than for want of use. @param server Its name. */
  readonly onRestart?: (server: string) => void;
  /** Is told each access token before a server is shown it. @param server Its name. */
  readonly onToken?: (server: string, token: string) => void;
  /** Where tokens of logins are kept. @default nowhere */
  readonly grants?: GrantStore | undefined;
}

/** The worse, the later; a state that lives is better than all. */
const WORSE: readonly UpstreamState[] = ["stopped", "failed", "degraded", "needs_auth", "starting", "ready"];

/** Creates an upstream. Nothing starts before the first use; `close` it when done. */
export function createUpstream(config: UpstreamConfig, deps: UpstreamDeps): Upstream {
  return new Supervisor(config, deps);
}

/** The configured server: who shares what, and what is known of it whichever of its sessions told. */
class Supervisor implements Upstream {
  readonly config: UpstreamConfig;
  readonly #deps: Required<UpstreamDeps>;
  readonly #sharing: Sharing;
  /** One for all sessions: however many begin, one token is got. */
  readonly #tokens: AccessTokens | undefined;
  readonly #partitions: Partitions;
  /** Failed starts of the first, the second … replica, whoever shares it. */
  readonly #starts: readonly RestartPolicy[];
  readonly #era = { legacyUntilMs: 0 };
  /** The newest session, kept after its end for its last words. */
  #session: Session | undefined;
  #listing: ToolListing | undefined;
  #state: UpstreamState = "stopped";
  #lastFailure: UpstreamFailure | undefined;
  #closed = false;

  constructor(config: UpstreamConfig, deps: UpstreamDeps) {
    this.config = config;
    this.#deps = {
      version: "0",
      random: Math.random,
      redact: (text) => text,
      onChange: () => undefined,
      onRestart: () => undefined,
      onToken: () => undefined,
      grants: undefined,
      ...deps,
    };
    const { maxFailures, maxSessions, replicas, sharing } = config.lifecycle;
    const { clock, random } = this.#deps;
    this.#tokens = tokensFor(config, this.#deps);
    this.#sharing = new Sharing(config);
    this.#starts = Array.from({ length: replicas }, () => new RestartPolicy({ maxFailures, clock, random }));
    this.#partitions = new Partitions({
      maxSessions,
      perRun: sharing === "perRun",
      create: () => this.#createPartition(),
      tooMany: () => tooManySessions(config.name, maxSessions),
    });
  }

  status(): UpstreamStatus {
    const sessions = this.#partitions.entries().flatMap(([key, partition]) => partition.status(ownerOf(key)));
    return {
      name: this.config.name,
      state: this.#state,
      transport: this.config.transport.kind,
      tools: this.#listing?.tools.length,
      protocolVersion: this.#session?.protocolVersion,
      serverInfo: this.#session?.serverInfo,
      pid: sessions.findLast(({ pid }) => pid !== undefined)?.pid,
      sessions,
      lastFailure: this.#lastFailure,
      droppedTools: this.#listing?.dropped ?? [],
      stderr: (this.#session?.stderr ?? []).map(this.#deps.redact),
    };
  }

  get sharesSessions(): boolean {
    return this.#sharing.isShared;
  }

  knownTools(): readonly ToolDefinition[] | undefined {
    return this.#listing?.tools;
  }

  knownInstructions(): string | undefined {
    return this.#listing?.instructions;
  }

  knownProtocol(): string | undefined {
    return this.#session?.protocolVersion;
  }

  async tools(signal?: AbortSignal): Promise<readonly ToolDefinition[]> {
    this.#throwIfClosed(signal);
    using _ = await this.#partitions.forListing(this.#sharing.listingKey).lease(signal);
    return this.#listing?.tools ?? [];
  }

  async callTool(
    name: string,
    args: Readonly<Record<string, unknown>>,
    options: UpstreamCallOptions,
  ): Promise<UpstreamResult> {
    if (!isServed(this.config, name)) throw notServed(this.config.name, name);
    const caller = this.#sharing.callerOf(options);
    try {
      return await this.#call(caller, name, args, options);
    } finally {
      if (caller.isOnlyCall) this.#partitions.release(caller.run);
    }
  }

  releaseRun(runId: string): void {
    this.#partitions.releaseRun(runId);
  }

  async restart(): Promise<void> {
    this.#era.legacyUntilMs = 0;
    this.#forgive();
    const stopped = this.#partitions.entries().map(([, partition]) => partition.stop());
    this.#changed();
    await Promise.all(stopped);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#forgive();
    await Promise.all([this.#partitions.close(), this.#tokens?.close()]);
    this.#changed();
  }

  async #call(
    caller: Caller,
    name: string,
    args: Readonly<Record<string, unknown>>,
    options: UpstreamCallOptions,
  ): Promise<UpstreamResult> {
    {
      using lease = await this.#lease(caller, options.signal);
      options.admit?.();
      try {
        return await lease.session.callTool(name, args, options);
      } catch (error) {
        if (isNeedsLogin(error)) lease.replica.lost(lease.session, error);
        if (!wasNotSent(error) || wasTurnedAway(error)) throw error;
        // The server does not know this session any more and did nothing: once more, on a new one.
        lease.replica.lost(lease.session, error);
      }
    }
    using lease = await this.#lease(caller, options.signal);
    options.admit?.();
    return await lease.session.callTool(name, args, options);
  }

  async #lease(caller: Caller, signal: AbortSignal): Promise<Lease> {
    for (;;) {
      this.#throwIfClosed(signal);
      const key = this.#sharing.keyOf(caller);
      const partition = this.#partitions.take(key);
      const lease = await partition.lease(signal);
      if (key !== SHARED || this.#partitions.has(key, partition)) return lease;
      // Only once it was reached it proved to keep state, which is not to be shared.
      lease[Symbol.dispose]();
    }
  }

  #forgive(): void {
    this.#tokens?.forgive();
    for (const policy of this.#starts) policy.reset();
    for (const [, { replicas }] of this.#partitions.entries()) for (const replica of replicas) replica.forgive();
  }

  #throwIfClosed(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#closed) throw unavailable(this.config.name, "it is not closed", "it is closed");
  }

  #createPartition(): Partition {
    const { clock, log } = this.#deps;
    const deps = this.#replicaDeps();
    const replicas = this.#starts.map((starts) => new Replica(this.config, starts, deps));
    // One that is to be there before it is needed keeps its last session.
    const mayStop = (): boolean => !this.config.eager || this.#partitions.live > 1;
    return new Partition(this.config, replicas, { clock, log, mayStop });
  }

  #replicaDeps(): ReplicaDeps {
    const { clock, log, env, version, random, redact, onRestart, onChange } = this.#deps;
    const { name } = this.config;
    return {
      clock,
      log,
      env,
      version,
      random,
      redact,
      tokens: this.#tokens,
      era: this.#era,
      onBegin: (session, again) => {
        if (again) onRestart(name);
        this.#session = session;
      },
      onOpen: (session, listing) => {
        if (this.#sharing.learn(session)) this.#partitions.unshare();
        // Becoming ready is told of anyway.
        if (this.#takeListing(listing) && this.#state === "ready") onChange();
      },
      onTools: (listing) => {
        if (!this.#takeListing(listing)) return;
        log.info({ server: name, tools: listing.tools.length }, "MCP server changed its tools");
        onChange();
      },
      onFailure: (stage, message) => {
        this.#lastFailure = { stage, message: redact(message), at: clock.now() };
      },
      onChange: () => this.#changed(),
    };
  }

  /** The list that came last is the server's. @returns Whether it is another: readers keep what they made of the same one. */
  #takeListing(listing: ToolListing): boolean {
    if (isDeepStrictEqual(listing, this.#listing)) return false;
    this.#listing = listing;
    return true;
  }

  /** Tells of the state when it is another. */
  #changed(): void {
    const states = this.#partitions.entries().flatMap(([, { replicas }]) => replicas.map(({ state }) => state));
    for (const { state } of this.#starts) states.push(state);
    if (this.#tokens?.needsLogin === true) states.push("needs_auth");
    const state = states.reduce<UpstreamState>(
      (worst, each) => (WORSE.indexOf(each) > WORSE.indexOf(worst) ? each : worst),
      "stopped",
    );
    if (state === this.#state) return;
    this.#state = state;
    this.#deps.onChange();
  }
}
