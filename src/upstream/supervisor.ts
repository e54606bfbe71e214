import type { UpstreamConfig } from "../config/config.ts";
import { fullJitterMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { wasNotSent } from "./failures.ts";
import { Session } from "./session.ts";
import { isServed, type ToolListing } from "./tool-list.ts";
import type { Environment } from "./transports/environment.ts";
import type {
  ToolDefinition,
  Upstream,
  UpstreamCallOptions,
  UpstreamFailure,
  UpstreamResult,
  UpstreamStatus,
} from "./upstream.ts";
import { abortable } from "./within.ts";

const BACKOFF = { baseMs: 1_000, maxMs: 30_000 };
/** How long a server is taken for one of the old era without being asked again. */
const LEGACY_VERDICT_MS = 3_600_000;
const LOGGED_STDERR_LINES = 5;

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
  /** A server is started that was started before. @param server Its name. */
  readonly onRestart?: (server: string) => void;
}

type Phase =
  | { readonly state: "stopped" }
  | { readonly state: "starting"; readonly session: Session; readonly opening: Promise<Session> }
  | { readonly state: "ready"; readonly session: Session }
  | { readonly state: "failed"; readonly error: RunletError; readonly retryAtMs: number };

/** Creates an upstream. Nothing starts before the first use; `close` it when done. */
export function createUpstream(config: UpstreamConfig, deps: UpstreamDeps): Upstream {
  return new Supervisor(config, deps);
}

class Supervisor implements Upstream {
  readonly config: UpstreamConfig;
  readonly #deps: Required<UpstreamDeps>;
  #phase: Phase = { state: "stopped" };
  /** The newest session, kept after its end for its last words. */
  #session: Session | undefined;
  #listing: ToolListing | undefined;
  #failures = 0;
  #lastFailure: UpstreamFailure | undefined;
  #legacyUntilMs = 0;
  #closed = false;
  /** Sessions that are still ending: the next one starts after them. */
  #ending: Promise<void> = Promise.resolve();

