import type { TraceContext } from "../lib/trace-context.ts";

/** What a span says besides its name and times. Never arguments, results, scripts or secrets. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** How a span begins. */
export interface SpanStart {
  /** `server`: a request that came to us; `client`: one that we send. @default "internal" */
  readonly kind?: "internal" | "server" | "client";
  readonly attributes?: SpanAttributes;
  /** When it began, in ms since the epoch. @default now */
  readonly startedAtMs?: number;
}

/** One piece of work in a trace. */
export interface TraceSpan {
  /** What is done for it has this for a parent. */
  readonly context: TraceContext;
  /** Adds attributes; a later value replaces an earlier one. */
  set(attributes: SpanAttributes): void;
  rename(name: string): void;
  /** @param errorType Short name of what went wrong; `undefined` when nothing did. */
  end(errorType?: string): void;
}

/** Notes what is done in which order and how long it takes. Costs next to nothing where nothing is recorded. */
export interface Tracing {
  /**
   * Begins a span.
   *
   * @param parent What it is part of; without one it begins a trace.
   * @returns `undefined` when nothing is to be noted: the parent then is what children, here and elsewhere, belong to.
   */
  start(name: string, parent: TraceContext | undefined, start?: SpanStart): TraceSpan | undefined;
}

/** Tracing that notes nothing: contexts are passed on as they came. */
export const noTracing: Tracing = Object.freeze({ start: () => undefined });
