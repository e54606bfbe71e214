import { APIConnectionError, APIConnectionTimeoutError, APIError } from "openai";
import { boundText } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";

const MAX_LOGGED_BYTES = 500;

/** Statuses that stay what they are until somebody changes the configuration or the request. */
const REFUSALS: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 413, 422]);

/**
 * What `openai` threw as a failure for callers. It says what went wrong and who mends it; never the endpoint's own words,
 * which may quote the key or the prompt.
 *
 * @param thrown An `APIError`, a `SyntaxError` of a malformed body, or what `fetch` threw while the body came in.
 */
export function toModelFailure(thrown: unknown): RunletError {
  const status = thrown instanceof APIError && typeof thrown.status === "number" ? thrown.status : undefined;
  const { what, hint } = status === undefined ? withoutStatus(thrown) : withStatus(status);
  return new RunletError("MODEL_UNAVAILABLE", `Cannot plan the task as the model endpoint ${what}`, {
    hint,
    cause: thrown,
    ...(status === undefined ? {} : { details: { status } }),
    ...(status !== undefined && REFUSALS.has(status) ? { retryable: false } : {}),
  });
}

/** The failure of a model that took longer than it may. */
export function toModelTimeout(timeoutMs: number): RunletError {
  return new RunletError(
    "MODEL_UNAVAILABLE",
    `Cannot plan the task as the model may take model.timeout at most: current value is ${timeoutMs} ms, retries included`,
    { hint: "Post the task again later, or the operator should raise model.timeout." },
  );
}

/** What the operator's log may say of it: the endpoint's words bounded and without the key. */
export function describeForLog(thrown: unknown, apiKey: string): object {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const words = boundText(apiKey === "" ? message : message.replaceAll(apiKey, "***"), MAX_LOGGED_BYTES);
  if (!(thrown instanceof APIError)) return { reason: words };
  return { reason: words, status: thrown.status, type: thrown.type, requestId: thrown.requestID };
}

interface Words {
  readonly what: string;
  readonly hint: string;
}

function withStatus(status: number): Words {
  const what = `answered with HTTP status ${status}`;
  if (status === 401 || status === 403) return { what, hint: "The operator should check model.apiKey." };
  if (status === 404) return { what, hint: "The operator should check model.baseURL and model.model." };
  if (status === 400 || status === 413 || status === 422) {
    const hint =
      "The tools may not fit the model's context: narrow `servers` or `tools`; or the operator should check model.";
    return { what, hint };
  }
  if (status === 429)
    return { what, hint: "The endpoint's rate limit or quota is reached: post the task again later." };
  return { what, hint: "Post the task again later." };
}

function withoutStatus(thrown: unknown): Words {
  if (thrown instanceof SyntaxError) {
    return {
      what: "answered with malformed JSON",
      hint: "Post the task again, or the operator should check model.baseURL.",
    };
  }
  if (thrown instanceof APIConnectionTimeoutError) {
    return {
      what: "did not answer in time",
      hint: "Post the task again later, or the operator should raise model.timeout.",
    };
  }
  if (thrown instanceof APIConnectionError) {
    return {
      what: "cannot be reached",
      hint: "The operator should check that it runs and that model.baseURL is right.",
    };
  }
  return { what: "broke off its answer", hint: "Post the task again." };
}
