import type { UpstreamConfig } from "../config/config.ts";
import { RunletError } from "../lib/errors.ts";
import { isNeedsLogin } from "./oauth/needs-login.ts";
import { RestartPolicy } from "./restart-policy.ts";
import { Session, type SessionDeps } from "./session.ts";
import type { ToolListing } from "./tool-list.ts";
import { ended, unavailable, waiting } from "./unavailable.ts";
import type { UpstreamFailure, UpstreamState } from "./upstream.ts";

/** How long a server is taken for one of the old era without being asked again. */
const LEGACY_VERDICT_MS = 3_600_000;
const LOGGED_STDERR_LINES = 5;

/** What the replicas of one server have in common. */
export interface ReplicaDeps extends Pick<SessionDeps, "clock" | "log" | "env" | "version" | "random" | "tokens"> {
  readonly redact: (text: string) => string;
  /** What was learned of the server's era, for all its sessions. */
  readonly era: { legacyUntilMs: number };
  /** A session begins to start. @param again Whether one before it ended other than for want of use. */
  readonly onBegin: (session: Session, again: boolean) => void;
  /** A session is open and has listed; comes before its state changes. */
  readonly onOpen: (session: Session, listing: ToolListing) => void;
  /** A live session listed anew. */
  readonly onTools: (listing: ToolListing) => void;
  readonly onFailure: (stage: UpstreamFailure["stage"], message: string) => void;
  /** The state changed. */
  readonly onChange: () => void;
}

type Phase =
  | { readonly state: "stopped" }
  | {
      readonly state: "starting";
      readonly session: Session;
      readonly opening: Promise<Session>;
      /** The last of many failures: others do not wait for this start. */
      readonly afterMany: RunletError | undefined;
    }
  | { readonly state: "ready"; readonly session: Session; readonly sinceMs: number };

/** One process or connection that is started when it is needed, and again when it was lost. */
export class Replica {
  readonly #config: UpstreamConfig;
  readonly #deps: ReplicaDeps;
  /** Failed starts: what they say holds for whoever needs the server. */
  readonly #starts: RestartPolicy;
  /** Ends of its own process: another session may do well. */
  readonly #ends: RestartPolicy;
  #phase: Phase = { state: "stopped" };
  #isFirst = true;
  #closed = false;
  #inFlight = 0;
  /** Calls by session. */
  readonly #uses = new Map<Session, number>();
  /** Sessions that are lost and end with their last call. */
  readonly #draining = new Set<Session>();
  /** Sessions that are still ending: the next one starts after them. */
  #ending: Promise<void> = Promise.resolve();

  constructor(config: UpstreamConfig, starts: RestartPolicy, deps: ReplicaDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#starts = starts;
    const { clock, random } = deps;
    this.#ends = new RestartPolicy({ maxFailures: config.lifecycle.maxFailures, clock, random, forgiving: true });
  }

