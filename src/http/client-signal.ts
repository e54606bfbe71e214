import { RunletError } from "../lib/errors.ts";

/**
 * A signal that aborts when a request's client goes away, always with an `Error` as its reason, as the services behind
 * expect it.
 *
 * @param source The request's own signal.
 */
export function clientSignal(source: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void =>
    controller.abort(
      new RunletError("RUN_CANCELLED", "Cannot answer the request as its client closed the connection."),
    );
  if (source.aborted) abort();
  else source.addEventListener("abort", abort, { once: true });
  return controller.signal;
}