  constructor(config: UpstreamConfig, deps: UpstreamDeps) {
    this.config = config;
    this.#deps = {
      version: "0",
      random: Math.random,
      redact: (text) => text,
      onChange: () => undefined,
      onRestart: () => undefined,
      ...deps,
    };
  }

  status(): UpstreamStatus {
    const live = this.#phase.state === "ready" || this.#phase.state === "starting" ? this.#session : undefined;
    return {
      name: this.config.name,
      state: this.#phase.state,
      transport: this.config.transport.kind,
      tools: this.#listing?.tools.length,
      protocolVersion: this.#session?.protocolVersion,
      serverInfo: this.#session?.serverInfo,
      pid: live?.pid,
      lastFailure: this.#lastFailure,
      droppedTools: this.#listing?.dropped ?? [],
      stderr: (this.#session?.stderr ?? []).map(this.#deps.redact),
    };
  }

  knownTools(): readonly ToolDefinition[] | undefined {
    return this.#listing?.tools;
  }

  async tools(signal?: AbortSignal): Promise<readonly ToolDefinition[]> {
    await this.#ready(signal);
    return this.#listing?.tools ?? [];
  }

  async callTool(
    name: string,
    args: Readonly<Record<string, unknown>>,
    options: UpstreamCallOptions,
  ): Promise<UpstreamResult> {
    if (!isServed(this.config, name)) throw this.#notServed(name);
    const session = await this.#ready(options.signal);
    try {
      return await session.callTool(name, args, options);
    } catch (error) {
      if (!wasNotSent(error)) throw error;
      // The server does not know this session any more and did nothing: once more, on a new one.
      this.#replace(session, error);
      const next = await this.#ready(options.signal);
      return next.callTool(name, args, options);
    }
  }

  async restart(): Promise<void> {
    this.#failures = 0;
    this.#legacyUntilMs = 0;
    await this.#stop();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  /** The live session; concurrent callers share one start. */
  async #ready(signal?: AbortSignal): Promise<Session> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#unavailable("it is not closed", "it is closed");
    const phase = this.#phase;
    switch (phase.state) {
      case "ready":
        return phase.session;
      case "starting":
        return abortable(phase.opening, signal);
      case "failed": {
        const retryAfterMs = Math.ceil(phase.retryAtMs - this.#deps.clock.monotonic());
        if (retryAfterMs > 0) throw this.#waiting(phase.error, retryAfterMs);
        return abortable(this.#start(), signal);
      }
      case "stopped":
        return abortable(this.#start(), signal);
      default:
        return phase satisfies never;
    }
  }

  #start(): Promise<Session> {
    const { clock, log, env, version, random } = this.#deps;
    const session: Session = new Session(this.config, {
      clock,
      log,
      env,
      version,
      random,
      onTools: (listing) => this.#onTools(session, listing),
      onListFailure: (error) => this.#recordFailure("list", error.message),
      onEnd: (reason) => this.#onEnd(session, reason),
    });
    if (this.#session !== undefined) this.#deps.onRestart(this.config.name);
    const opening = this.#open(session);
    this.#session = session;
    this.#setPhase({ state: "starting", session, opening });
    return opening;
  }

  async #open(session: Session): Promise<Session> {
    const { clock, log } = this.#deps;
    const { name, connectTimeoutMs } = this.config;
    const startedAt = clock.monotonic();
    try {
      await this.#ending;
      const listing = await session.open(connectTimeoutMs, clock.monotonic() < this.#legacyUntilMs);
      if (!this.#isStarting(session)) throw this.#unavailable("nobody stops it meanwhile", "it was stopped");
      this.#failures = 0;
      if (session.legacy) this.#legacyUntilMs = clock.monotonic() + LEGACY_VERDICT_MS;
      this.#listing = listing;
      this.#setPhase({ state: "ready", session });
      const fields = { server: name, tools: listing.tools.length, protocolVersion: session.protocolVersion };
      log.info({ ...fields, ms: Math.round(clock.monotonic() - startedAt) }, "MCP server is ready");
      if (listing.dropped.length > 0)
        log.warn({ server: name, dropped: listing.dropped }, "MCP server lists unusable tools");
      return session;
    } catch (thrown) {
      this.#retire(session);
      const error =
        thrown instanceof RunletError
          ? thrown
          : this.#unavailable("it starts", "it failed in an unexpected way", thrown);
      if (!this.#isStarting(session)) throw error;
      this.#failures += 1;
      const retryAtMs = clock.monotonic() + fullJitterMs(this.#failures, BACKOFF, this.#deps.random);
      this.#recordFailure(session.stage, error.message);
      this.#setPhase({ state: "failed", error, retryAtMs });
      // What the server itself said is mostly what tells the operator what to mend.
      const stderr = session.stderr.slice(-LOGGED_STDERR_LINES).map(this.#deps.redact);
      log.warn(
        {
          server: name,
          stage: session.stage,
          failures: this.#failures,
          err: error,
          ...(stderr.length > 0 && { stderr }),
        },
        "MCP server could not be started",
      );
      throw error;
    }
  }

  #isStarting(session: Session): boolean {
    return this.#phase.state === "starting" && this.#phase.session === session;
  }

  #onTools(session: Session, listing: ToolListing): void {
    if (this.#session !== session) return;
    this.#listing = listing;
    this.#deps.log.info({ server: this.config.name, tools: listing.tools.length }, "MCP server changed its tools");
    this.#deps.onChange();
  }

  #onEnd(session: Session, reason: string): void {
    this.#deps.log.warn({ server: this.config.name, reason }, "MCP server ended");
    this.#retire(session);
    if (this.#phase.state !== "ready" || this.#phase.session !== session) return;
    this.#recordFailure("call", reason);
    this.#setPhase({ state: "stopped" });
  }

  /** Gives a session up that a call found dead, unless another call did so before. */
  #replace(session: Session, error: unknown): void {
    if (this.#phase.state !== "ready" || this.#phase.session !== session) return;
    this.#recordFailure("call", error instanceof Error ? error.message : String(error));
    this.#retire(session);
    this.#setPhase({ state: "stopped" });
  }

  async #stop(): Promise<void> {
    const phase = this.#phase;
    if (phase.state === "starting" || phase.state === "ready") this.#retire(phase.session);
    this.#setPhase({ state: "stopped" });
    await this.#ending;
  }

  #retire(session: Session): void {
    this.#ending = Promise.all([this.#ending, this.#closeSession(session)]).then(() => undefined);
  }

  /** Never rejects: the next session starts whatever became of this one. */
  async #closeSession(session: Session): Promise<void> {
    try {
      await session.close();
    } catch (error) {
      this.#deps.log.error({ server: this.config.name, err: error }, "MCP session did not close cleanly");
    }
  }

  #setPhase(phase: Phase): void {
    const changed = this.#phase.state !== phase.state;
    this.#phase = phase;
    if (changed) this.#deps.onChange();
  }

  #recordFailure(stage: UpstreamFailure["stage"], message: string): void {
    this.#lastFailure = { stage, message: this.#deps.redact(message), at: this.#deps.clock.now() };
  }

  #waiting(last: RunletError, retryAfterMs: number): RunletError {
    const { name } = this.config;
    return new RunletError(
      "UPSTREAM_UNAVAILABLE",
      `Cannot use server "${name}" as it must have started: next try in ${retryAfterMs} ms. The last one failed: ${last.message}`,
      { ...last.context, server: name, details: { sent: false, retryAfterMs }, cause: last },
    );
  }

  #unavailable(rule: string, value: string, cause?: unknown): RunletError {
    const { name } = this.config;
    return new RunletError("UPSTREAM_UNAVAILABLE", `Cannot use server "${name}" unless ${rule}: ${value}.`, {
      server: name,
      details: { sent: false },
      cause,
    });
  }

  #notServed(tool: string): RunletError {
    const server = this.config.name;
    return new RunletError(
      "TOOL_NOT_FOUND",
      `Cannot call tool "${tool}" as server "${server}" serves no tool of this name.`,
      {
        server,
        tool,
      },
    );
  }
}
