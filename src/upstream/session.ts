import { isDeepStrictEqual } from "node:util";
import { Client, CLIENT_CAPABILITIES_META_KEY, SdkError, SdkErrorCode } from "@modelcontextprotocol/client";
import type { UpstreamConfig } from "../config/config.ts";
import type { Clock } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { traceMembers } from "../lib/trace-context.ts";
import { type CallTimers, startCallTimers } from "./call-timers.ts";
import { findStatus, toCallError, toStartError, wasNotSent } from "./failures.ts";
import { mayDeclareHeaders } from "./header-parameters.ts";
import { Incidents } from "./incidents.ts";
import { listTools } from "./list-tools.ts";
import type { AskerCapabilities } from "./asker.ts";
import { Questions } from "./questions.ts";
import { type ChangeWatch, watchToolList } from "./tool-list-watch.ts";
import type { ToolListing } from "./tool-list.ts";
import { authorizedFetch } from "./oauth/authorized-fetch.ts";
import type { AccessTokens } from "./oauth/access-tokens.ts";
import { containerRun } from "./transports/container.ts";
import { childEnvironment, type Environment } from "./transports/environment.ts";
import { HttpTransport } from "./transports/http.ts";
import { ANY_ANSWER } from "./transports/raw-results.ts";
import { SseTransport } from "./transports/sse.ts";
import { StdioTransport } from "./transports/stdio.ts";
import { toSentMeta, toUpstreamResult } from "./tool-answer.ts";
import type { ToolDefinition, UpstreamCallOptions, UpstreamFailure, UpstreamResult } from "./upstream.ts";
import { within } from "./within.ts";

/** The SDK has a timeout of its own on each request; ours are the ones that count. */
const NEVER_MS = 2 ** 31 - 1;
/** A server silent for so long on a first request of the new era is taken for one of the old. */
const PROBE_MS = 5_000;

/** What a session needs besides its configuration. */
export interface SessionDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Our own environment, from which stdio servers inherit the allow-listed part. */
  readonly env: Environment;
  /** Our version, told to servers. */
  readonly version: string;
  /** Access tokens for the server. @default it needs none */
  readonly tokens?: AccessTokens | undefined;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** The server's tools have changed. */
  readonly onTools: (listing: ToolListing) => void;
  /** The server said that its tools changed and then did not list them. */
  readonly onListFailure: (error: RunletError) => void;
  /** The connection ended, by whichever side; comes at most once and only after a successful `open`. */
  readonly onEnd: (reason: string) => void;
  /** Takes secrets out of text that servers wrote. */
  readonly redact: (text: string) => string;
}

/**
 * One connection to one MCP server, opened once.
 *
 *     new ──► open ──► ended     (closed by us, or broken; a new session replaces it)
 */
