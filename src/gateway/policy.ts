import type { CatalogTool } from "../catalog/catalog.ts";
import type { Upstream, UpstreamResult } from "../upstream/upstream.ts";
import type { ToolCall } from "./call.ts";

/** Which policy refused a call and why: for metrics and the operator's log, never for the caller. */
export interface CallRefusal {
  readonly reason:
    | "access"
    | "revoked"
    | "unknown"
    | "arguments"
    | "queue_full"
    | "queue_wait"
    | "breaker_open"
    | "quota"
    | "rate"
    | "flow"
    | "approval";
  /** Whose rule it was. */
  readonly scope: "principal" | "run" | "tool" | "server";
  /** The rule's place, such as `principal.tools.files`. */
  readonly rule?: string;
}

/** What the policies note of one call while it passes; read when it has ended. */
export interface CallTrace {
  /** Names that exist here, whoever may use them; `undefined` when the caller made them up. */
  server: string | undefined;
  tool: string | undefined;
  /** Time the upstream took, its start included. */
  upstreamMs: number;
  /** Time in line for a place, and between attempts. */
  queueMs: number;
  /** How often the upstream was asked; 0 where it was not. */
  attempts: number;
  refusal: CallRefusal | undefined;
  /** How its server was reached, once it was called. */
  transport?: "pipe" | "tcp" | undefined;
  /** Revision of MCP that its server speaks, once it was called. */
  protocol?: string | undefined;
}

/** A call that is being measured. */
export interface TracedCall extends ToolCall {
  readonly trace: CallTrace;
}

/** A call that may be made, with the tool and the server it goes to. */
export interface AdmittedCall extends TracedCall {
  readonly definition: CatalogTool;
  readonly upstream: Upstream;
  /** @see callKey, once a policy has needed it. */
  readonly key?: string;
  /** Lets the call's time stand still. */
  readonly pause?: () => Disposable;
  /** Takes secrets out of the answer before anything is made of it. @default it stays as it is */
  readonly clean?: (answer: UpstreamResult) => UpstreamResult;
}

const MAX_NAME = 128;

/** A name from outside, short enough for a message or a comparison. */
export function shortName(name: string): string {
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME)}…`;
}

/** How messages name a tool: `files.read_file`. */
export function toolLabel(call: { readonly server: string; readonly tool: string }): string {
  return `${shortName(call.server)}.${shortName(call.tool)}`;
}
