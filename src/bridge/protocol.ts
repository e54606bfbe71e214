/**
 * Every message between worlds, in one file: script ↔ executor process (strings through one callback) and executor
 * process ↔ service (JSON over one pipe). Shared with `sandbox-runtime`, so it uses the language only.
 *
 * Data from the less trusted side is rebuilt by the `parse…` functions, never passed on.
 */

/** What a script's limits are inside the isolate; each is held again outside. */
export interface SandboxLimits {
  readonly toolCalls: number;
  readonly concurrency: number;
  readonly argumentBytes: number;
  readonly argumentTotalBytes: number;
  readonly resultBytes: number;
  readonly emittedBytes: number;
  readonly logBytes: number;
  readonly logLines: number;
  readonly logLineBytes: number;
  readonly errorBytes: number;
  readonly timers: number;
}

/** What the runtime needs to start one script. Crosses into the isolate as JSON text. */
export interface SandboxStart {
  readonly limits: SandboxLimits;
  /** Whether the code is a function of the tracker of its floating promises. */
  readonly tracked: boolean;
  /** Whether the script's lines are those of the caller's text, so that logs may name them. */
  readonly sameLines: boolean;
  /** What `Math.random`, `crypto.randomUUID` and its like follow from: four unsigned 32-bit integers. */
  readonly seed: readonly [number, number, number, number];
  /** What the script's clock reads first, in ms since the epoch. */
  readonly clockMs: number;
  /**
   * Whether nothing the script sees depends on when anything happens. Else it is told answers and the time in the order and with
   * the instants that the service gives: told the same again, it does the same again.
   */
  readonly seeded: boolean;
}

/** Lists of names an executor process keeps: a run that sees the same tools as one before it is sent a number for them. */
export const MAX_KEPT_NAMES = 64;

/** Values one run may emit: each costs more than its bytes, in an event and in the answer. */
export const MAX_EMITTED_VALUES = 10_000;

/** Longest JSON text of the names after `mcp.`: far more than the name of any tool. */
export const MAX_PATH_UNITS = 4_096;

/** Deepest JSON taken from an executor process; deeper text would exhaust the stack of whoever writes it out again. */
export const MAX_NESTING = 512;

/** Severity of a log line. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * How a script ended, decided by the code path that saw it and never by properties of a thrown value.
 *
 * `value`: `text` is the result's JSON; `undefined`: it has none; `thrown`: `text` is a `ThrownText`; `failed`: a failure
 * that Runlet made (a tool's error, a limit) reached the top, `text` is a `FailedText`.
 */
export type DoneKind = "value" | "undefined" | "thrown" | "failed";

