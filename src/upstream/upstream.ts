import type { UpstreamConfig } from "../config/config.ts";
import type { Asker } from "./asker.ts";
import type { TraceContext } from "../lib/trace-context.ts";

/** A JSON Schema as an MCP server sent it: an object or a boolean, not trusted. */
export type JsonSchema = Readonly<Record<string, unknown>> | boolean;

/** The hints of a tool, each absent when the server said nothing. */
export interface ToolAnnotations {
  readonly title?: string;
  readonly readOnlyHint?: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint?: boolean;
}

/** One tool as its server lists it. */
export interface ToolDefinition {
  readonly server: string;
  readonly name: string;
  readonly title?: string;
  /** Empty when the server gave none. */
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly outputSchema?: JsonSchema;
  readonly annotations?: ToolAnnotations;
}

/** A block of a tool's answer, as MCP has it (`type` is `text`, `image`, `audio`, `resource`, `resource_link` …). */
export interface ContentBlock {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** A tool's answer as it came; `isError` is the tool's own word that it failed. */
export interface UpstreamResult {
  readonly content: readonly ContentBlock[];
  readonly structuredContent?: unknown;
  readonly isError: boolean;
  /** `_meta` as the server sent it, where it did. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** Where a start or a call went wrong last. */
export interface UpstreamFailure {
  readonly stage: "spawn" | "auth" | "handshake" | "list" | "call";
  readonly message: string;
  readonly at: number;
}

/**
 * Life of an upstream, and of each process of it.
 *
 *     stopped ──► starting ──► ready ──► stopped       (closed, idle, its session was lost, or its process ended)
 *        ▲           │▲          │
 *        │           ▼│          ▼
 *        │          failed (back-off; the next use after it starts again)
 *        │           │▲
 *        │           ▼│ (failures in a row are more than `restart.max`)
 *        ├────── degraded (one start at a time, after the longest back-off; the others are refused meanwhile)
 *        └────── needs_auth (the server wants a token; the next use after somebody's login starts it)
 *                  restart() leads from every state to `stopped`
 *
 * An upstream with several processes is as well as the best of those that live.
 */
export type UpstreamState = (typeof UPSTREAM_STATES)[number];

/** Every state an upstream can be in. */
export const UPSTREAM_STATES = ["stopped", "starting", "ready", "failed", "degraded", "needs_auth"] as const;

/** One session of an upstream: a process, or a connection. */
export interface SessionStatus {
  /** Whose it is: everybody's, one principal's, one run's, or nobody's yet. */
  readonly owner: "shared" | "principal" | "run" | "none";
  readonly state: UpstreamState;
  readonly pid: number | undefined;
  /** Calls it carries out now. */
  readonly inFlight: number;
}

/** What `GET /servers` and logs say of an upstream. Holds no credential. */
export interface UpstreamStatus {
  readonly name: string;
  readonly state: UpstreamState;
  readonly transport: "stdio" | "container" | "http";
  /** Number of tools listed last; `undefined` before the first list. */
  readonly tools: number | undefined;
  /** Negotiated MCP revision, such as `2026-07-28`. */
  readonly protocolVersion: string | undefined;
  readonly serverInfo: { readonly name: string; readonly version: string } | undefined;
  /** Of one of its live processes. */
  readonly pid: number | undefined;
  /** Every session and each of its replicas, the one used last at the end. */
  readonly sessions: readonly SessionStatus[];
  readonly lastFailure: UpstreamFailure | undefined;
  /** Tools that were dropped, with why. */
  readonly droppedTools: readonly { readonly name: string; readonly reason: string }[];
  /** Last lines of a stdio server's stderr. */
  readonly stderr: readonly string[];
}

/** How far a call is, by its server's word. */
export interface CallProgress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** Options of one call. */
export interface UpstreamCallOptions {
  /** Aborting cancels this call upstream and nothing else. */
  readonly signal: AbortSignal;
  /** Attempt timeout. */
  readonly timeoutMs: number;
  /** Longest silence; each report of progress starts it anew. @default none */
  readonly idleTimeoutMs?: number | undefined;
  /** Is told what the server reports of this call; only then, or with an idle timeout, it is asked to. Must not throw. */
  readonly onProgress?: ((progress: CallProgress) => void) | undefined;
  /** Sent as `_meta`, without `progressToken` and the protocol's own keys. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  /** Id of who calls: sessions that keep state are never shared between two. */
  readonly principal: string;
  /** The run that calls; a call without one is a run of its own. */
  readonly runId?: string | undefined;
  /** Asked when a session is there, just before the call is sent to it: what it throws is thrown, and nothing is sent. */
  readonly admit?: (() => void) | undefined;
  /** Who can be asked for what the tool wants to know. */
  readonly asker?: Asker | undefined;
  /** Lets the caller's own time for the call stand still while it is asked, until what is returned is disposed. */
  readonly pause?: (() => Disposable) | undefined;
  /** What the call is part of: told to the server. */
  readonly trace?: TraceContext | undefined;
}

/** One configured MCP server: its sessions and their life. */
export interface Upstream {
  readonly config: UpstreamConfig;
  /** Whether all callers share its sessions, as far as is known now: what one meets, all do. */
  readonly sharesSessions: boolean;
  status(): UpstreamStatus;
  /** The tools listed last, without waiting. `undefined` before the first successful list. */
  knownTools(): readonly ToolDefinition[] | undefined;
  /** What the server told of its use when its tools were listed last. `undefined` when nothing, or before that. */
  knownInstructions(): string | undefined;
  /** Revision of MCP that was agreed on last, such as `2026-07-28`. `undefined` before that. */
  knownProtocol(): string | undefined;
  /**
   * The tools, starting the server if need be. Concurrent callers share one start.
   * @throws UPSTREAM_UNAVAILABLE when it cannot be started, is in back-off after a failure, or does not list;
   *   UPSTREAM_NEEDS_AUTH when somebody must log in first.
   */
  tools(signal?: AbortSignal): Promise<readonly ToolDefinition[]>;
  /**
   * Calls a tool, starting the server if need be.
   * @param args The tool's arguments, sent as they are.
   * @returns The answer, also when the tool says `isError`.
   * @throws UPSTREAM_UNAVAILABLE before anything was sent (`details.sent` is false) or when the connection broke
   *   (`details.sent` is true); UPSTREAM_OVERLOADED when as many sessions as may be are busy; TOOL_TIMEOUT;
   *   UPSTREAM_NEEDS_AUTH when somebody must log in first; UPSTREAM_NEEDS_INPUT; UPSTREAM_PROTOCOL for a protocol error; the signal's reason when aborted.
   */
  callTool(
    name: string,
    args: Readonly<Record<string, unknown>>,
    options: UpstreamCallOptions,
  ): Promise<UpstreamResult>;
  /** Lets go of what it keeps for one run, if anything: the run has ended. */
  releaseRun(runId: string): void;
  /** Stops it, forgets its failures and starts it again on next use. */
  restart(): Promise<void>;
  /** Ends the connection and every process of it. Safe to call twice. */
  close(): Promise<void>;
}

/** Every configured upstream. */
export interface UpstreamRegistry {
  list(): readonly Upstream[];
  get(name: string): Upstream | undefined;
  /** Grows by one each time any upstream's tools or readiness change: lets readers cache. */
  readonly version: number;
  /**
   * Starts what never was started and waits until each upstream is ready or has failed; one that hangs costs
   * `graceMs` after the others are done, at most its connect timeout when nothing else is.
   */
  settle(options?: {
    readonly names?: readonly string[];
    readonly graceMs?: number;
    readonly signal?: AbortSignal;
  }): Promise<void>;
  /** Lets go of what any upstream keeps for one run. Safe to call for runs that kept nothing. */
  releaseRun(runId: string): void;
  /** Calls `listener` whenever `version` grows. @returns How to stop listening. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}