export class Session {
  readonly #config: UpstreamConfig;
  readonly #deps: SessionDeps;
  #transport: StdioTransport | HttpTransport | SseTransport | undefined;
  #client: Client | undefined;
  #watch: ChangeWatch | undefined;
  #listing: ToolListing | undefined;
  /** Tools of which arguments travel as headers too. */
  #mirrored: ReadonlyMap<string, ToolDefinition> = new Map();
  #stage: UpstreamFailure["stage"] = "spawn";
  readonly #incidents = new Incidents();
  readonly #questions: Questions;
  #opened = false;
  /** Why there was no token for a request of the start. */
  #noToken: RunletError | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: UpstreamConfig, deps: SessionDeps) {
    this.#config = config;
    this.#deps = deps;
    const { clock, log, redact } = deps;
    const { name: server, sampling } = config;
    this.#questions = new Questions({ server, sampling: sampling === "forward", clock, log, redact });
  }

  /** How far it came: what a failure is blamed on. */
  get stage(): UpstreamFailure["stage"] {
    const spawned = this.pid !== undefined || this.#exit() !== undefined;
    return this.#stage === "spawn" && spawned ? "handshake" : this.#stage;
  }

  get pid(): number | undefined {
    return this.#transport instanceof StdioTransport ? this.#transport.pid : undefined;
  }

  get stderr(): readonly string[] {
    return this.#transport instanceof StdioTransport ? this.#transport.stderr : [];
  }

  get protocolVersion(): string | undefined {
    return this.#client?.getNegotiatedProtocolVersion();
  }

  /** Whether the server speaks a revision up to 2025-11-25. */
  get legacy(): boolean {
    return this.#client?.getProtocolEra() === "legacy";
  }

  get serverInfo(): { readonly name: string; readonly version: string } | undefined {
    const info = this.#client?.getServerVersion();
    return info && { name: info.name, version: info.version };
  }

  /**
   * Connects and lists the tools, each within `timeoutMs`. After a rejection call `close`.
   *
   * @param knownLegacy The server is known to speak an old revision: it is not asked for the new one first.
   * @throws UPSTREAM_UNAVAILABLE
   */
  async open(timeoutMs: number, knownLegacy: boolean): Promise<ToolListing> {
    const { clock } = this.#deps;
    try {
      await within(
        clock,
        timeoutMs,
        () => this.#timedOut("finish the handshake", timeoutMs),
        () => this.#connect(timeoutMs, knownLegacy),
      );
      this.#stage = "list";
      const first = this.#listWithin(timeoutMs);
      this.#watch = this.#watchTools(first);
      const listing = await first;
      this.#take(listing);
      this.#opened = true;
      this.#stage = "call";
      return listing;
    } catch (error) {
      if (this.#noToken !== undefined) this.#stage = "auth";
      throw await this.#toStartError(this.#noToken ?? this.#fatal() ?? error);
    }
  }

  async #toStartError(thrown: unknown): Promise<RunletError> {
    if (this.#transport instanceof StdioTransport) await this.#transport.lastWords();
    const exit = this.#exit();
    // That it took no more input says less than how it ended.
    const ended = exit !== undefined && wasNotSent(thrown);
    const cause = ended ? new Error("its process ended", { cause: thrown }) : thrown;
    return toStartError(cause, this.#config, this.stage, exit);
  }

  /**
   * Calls a tool. Concurrent calls are independent.
   *
   * @throws As `Upstream.callTool`; `details.sent` is also false when the server has lost our session.
   */
  async callTool(
    name: string,
    args: Readonly<Record<string, unknown>>,
    options: UpstreamCallOptions,
  ): Promise<UpstreamResult> {
    options.signal.throwIfAborted();
    const server = this.#config.name;
    const since = this.#incidents.begin();
    const { principal, asker, pause, trace, meta } = options;
    const timers = startCallTimers(this.#deps.clock, { config: this.#config, tool: name }, options);
    const pauses = [() => timers.pause(), ...(pause === undefined ? [] : [pause])];
    try {
      return await this.#questions.during(
        { tool: name, principal, asker, signal: timers.signal, pauses },
        (extra, capabilities) =>
          this.#request({ name, arguments: { ...args }, ...extra }, timers, { capabilities, trace, meta }),
        toUpstreamResult,
      );
    } catch (error) {
      options.signal.throwIfAborted();
      const late = timers.timeout(error);
      if (late !== undefined) throw late;
      const transport = this.#transport;
      const cause = error instanceof SdkError ? (this.#fatal() ?? error) : error;
      const hasSession =
        transport instanceof SseTransport || (transport instanceof HttpTransport && transport.sessionId !== undefined);
      const failure = toCallError(cause, { server, tool: name, ended: this.#exit(), hasSession });
      if (failure.code === "UPSTREAM_UNAVAILABLE") this.#incidents.lost(since, failure);
      throw failure;
    } finally {
      timers.stop();
    }
  }

  /** Ends the connection and every process of it; `onEnd` does not come any more. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#opened = false;
      this.#watch?.close();
      await this.#transport?.close();
    })();
    return this.#closing;
  }

  async #connect(timeoutMs: number, knownLegacy: boolean): Promise<void> {
    try {
      await this.#connectOnce(timeoutMs, knownLegacy);
    } catch (error) {
      // Some servers of the old era end on any request before `initialize`: they get a second life without the question.
      const diedOnProbe =
        !knownLegacy && this.#exit() !== undefined && isSdkError(error, SdkErrorCode.EraNegotiationFailed);
      const maySpeakSse = this.#maySpeakSse(error);
      if (!(diedOnProbe || maySpeakSse) || this.#closing !== undefined) throw error;
      await this.#transport?.close();
      try {
        await this.#connectOnce(timeoutMs, true, maySpeakSse);
      } catch (second) {
        // That it speaks neither is told by its answer to what it should speak.
        throw maySpeakSse ? error : second;
      }
    }
  }

  /**
   * Whether a refused start may be that of a server of event streams, where the configuration leaves open what it speaks.
   *
   * @source Model Context Protocol 2025-11-25, basic/transports, backwards compatibility.
   */
  #maySpeakSse(error: unknown): boolean {
    const { transport } = this.#config;
    return transport.kind === "http" && transport.sse === undefined && [400, 404, 405].includes(findStatus(error) ?? 0);
  }

  async #connectOnce(timeoutMs: number, knownLegacy: boolean, sse = false): Promise<void> {
    const { log, version } = this.#deps;
    const fields = { server: this.#config.name };
    if (this.#deps.tokens !== undefined) {
      // Before all else: what is said of it within a handshake, the SDK puts into words of its own.
      this.#stage = "auth";
      await this.#deps.tokens.current();
    }
    const transport = this.#createTransport(sse);
    this.#transport = transport;
    const client = new Client(
      { name: "runlet", version },
      {
        versionNegotiation: { mode: "auto", probe: { timeoutMs: Math.min(PROBE_MS, timeoutMs / 2) } },
        capabilities: this.#questions.declared,
      },
    );
    this.#client = client;
    Object.assign(client, {
      onerror: (error) => log.debug({ ...fields, err: error }, "MCP connection reports an error"),
      onclose: () => this.#onClosed(transport),
      fallbackRequestHandler: (request, context) => this.#questions.answer(request, context.mcpReq.signal),
    } satisfies Pick<Client, "onerror" | "onclose" | "fallbackRequestHandler">);
    if (!(transport instanceof StdioTransport)) this.#stage = "handshake";
    await client.connect(transport, {
      timeout: NEVER_MS,
      // The event streams are older than the new era.
      ...((knownLegacy || transport instanceof SseTransport) && { prior: { kind: "legacy" as const } }),
    });
  }

  #createTransport(asSse: boolean): StdioTransport | HttpTransport | SseTransport {
    const { clock, env } = this.#deps;
    const { name: server, transport: config } = this.#config;
    switch (config.kind) {
      case "stdio": {
        const { command, args, cwd } = config;
        return new StdioTransport({ server, command, args, cwd, env: childEnvironment(env, config.env), clock });
      }
      case "container": {
        const { remove, ...run } = containerRun({ server, config, env, clock });
        return new StdioTransport({ server, ...run, cwd: undefined, clock, commandKey: "runtime", afterEnd: remove });
      }
      case "http": {
        const { url, headers, sse = asSse } = config;
        const { tokens } = this.#deps;
        const onFailure = (failure: RunletError): void => {
          if (!this.#opened) this.#noToken = failure;
        };
        const options = { url, headers, clock, ...(tokens && { fetch: authorizedFetch(url, tokens, onFailure) }) };
        return sse ? new SseTransport(options) : new HttpTransport(options);
      }
      default:
        return config satisfies never;
    }
  }

  /** Sends a call once; servers of the new era are told of each call what its caller can be asked for. */
  async #request(
    call: { readonly name: string; readonly arguments: Record<string, unknown> },
    { signal, onProgress }: CallTimers,
    told: Pick<UpstreamCallOptions, "trace" | "meta"> & { readonly capabilities: AskerCapabilities },
  ): Promise<unknown> {
    const client = this.#client;
    if (client === undefined) throw new SdkError(SdkErrorCode.NotConnected, "Not connected");
    const { name } = call;
    const meta = {
      ...toSentMeta(told.meta),
      ...(client.getProtocolEra() === "modern" && { [CLIENT_CAPABILITIES_META_KEY]: told.capabilities }),
      ...(told.trace && traceMembers(told.trace)),
    };
    const params = { ...call, ...(Object.keys(meta).length > 0 && { _meta: meta }) };
    const options = {
      signal,
      timeout: NEVER_MS,
      allowInputRequired: true,
      ...(onProgress && { onprogress: onProgress }),
    };
    // What an answer must be is judged by us: the SDK's own schemas are a good part of a short call's computing time.
    const mirrored = this.#config.transport.kind === "http" ? this.#mirrored.get(name) : undefined;
    if (mirrored === undefined) return client.request({ method: "tools/call", params }, ANY_ANSWER, options);
    // Given the definition, without `outputSchema`, the SDK derives HTTP headers from it and leaves the answer alone.
    const inputSchema = mirrored.inputSchema as Record<string, unknown>;
    return client.callTool(params, {
      ...options,
      toolDefinition: { name, inputSchema: { ...inputSchema, type: "object" } },
    });
  }

  #listWithin(timeoutMs: number): Promise<ToolListing> {
    const client = this.#client;
    if (client === undefined) return Promise.reject(new SdkError(SdkErrorCode.NotConnected, "Not connected"));
    return within(
      this.#deps.clock,
      timeoutMs,
      () => this.#timedOut("list its tools", timeoutMs),
      (signal) => listTools(client, this.#config, { signal, timeout: NEVER_MS }),
    );
  }

  /** @returns Whether it is another list than before. */
  #take(listing: ToolListing): boolean {
    if (isDeepStrictEqual(listing, this.#listing)) return false;
    this.#listing = listing;
    const mirrored = listing.tools.filter((tool) => mayDeclareHeaders(tool.inputSchema));
    this.#mirrored = new Map(mirrored.map((tool) => [tool.name, tool]));
    return true;
  }

  #watchTools(first: Promise<ToolListing>): ChangeWatch | undefined {
    const { clock, log, random, onTools, onListFailure } = this.#deps;
    const { name: server, connectTimeoutMs } = this.#config;
    return (
      this.#client &&
      watchToolList(this.#client, {
        clock,
        log,
        random,
        server,
        timeoutMs: connectTimeoutMs,
        first,
        relist: () => this.#listWithin(connectTimeoutMs),
        onTools: (listing) => {
          if (this.#take(listing)) onTools(listing);
        },
        onFailure: (error) => onListFailure(toStartError(error, this.#config, "list", this.#exit())),
      })
    );
  }

  #onClosed(transport: StdioTransport | HttpTransport | SseTransport): void {
    if (transport !== this.#transport || !this.#opened) return;
    this.#opened = false;
    this.#watch?.close();
    this.#deps.onEnd(this.#fatal()?.message ?? this.#exit() ?? "the connection was closed");
  }

  #exit(): string | undefined {
    return this.#transport instanceof StdioTransport ? this.#transport.exit : undefined;
  }

  /** Why we ended the connection ourselves. */
  #fatal(): RunletError | undefined {
    return this.#transport instanceof StdioTransport ? this.#transport.fatal : undefined;
  }

  #timedOut(doing: string, timeoutMs: number): RunletError {
    const server = this.#config.name;
    const noisy = this.#transport instanceof StdioTransport && this.#transport.noisy;
    return new RunletError(
      "UPSTREAM_UNAVAILABLE",
      `Cannot use server "${server}" as it must ${doing} within ${timeoutMs} ms: it has not answered.`,
      {
        server,
        hint: noisy
          ? "It wrote text to stdout that is not the protocol, which its status shows; check that it is an MCP server."
          : `Raise mcpServers.${server}.connectTimeout, or repair the server.`,
        details: { sent: false },
      },
    );
  }
}

function isSdkError(error: unknown, code: SdkErrorCode): boolean {
  return error instanceof SdkError && error.code === code;
}