/** JSON of something a script threw. All texts are the script's own and bounded. */
export interface ThrownText {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** JSON of a failure made by Runlet that the script did not catch. */
export interface FailedText {
  /** JSON text of an `ErrorInfo`. */
  readonly info: string;
  /** Stack of the place where the script made the call. */
  readonly stack: string;
}

/** Isolate → executor process. The runtime sends `[type, …strings]`. */
export type SandboxMessage =
  | { readonly type: "call"; readonly id: number; readonly path: string; readonly args: string }
  | { readonly type: "log"; readonly level: LogLevel; readonly text: string }
  | { readonly type: "emit"; readonly json: string }
  /** `dueMs`: on the script's clock; absent where that does not go with the machine's. */
  | { readonly type: "timer"; readonly id: number; readonly delayMs: number; readonly dueMs?: number }
  /** Asks that timers due by then may fire while calls are in flight. */
  | { readonly type: "tick"; readonly dueMs: number }
  | { readonly type: "untimer"; readonly id: number }
  | { readonly type: "done"; readonly kind: DoneKind; readonly text: string };

/** Everything the executor process needs for one run. */
export interface RunMessage {
  readonly type: "run";
  readonly run: number;
  readonly code: string;
  readonly start: SandboxStart;
  /** JSON text of `input`; absent when the run has none. */
  readonly input?: string;
  /** Number of the names the script can enumerate; sent before, in a message of their own. */
  readonly names: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryMiB: number;
  /** The service's time when it sent this, in ms since the epoch. */
  readonly nowMs: number;
}

/** Service → executor process. */
export type ServiceMessage =
  | { readonly type: "init"; readonly runtime: string; readonly warm: number; readonly memoryMiB: number }
  | RunMessage
  /**
   * JSON text `{"namespace": ["method", …]}` under a number. Both ends keep `MAX_KEPT_NAMES` of them and forget all when
   * one more comes.
   */
  | { readonly type: "names"; readonly id: number; readonly json: string }
  /** Outcome of a call: `json` is the answer's JSON text, or that of an `ErrorInfo`. */
  | {
      readonly type: "reply";
      readonly run: number;
      readonly id: number;
      readonly ok: boolean;
      readonly json: string;
      /** What the script's clock reads then. */
      readonly atMs: number;
    }
  /** Timers of the run due by then may fire. */
  | { readonly type: "ticked"; readonly run: number; readonly atMs: number }
  | { readonly type: "cancel"; readonly run: number }
  /** Whether the run's wall time stands still from now on, as somebody is asked for it. */
  | { readonly type: "still"; readonly run: number; readonly on: boolean }
  | { readonly type: "ping"; readonly id: number };

/** What a run used, as the executor process measured it. */
export interface ExecutionUsage {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly heapMiB: number;
}

/**
 * Why an executor process ended a run. See `DoneKind`; the others are its own findings: limits, a deadlock, a
 * cancellation, an isolate that V8 gave up (`catastrophe`), none to be had, so that the run never started (`refused`).
 */
export type EndReason =
  | DoneKind
  | "wall"
  | "cpu"
  | "memory"
  | "deadlock"
  | "cancelled"
  | "catastrophe"
  | "quota"
  | "refused";

const END_REASONS: ReadonlySet<string> = new Set<EndReason>([
  "value",
  "undefined",
  "thrown",
  "failed",
  "wall",
  "cpu",
  "memory",
  "deadlock",
  "cancelled",
  "catastrophe",
  "quota",
  "refused",
]);

/** Executor process → service. */
export type ExecutorMessage =
  | { readonly type: "ready" }
  /** V8 gave up an isolate here, or one cannot be stopped: the process takes no new runs. `run`: whose isolate it was. */
  | { readonly type: "tainted"; readonly run?: number }
  | { readonly type: "call"; readonly run: number; readonly id: number; readonly path: string; readonly args: string }
  | {
      readonly type: "log";
      readonly run: number;
      readonly level: LogLevel;
      readonly atMs: number;
      readonly text: string;
    }
  | { readonly type: "emit"; readonly run: number; readonly json: string }
  | { readonly type: "tick"; readonly run: number; readonly atMs: number }
  | {
      readonly type: "end";
      readonly run: number;
      readonly reason: EndReason;
      readonly text: string;
      readonly usage: ExecutionUsage;
    }
  /** Answers a ping. `busy`: numbers of the runs that compute right now, the one that has computed longest first. */
  | { readonly type: "pong"; readonly id: number; readonly busy: readonly number[] };

/** Runs a pong names at most. */
export const MAX_BUSY = 64;

const LEVELS: ReadonlySet<string> = new Set<LogLevel>(["debug", "info", "warn", "error"]);
const DONE_KINDS: ReadonlySet<string> = new Set<DoneKind>(["value", "undefined", "thrown", "failed"]);

/** Longest delay a timer can have. @source HTML, timers: a 32-bit signed integer */
export const MAX_TIMER_MS = 2_147_483_647;

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

/** Rebuilds what the runtime sent. @returns `undefined` for anything else. */
export function parseSandboxMessage(type: unknown, a: unknown, b: unknown, c: unknown): SandboxMessage | undefined {
  switch (type) {
    case "call": {
      const id = Number(a);
      return isCount(id) && typeof b === "string" && typeof c === "string" ? { type, id, path: b, args: c } : undefined;
    }
    case "log":
      return typeof a === "string" && LEVELS.has(a) && typeof b === "string"
        ? { type, level: a as LogLevel, text: b }
        : undefined;
    case "emit":
      return typeof a === "string" ? { type, json: a } : undefined;
    case "timer": {
      const id = Number(a);
      const delayMs = Number(b);
      if (!isCount(id) || !isAmount(delayMs) || delayMs > MAX_TIMER_MS) return undefined;
      const dueMs = c === undefined ? undefined : Number(c);
      return isAmount(dueMs) ? { type, id, delayMs, dueMs } : { type, id, delayMs };
    }
    case "tick": {
      const dueMs = Number(a);
      return isAmount(dueMs) ? { type, dueMs } : undefined;
    }
    case "untimer": {
      const id = Number(a);
      return isCount(id) ? { type, id } : undefined;
    }
    case "done":
      return typeof a === "string" && DONE_KINDS.has(a) && typeof b === "string"
        ? { type, kind: a as DoneKind, text: b }
        : undefined;
    default:
      return undefined;
  }
}

/** Rebuilds what an executor process sent. @returns `undefined` for anything else. */
export function parseExecutorMessage(data: unknown): ExecutorMessage | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { type, run, id, path, args, level, atMs, text, json, reason, usage, busy } = data as Record<string, unknown>;
  if (type === "ready") return { type };
  if (type === "tainted") return isCount(run) ? { type, run } : { type };
  if (type === "pong") return isCount(id) && isBusy(busy) ? { type, id, busy } : undefined;
  if (!isCount(run)) return undefined;
  switch (type) {
    case "call":
      return isCount(id) && typeof path === "string" && typeof args === "string"
        ? { type, run, id, path, args }
        : undefined;
    case "log":
      return typeof level === "string" && LEVELS.has(level) && isAmount(atMs) && typeof text === "string"
        ? { type, run, level: level as LogLevel, atMs, text }
        : undefined;
    case "emit":
      return typeof json === "string" ? { type, run, json } : undefined;
    case "tick":
      return isAmount(atMs) ? { type, run, atMs } : undefined;
    case "end": {
      const used = parseUsage(usage);
      return typeof reason === "string" && END_REASONS.has(reason) && typeof text === "string" && used !== undefined
        ? { type, run, reason: reason as EndReason, text, usage: used }
        : undefined;
    }
    default:
      return undefined;
  }
}

function isBusy(data: unknown): data is readonly number[] {
  return Array.isArray(data) && data.length <= MAX_BUSY && data.every(isCount);
}

function parseUsage(data: unknown): ExecutionUsage | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { wallMs, cpuMs, heapMiB } = data as Record<string, unknown>;
  return isAmount(wallMs) && isAmount(cpuMs) && isAmount(heapMiB) ? { wallMs, cpuMs, heapMiB } : undefined;
}
