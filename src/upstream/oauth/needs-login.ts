import { RunletError } from "../../lib/errors.ts";

/**
 * A server that does nothing before somebody has logged in. `details.sent` is false: nothing was done.
 *
 * @param mayTakeKey Nothing says that a login is what it wants.
 */
export function needsLogin(server: string, why: string, mayTakeKey: boolean): RunletError {
  const message = `Cannot use server "${server}" as somebody must log in to it: ${why}. Run \`runlet auth login ${server}\`.`;
  const login = `Run \`runlet auth login ${server}\` where the service has its configuration; it goes on by itself then.`;
  const hint = mayTakeKey
    ? `${login} Where it takes a key instead, write it in headers of mcpServers.${server}.`
    : login;
  return new RunletError("UPSTREAM_NEEDS_AUTH", message, { server, hint, details: { sent: false } });
}

/** A server whose tokens are there and cannot be read. The log says why: that may tell of the machine. */
export function doesNotOpen(server: string): RunletError {
  const message = `Cannot use server "${server}" as the tokens of its login must open: they do not, the log says why.`;
  const hint = "Give the service the master key that `runlet auth login` had: RUNLET_SECRETS_KEY, or its file.";
  return new RunletError("UPSTREAM_NEEDS_AUTH", message, { server, hint, details: { sent: false } });
}

/** Whether only a login helps. */
export function isNeedsLogin(thrown: unknown): thrown is RunletError {
  return thrown instanceof RunletError && thrown.code === "UPSTREAM_NEEDS_AUTH";
}
