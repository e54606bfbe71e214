import { RunletError } from "../lib/errors.ts";

/** How soon to come again where nobody knows. */
const SOON_MS = 1_000;

/** A server that cannot be used for a reason of ours. `details.sent` is false: nothing of any call was sent. */
export function unavailable(server: string, rule: string, value: string, cause?: unknown): RunletError {
  return new RunletError("UPSTREAM_UNAVAILABLE", `Cannot use server "${server}" unless ${rule}: ${value}.`, {
    server,
    details: { sent: false },
    cause,
  });
}

/**
 * A server that is not started now as it failed.
 *
 * @param last How it failed last.
 * @param waitMs Time until it is tried again: `Infinity` is never by itself, 0 that it is being tried.
 */
export function waiting(server: string, last: RunletError, waitMs: number): RunletError {
  const never = !Number.isFinite(waitMs);
  const retryAfterMs = waitMs === 0 ? SOON_MS : waitMs;
  const next = waitMs === 0 ? "it is being tried" : `next try in ${retryAfterMs} ms`;
  return new RunletError(
    "UPSTREAM_UNAVAILABLE",
    `Cannot use server "${server}" as it must have started: ${never ? "it is not tried again" : next}. The last one failed: ${last.message}`,
    {
      ...last.context,
      server,
      ...(never && { hint: `Mend it, then POST /servers/${server}/restart; mcpServers.${server}.restart is off.` }),
      details: { sent: false, ...(!never && { retryAfterMs }) },
      cause: last,
    },
  );
}

/** A process that ended by itself. */
export function ended(server: string, reason: string): RunletError {
  return new RunletError("UPSTREAM_UNAVAILABLE", `Cannot use server "${server}" as it must stay up: ${reason}.`, {
    server,
    hint: "GET /servers and the log show the last lines of its stderr.",
    details: { sent: false },
  });
}

/** A tool that its server does not list, or that the configuration hides. */
export function notServed(server: string, tool: string): RunletError {
  const rule = `Cannot call tool "${tool}" as server "${server}" serves no tool of this name.`;
  return new RunletError("TOOL_NOT_FOUND", rule, { server, tool });
}

/** No room for one more session. */
export function tooManySessions(server: string, maxSessions: number): RunletError {
  return new RunletError(
    "UPSTREAM_OVERLOADED",
    `Cannot begin a session with server "${server}" as it may have ${maxSessions} at once: current value is ${maxSessions} in use.`,
    {
      server,
      hint: `Try again when calls have ended, or raise mcpServers.${server}.maxSessions.`,
      details: { reason: "sessions", sent: false, retryAfterMs: SOON_MS },
    },
  );
}
