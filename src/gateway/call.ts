import type { CatalogTool } from "../catalog/catalog.ts";
import type { AccessRules, Principal } from "../config/principal.ts";
import type { Asker } from "../upstream/asker.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { CallProgress, ContentBlock } from "../upstream/upstream.ts";

/** One call of one tool, as it travels through the gateway. */
export interface ToolCall {
  readonly principal: Principal;
  /** Rules of the run that makes the call; they narrow the principal's. */
  readonly narrow: AccessRules | undefined;
  readonly server: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Aborting cancels the call upstream. */
  readonly signal: AbortSignal;
  /** Largest answer taken, JSON bytes. */
  readonly maxResultBytes: number;
  readonly runId?: string;
  /** What the call is a part of with others that may carry on what it answers: a run. @default the call alone */
  readonly unit?: CallUnit;
  /** Who made the call and can be asked for what the tool wants to know. @default nobody: such a call fails */
  readonly asker?: Asker | undefined;
  /** What the call is part of. Once it is in the gateway: the call's own place, which the server is told. */
  readonly traceContext?: TraceContext | undefined;
  /** Of the request that makes the call itself, for the audit. */
  readonly requestId?: string;
  /** Is told what the server reports of the call; of one that shares another's answer, nothing. Must not throw. */
  readonly onProgress?: (progress: CallProgress) => void;
  /** What the caller says beside the arguments: sent to the server as `_meta`, and such a call shares no answer. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** Somebody approved it. */
  readonly approved?: true;
  /** A process that died may have made it: it is made only where that does no harm. */
  readonly again?: true;
  /** It is answered with `null` and not made, unless it only reads. */
  readonly dryRun?: boolean;
}

/** What calls are parts of; each is one by its identity. */
export interface CallUnit {
  /** Tools that answered it past the gateway: what an earlier attempt of a run got, it is told again. @default none */
  readonly answered?: Iterable<{ readonly server: string; readonly tool: string }>;
}

/** How a call ended well. A tool that says `isError` is thrown as TOOL_FAILED. */
export interface ToolResult {
  /** The answer unwrapped: structured content, else parsed JSON text, else text, else content blocks. */
  readonly value: unknown;
  readonly content: readonly ContentBlock[];
  /** `skipped`: a dry run did not make it. */
  readonly outcome: "ok" | "cached" | "skipped";
  /** Size of `value` as JSON text. */
  readonly bytes: number;
  /** What the server said beside the answer: its `_meta`. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** A step of the path, from the kind of call it takes. Rejects with `RunletError` only. */
export type CallTool<Call extends ToolCall = ToolCall> = (call: Call) => Promise<ToolResult>;

/** A policy: a function around a call. */
export type Interceptor<Call extends ToolCall = ToolCall> = (next: CallTool<Call>) => CallTool<Call>;

/** One call of one tool, with every policy. */
export interface Gateway {
  /**
   * @throws TOOL_NOT_FOUND (also when not allowed), TOOL_ARGUMENTS_INVALID, TOOL_FAILED, TOOL_TIMEOUT,
   *   PRINCIPAL_REVOKED, FLOW_DENIED, APPROVAL_REQUIRED, CALL_OUTCOME_UNKNOWN, TOOL_RESULT_TOO_LARGE, UPSTREAM_NEEDS_INPUT, UPSTREAM_OVERLOADED, UPSTREAM_CIRCUIT_OPEN,
   *   UPSTREAM_UNAVAILABLE, UPSTREAM_PROTOCOL;
   *   RUN_CANCELLED when `signal` aborts.
   */
  call(call: ToolCall): Promise<ToolResult>;
}

/** Checks literal or real arguments against a tool's input schema. */
export interface ArgumentValidator {
  /** @returns Problems as `{pointer, message}`; empty when the arguments are fine or the schema cannot be compiled. */
  check(tool: CatalogTool, args: unknown): readonly ArgumentProblem[];
}

/** One fault of an argument object. */
export interface ArgumentProblem {
  /** JSON pointer into the arguments, empty for the whole. */
  readonly pointer: string;
  readonly message: string;
}
