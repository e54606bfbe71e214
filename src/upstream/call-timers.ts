import type { UpstreamConfig } from "../config/config.ts";
import { callTimeoutsOf } from "../config/call-timeouts.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { RunletError } from "../lib/errors.ts";
import { startPausableTimer } from "../lib/pausable-timer.ts";
import type { CallProgress, UpstreamCallOptions } from "./upstream.ts";

/** What ends one call before its answer: its caller, its timeout, or its silence. */
export interface CallTimers {
  /** Aborts with a reason that is ours to tell the upstream: the caller's own is none of its business. */
  readonly signal: AbortSignal;
  /** To be told of progress; `undefined` when nobody wants it, so that the upstream need not report any. */
  readonly onProgress: ((progress: CallProgress) => void) | undefined;
  /** Stops its time until what is returned is disposed, as while somebody is asked for input; its silence counts anew then. */
  pause(): Disposable;
  /** The TOOL_TIMEOUT of a call that took too long, naming the key to raise; `undefined` when it did not. */
  timeout(cause: unknown): RunletError | undefined;
  /** Must be called when the call has ended. */
  stop(): void;
}

/** Starts the timers of one call. Progress starts the idle one anew, never the total one. */
export function startCallTimers(
  clock: Clock,
  call: { readonly config: UpstreamConfig; readonly tool: string },
  { signal, timeoutMs, idleTimeoutMs, onProgress }: UpstreamCallOptions,
): CallTimers {
  const cancel = new AbortController();
  const onAbort = (): void => cancel.abort("cancelled by the caller");
  signal.addEventListener("abort", onAbort, { once: true });
  let expired: "total" | "idle" | undefined;
  const expire = (which: "total" | "idle"): void => {
    expired ??= which;
    cancel.abort("timed out");
  };
  const total = startPausableTimer(clock, timeoutMs, () => expire("total"));
  let idle: Timer | undefined;
  let pauses = 0;
  let over = false;
  const beginIdle = (): void => {
    idle?.cancel();
    if (idleTimeoutMs !== undefined && pauses === 0 && !over) idle = clock.after(idleTimeoutMs, () => expire("idle"));
  };
  beginIdle();
  const note = (progress: CallProgress): void => {
    if (over || cancel.signal.aborted) return;
    beginIdle();
    onProgress?.(progress);
  };
  return {
    signal: cancel.signal,
    onProgress: idleTimeoutMs === undefined && onProgress === undefined ? undefined : note,
    pause() {
      const held = total.pause();
      pauses += 1;
      idle?.cancel();
      let resumed = false;
      return {
        [Symbol.dispose]() {
          held[Symbol.dispose]();
          if (resumed) return;
          resumed = true;
          pauses -= 1;
          beginIdle();
        },
      };
    },
    timeout(cause) {
      if (expired === undefined) return undefined;
      return expired === "total" ? tooLong(call, timeoutMs, cause) : tooSilent(call, idleTimeoutMs ?? 0, cause);
    },
    stop() {
      over = true;
      total.cancel();
      idle?.cancel();
      signal.removeEventListener("abort", onAbort);
    },
  };
}

type Call = Parameters<typeof startCallTimers>[1];

function tooLong({ config, tool }: Call, timeoutMs: number, cause: unknown): RunletError {
  const server = config.name;
  return new RunletError(
    "TOOL_TIMEOUT",
    `Cannot wait longer for tool "${tool}" of server "${server}" as its timeout is ${timeoutMs} ms: it has not answered.`,
    { server, tool, hint: `Raise ${callTimeoutsOf(config, tool).callKey}, or ask the tool for less.`, cause },
  );
}

function tooSilent({ config, tool }: Call, idleMs: number, cause: unknown): RunletError {
  const server = config.name;
  return new RunletError(
    "TOOL_TIMEOUT",
    `Cannot wait longer for tool "${tool}" of server "${server}" as it may be silent for ${idleMs} ms: it has neither answered nor reported progress.`,
    { server, tool, hint: `Raise ${callTimeoutsOf(config, tool).idleKey}, or ask the tool for less.`, cause },
  );
}
