import type { Principal } from "../../config/principal.ts";
import { parseDuration } from "../../config/units.ts";
import { boundText } from "../../lib/bounded-text.ts";
import { RunletError } from "../../lib/errors.ts";
import type { RunView } from "../../runs/run.ts";
import type { HttpDeps } from "../deps.ts";
import { eventStreamResponse } from "../event-stream.ts";
import { accepted, locationOf } from "../accepted.ts";
import { json, operation, type AnyOperation, type OperationRequest } from "../operation.ts";
import { parsePrefer, prefersEventStream } from "../prefer.ts";
import { requestInvalid } from "../problem.ts";
import { ref } from "../response-schemas.ts";
import { hasEnded, toRunJson } from "../run-json.ts";
import { runBodySchema, type RunBody } from "../schemas.ts";
import { unsupportedReason } from "../unsupported.ts";
import { createWaiters, type Waiters } from "../waiters.ts";

type Submission = OperationRequest<RunBody, unknown>;

const MAX_DELAY_MS = 7 * 86_400_000;
/** Visible ASCII, so that a key is the same wherever it is written. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/u;

/** `POST /run`. */
export function submitOperation(deps: HttpDeps): AnyOperation {
  const waiters = createWaiters();
  return operation<RunBody>({
    method: "POST",
    path: "/run",
    access: "caller",
    scope: "run",
    tag: "Runs",
    quotas: ["runs"],
    summary: "Run a script, or a task that a model writes the script for. A run that fails is answered with 200.",
    body: runBodySchema(deps),
    explainBody: unsupportedReason,
    headers: {
      "Idempotency-Key": "The same key and body give the same run; another body is refused with 409.",
      Prefer: "`wait=N`: seconds to wait for the end; `respond-async`: do not wait.",
    },
    answers: {
      200: {
        description: "The run, ended; as an event stream its events, the run last.",
        schema: ref("Run"),
        streams: true,
      },
      202: {
        description:
          "The run, stored and not ended; `Location` says where it is. One that is `waiting` has the `approvals` that it waits for.",
        schema: ref("Run"),
      },
    },
    async handle(request) {
      const { mode = "wait", delay, ...run } = request.body;
      const delayMs = delay === undefined ? undefined : readDelay(delay);
      const { waitMs, respondAsync } = parsePrefer(request.headers.get("prefer"));
      const idempotencyKey = readIdempotencyKey(request.headers);
      const view = await deps.runs.submit(
        request.principal,
        { ...run, ...(delayMs !== undefined && { delayMs }) },
        {
          ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
          ...(request.trace === undefined ? {} : { trace: request.trace }),
        },
      );
      if (prefersEventStream(request.headers.get("accept"))) return stream(deps, waiters, request, view, mode);
      if (mode === "queue" || (respondAsync && waitMs === undefined)) return accepted(view);
      return await waitForEnd(deps, waiters, request, view, Math.min(waitMs ?? Infinity, deps.config.maxWaitMs));
    },
  });
}

/** Waits; when the client goes meanwhile and nobody else waits for the run, it is cancelled, unless it waits for a decision. */
async function waitForEnd(
  { runs, log }: HttpDeps,
  waiters: Waiters,
  { principal, signal, requestId }: Submission,
  submitted: RunView,
  maxWaitMs: number,
): Promise<Response> {
  if (hasEnded(submitted)) return json(toRunJson(submitted));
  const { id } = submitted;
  waiters.enter(id);
  let left = 0;
  let view = submitted;
  try {
    view = await runs.wait(principal, id, { maxWaitMs, signal });
  } finally {
    left = waiters.leave(id);
    if (signal.aborted && !hasEnded(view) && left === 0) await cancelAbandoned({ runs, log }, principal, id, requestId);
  }
  return hasEnded(view) ? json(toRunJson(view)) : accepted(view);
}

function stream(
  { runs, log, clock }: HttpDeps,
  waiters: Waiters,
  { principal, signal, requestId }: Submission,
  { id }: RunView,
  mode: "wait" | "queue",
): Response {
  if (mode === "wait") waiters.enter(id);
  return eventStreamResponse(
    {
      watch: (watching) => runs.watch(principal, id, { signal: watching }),
      onEnd: (gone) => {
        if (mode !== "wait") return;
        if (waiters.leave(id) === 0 && gone) void cancelAbandoned({ runs, log }, principal, id, requestId);
      },
      signal,
      clock,
      log,
      requestId,
    },
    { location: locationOf(id) },
  );
}

/** Cancels a run nobody waits for any more. Never rejects: there is nobody to tell but the log. */
async function cancelAbandoned(
  { runs, log }: Pick<HttpDeps, "runs" | "log">,
  principal: Principal,
  runId: string,
  requestId: string,
): Promise<void> {
  try {
    // It goes on when somebody has decided, which may be long after.
    if ((await runs.get(principal, runId)).status === "waiting") return;
    await runs.cancel(principal, runId);
    log.debug({ requestId, runId }, "run cancelled as its client went away");
  } catch (thrown) {
    const late = thrown instanceof RunletError && (thrown.code === "RUN_ENDED" || thrown.code === "NOT_FOUND");
    if (late) log.debug({ requestId, runId }, "run had ended when its client went away");
    else log.error({ requestId, runId, err: thrown }, "cancelling an abandoned run failed");
  }
}

/** @throws REQUEST_INVALID */
function readDelay(delay: number | string): number {
  const delayMs = parseDuration(delay);
  if (delayMs !== undefined && delayMs <= MAX_DELAY_MS) return delayMs;
  const message = `must be a duration such as 500, "10s" or "1h30m", at most 7d: current value is ${boundText(JSON.stringify(delay), 60)}`;
  throw requestInvalid("the body of POST /run", [{ pointer: "/delay", message }]);
}

function readIdempotencyKey(headers: Headers): string | undefined {
  const key = headers.get("idempotency-key");
  if (key === null) return undefined;
  if (IDEMPOTENCY_KEY.test(key)) return key;
  const message = "must be 1 to 255 visible ASCII characters";
  throw requestInvalid("the headers of POST /run", [{ in: "header", pointer: "/Idempotency-Key", message }]);
}
