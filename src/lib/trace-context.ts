import { isRecord } from "./guards.ts";

/**
 * A place in a distributed trace: what comes after it is its child.
 *
 * @source W3C Trace Context, Level 2.
 */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero. */
  readonly spanId: string;
  /** `SAMPLED` and `RANDOM_ID`; other bits are not passed on. */
  readonly flags: number;
  /** What tracing systems noted for themselves, as it came; `undefined` when nothing or malformed. */
  readonly state?: string | undefined;
}

const SAMPLED = 1;
const KNOWN_FLAGS = 3;
const PARENT = /^(?<version>[\da-f]{2})-(?<trace>[\da-f]{32})-(?<span>[\da-f]{16})-(?<flags>[\da-f]{2})(?<more>-.*)?$/u;
const ALL_ZERO = /^0+$/u;
const MAX_PARENT_CHARS = 256;
const MAX_STATE_CHARS = 512;
const MAX_STATE_MEMBERS = 32;
const STATE_MEMBER = /^[a-z\d][a-z\d_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/u;

/**
 * Reads the context that a caller sent. Nothing of it is trusted: what is malformed counts as not sent.
 *
 * @param parent Value of `traceparent`.
 * @param state Value of `tracestate`; only counts beside a good `parent`.
 */
export function parseTraceContext(parent: unknown, state?: unknown): TraceContext | undefined {
  if (typeof parent !== "string" || parent.length > MAX_PARENT_CHARS) return undefined;
  const { version, trace = "", span = "", flags = "", more } = PARENT.exec(parent)?.groups ?? {};
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (ALL_ZERO.test(trace) || ALL_ZERO.test(span)) return undefined;
  const kept = typeof state === "string" && isTraceState(state) ? { state } : {};
  return { traceId: trace, spanId: span, flags: Number.parseInt(flags, 16) & KNOWN_FLAGS, ...kept };
}

/** The context in the headers of a request. */
export function traceOfHeaders(headers: Headers): TraceContext | undefined {
  const parent = headers.get("traceparent");
  return parent === null ? undefined : parseTraceContext(parent, headers.get("tracestate"));
}

/**
 * The context in the `_meta` of an MCP request.
 *
 * @source Model Context Protocol 2026-07-28, basic: `traceparent` and `tracestate` are reserved keys of `_meta`.
 */
export function traceOfMeta(meta: unknown): TraceContext | undefined {
  return isRecord(meta) ? parseTraceContext(meta["traceparent"], meta["tracestate"]) : undefined;
}

/** The context as it is sent on: members of `_meta`, or HTTP headers. */
export function traceMembers(context: TraceContext): Readonly<Record<string, string>> {
  const { traceId, spanId, flags, state } = context;
  const traceparent = `00-${traceId}-${spanId}-0${flags & KNOWN_FLAGS}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

/** Whether whoever began the trace records it. */
export function isSampled({ flags }: TraceContext): boolean {
  return (flags & SAMPLED) !== 0;
}

/** The field that ties a log line to its trace; none without a trace. */
export function traceField(context: TraceContext | undefined): { readonly trace_id?: string } {
  return context === undefined ? {} : { trace_id: context.traceId };
}

function isTraceState(state: string): boolean {
  if (state.length > MAX_STATE_CHARS) return false;
  const members = state.split(",").map((member) => member.trim());
  const named = members.filter((member) => member !== "");
  return named.length > 0 && members.length <= MAX_STATE_MEMBERS && named.every((member) => STATE_MEMBER.test(member));
}