  get state(): UpstreamState {
    if (this.#phase.state !== "stopped") return this.#phase.state;
    if (this.#deps.tokens?.needsLogin === true) return "needs_auth";
    return this.#starts.state === "stopped" ? this.#ends.state : this.#starts.state;
  }

  /** The session that is open; `undefined` while there is none. */
  get session(): Session | undefined {
    return this.#phase.state === "ready" ? this.#phase.session : undefined;
  }

  get pid(): number | undefined {
    return this.#phase.state === "stopped" ? undefined : this.#phase.session.pid;
  }

  /** Calls it carries out. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether a use would start it now. */
  get isStartable(): boolean {
    return this.#phase.state === "stopped" && !this.#closed && this.#refusal() === undefined;
  }

  /** Counts a call of one of its sessions. @returns What takes it off again, once. */
  use(session: Session): Disposable {
    this.#inFlight += 1;
    this.#uses.set(session, (this.#uses.get(session) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        this.#inFlight -= 1;
        const left = (this.#uses.get(session) ?? 1) - 1;
        if (left > 0) this.#uses.set(session, left);
        else this.#uses.delete(session);
        if (left === 0 && this.#draining.has(session)) this.#retire(session);
      },
    };
  }

  /**
   * The open session, started if need be; concurrent callers share one start.
   *
   * @throws UPSTREAM_UNAVAILABLE when it cannot be started, is in back-off, or is being tried for the first time after many
   *   failures by another caller; UPSTREAM_NEEDS_AUTH when somebody must log in first.
   */
  async ready(): Promise<Session> {
    const { name } = this.#config;
    for (;;) {
      if (this.#closed) throw unavailable(name, "it is not closed", "it is closed");
      const phase = this.#phase;
      if (phase.state === "ready") return phase.session;
      if (phase.state === "starting") {
        if (phase.afterMany === undefined) return phase.opening;
        throw this.#waiting(phase.afterMany, 0);
      }
      const refusal = this.#refusal();
      if (refusal !== undefined) throw refusal;
      if (this.#starts.trial === undefined) return this.#start();
      // Another session's start tells whether this one has a chance.
      await this.#starts.trial;
    }
  }

  /**
   * Gives a session up that a call found dead, unless another call did so before. Other calls of it learn for themselves how
   * they ended: ended from here, nobody would know which of them were carried out.
   */
  lost(session: Session, error: unknown): void {
    const stage = isNeedsLogin(error) ? "auth" : "call";
    this.#lose(session, error instanceof Error ? error.message : String(error), stage);
  }

  /** Ends the session, if any; the next use starts another. @param idle It was not used. */
  async stop({ idle = false } = {}): Promise<void> {
    const phase = this.#phase;
    if (phase.state !== "stopped") this.#retire(phase.session);
    for (const session of this.#draining) this.#retire(session);
    if (idle) this.#isFirst = true;
    this.#setPhase({ state: "stopped" });
    await this.#ending;
  }

  /** Forgets that its process ended by itself. */
  forgive(): void {
    this.#ends.reset();
  }

  /** Ends the session for good. Safe to call twice. */
  close(): Promise<void> {
    this.#closed = true;
    const stopped = this.stop();
    // Its failures count no more.
    this.#deps.onChange();
    return stopped;
  }

  /** Why it cannot be started now. */
  #refusal(): RunletError | undefined {
    const noToken = this.#deps.tokens?.refusal();
    if (noToken !== undefined) return noToken;
    for (const policy of [this.#starts, this.#ends]) {
      const waitMs = policy.waitMs();
      const isTried = policy.state === "degraded" && policy.trial !== undefined;
      if (policy.error !== undefined && (waitMs > 0 || isTried)) return this.#waiting(policy.error, waitMs);
    }
    return undefined;
  }

  #waiting(last: RunletError, waitMs: number): RunletError {
    return waiting(this.#config.name, last, waitMs);
  }

  #start(): Promise<Session> {
    const { clock, log, env, version, random, redact, tokens, onTools, onFailure, onBegin } = this.#deps;
    const session: Session = new Session(this.#config, {
      clock,
      log,
      env,
      version,
      random,
      redact,
      tokens,
      onTools,
      onListFailure: (error) => onFailure("list", error.message),
      onEnd: (reason) => this.#onEnd(session, reason),
    });
    const degraded = [this.#starts, this.#ends].find((policy) => policy.state === "degraded");
    const opening = this.#open(session);
    onBegin(session, !this.#isFirst);
    this.#isFirst = false;
    this.#starts.begun(
      opening.then(
        () => undefined,
        () => undefined,
      ),
    );
    this.#setPhase({ state: "starting", session, opening, afterMany: degraded?.error });
    return opening;
  }

  async #open(session: Session): Promise<Session> {
    const { clock, log, era, onOpen } = this.#deps;
    const { name, connectTimeoutMs } = this.#config;
    const startedAt = clock.monotonic();
    try {
      await this.#ending;
      const listing = await session.open(connectTimeoutMs, startedAt < era.legacyUntilMs);
      if (!this.#isStarting(session)) throw unavailable(name, "nobody stops it meanwhile", "it was stopped");
      this.#starts.succeeded();
      this.#ends.succeeded();
      if (session.legacy) era.legacyUntilMs = clock.monotonic() + LEGACY_VERDICT_MS;
      onOpen(session, listing);
      this.#setPhase({ state: "ready", session, sinceMs: clock.monotonic() });
      const fields = { server: name, tools: listing.tools.length, protocolVersion: session.protocolVersion };
      log.info({ ...fields, ms: Math.round(clock.monotonic() - startedAt) }, "MCP server is ready");
      if (listing.dropped.length > 0)
        log.warn({ server: name, dropped: listing.dropped }, "MCP server lists unusable tools");
      if (listing.unmatched !== undefined)
        log.warn({ server: name, globs: listing.unmatched }, "globs under the server's tools fit none that it lists");
      return session;
    } catch (thrown) {
      this.#retire(session);
      const error =
        thrown instanceof RunletError
          ? thrown
          : unavailable(name, "it starts", "it failed in an unexpected way", thrown);
      if (this.#isStarting(session)) this.#startFailed(session, error, startedAt);
      throw error;
    }
  }

  #startFailed(session: Session, error: RunletError, startedAt: number): void {
    const { log, redact, onFailure } = this.#deps;
    // A server that waits for a login is well, and is tried again as soon as there was one.
    if (!isNeedsLogin(error)) this.#starts.failed(error, startedAt);
    onFailure(session.stage, error.message);
    this.#setPhase({ state: "stopped" });
    // What the server itself said is mostly what tells the operator what to mend.
    const stderr = session.stderr.slice(-LOGGED_STDERR_LINES).map(redact);
    const fields = { server: this.#config.name, stage: session.stage, failures: this.#starts.failures, err: error };
    log.warn({ ...fields, ...(stderr.length > 0 && { stderr }) }, "MCP server could not be started");
  }

  #isStarting(session: Session): boolean {
    return this.#phase.state === "starting" && this.#phase.session === session;
  }

  #onEnd(session: Session, reason: string): void {
    this.#deps.log.warn({ server: this.#config.name, reason }, "MCP server ended");
    this.#lose(session, reason);
    this.#retire(session);
  }

  #lose(session: Session, reason: string, stage: UpstreamFailure["stage"] = "call"): void {
    const phase = this.#phase;
    if (phase.state !== "ready" || phase.session !== session) return;
    const { name, transport } = this.#config;
    // A server over HTTP that forgot us is well: a new session makes it good.
    if (transport.kind !== "http") this.#ends.failed(ended(name, reason), phase.sinceMs);
    this.#deps.onFailure(stage, reason);
    if (this.#uses.has(session)) this.#draining.add(session);
    else this.#retire(session);
    this.#setPhase({ state: "stopped" });
  }

  #retire(session: Session): void {
    this.#draining.delete(session);
    this.#ending = Promise.all([this.#ending, this.#closeSession(session)]).then(() => undefined);
  }

  /** Never rejects: the next session starts whatever became of this one. */
  async #closeSession(session: Session): Promise<void> {
    try {
      await session.close();
    } catch (error) {
      this.#deps.log.error({ server: this.#config.name, err: error }, "MCP session did not close cleanly");
    }
  }

  #setPhase(phase: Phase): void {
    const changed = this.#phase.state !== phase.state;
    this.#phase = phase;
    if (changed) this.#deps.onChange();
  }
}
