import type { RunView, WholeResult } from "../../runs/run.ts";
import type { HttpDeps } from "../deps.ts";
import { eventStreamResponse } from "../event-stream.ts";
import { json, jsonText, operation, type AnyOperation } from "../operation.ts";
import { parsePrefer } from "../prefer.ts";
import { requestInvalid } from "../problem.ts";
import { arrayOf, objectOf, ref } from "../response-schemas.ts";
import { hasEnded, toCallJson, toRunJson } from "../run-json.ts";
import { callsQuerySchema, PAGE, RUN_STATUSES, runsQuerySchema, type CallsQuery, type RunsQuery } from "../schemas.ts";

const NOT_ENDED = "The run has not ended: what is known so far.";
const EVENTS =
  "The events, each with `id`, `atMs` and `type`: `queued`; `planning`, `script` of a task; `started`; `log`; `emit`; " +
  "`call.started`, `call.progress`, `call.settled` with the call's `seq`; `approval.requested` with `seq`, `server`, `tool`, " +
  "`expiresAt`; `approval.decided` with `seq`, `decision`; `waiting` until somebody decides; `resumed` with the `attempt` " +
  "that goes on; `ended` with the `run`.";
const EVENT_ID = /^\d{1,15}$/u;
const status = { type: "string", enum: RUN_STATUSES };

/** Reads and watches runs: what is asked under `/runs`. */
export function runOperations(deps: HttpDeps): AnyOperation[] {
  return [listRuns, getRun, getResult, getLogs, getCalls, watchRun].map((make) => make(deps));
}

function listRuns({ runs }: HttpDeps): AnyOperation {
  return operation<undefined, RunsQuery>({
    method: "GET",
    path: "/runs",
    access: "caller",
    tag: "Runs",
    summary: "The caller's runs, newest first.",
    query: runsQuerySchema,
    answers: {
      200: {
        description: "A page of runs; a short one where they are large.",
        schema: objectOf({ runs: arrayOf(ref("Run")), nextCursor: { type: "string" } }, ["nextCursor"]),
      },
    },
    async handle({ principal, query }) {
      const page = await runs.list(principal, { ...query, limit: query.limit ?? PAGE.runs.default });
      return json({ runs: page.runs.map(toRunJson), nextCursor: page.nextCursor });
    },
  });
}

function getRun({ runs, config }: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/runs/:id",
    access: "caller",
    tag: "Runs",
    summary: "One run.",
    headers: { Prefer: "`wait=N`: seconds to wait for the end." },
    answers: { 200: { description: "The run, ended or not.", schema: ref("Run") } },
    async handle({ principal, headers, signal, param }) {
      const { waitMs } = parsePrefer(headers.get("prefer"));
      if (waitMs === undefined) return json(toRunJson(await runs.get(principal, param("id"))));
      const maxWaitMs = Math.min(waitMs, config.maxWaitMs);
      return json(toRunJson(await runs.wait(principal, param("id"), { maxWaitMs, signal })));
    },
  });
}

function getResult({ runs, log }: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/runs/:id/result",
    access: "caller",
    tag: "Runs",
    summary: "The whole result of a run, exactly as JSON.",
    headers: { "If-None-Match": "The `ETag` of an answer before: 304, as a result never changes." },
    answers: {
      200: {
        description:
          "The JSON of the result and nothing else. The header `Runlet-Result-Type` is `undefined` where the script returned " +
          "nothing: the body is then `null`. Refused with 409 `RUN_NOT_ENDED` before the end, 409 `RUN_WITHOUT_RESULT` " +
          "with `details.error` where the run failed, 410 `RESULT_GONE` where the whole is not kept.",
        schema: {},
      },
      304: { description: "As it was." },
    },
    async handle({ principal, headers, signal, requestId, param }) {
      const result = await runs.result(principal, param("id"));
      const tag = { etag: `"${param("id")}"`, "cache-control": "private, no-cache" };
      if (hasTag(headers, tag.etag)) return new Response(null, { status: 304, headers: tag });
      return new Response(
        bodyOf(result, signal, (err) => log.error({ requestId, err }, "sending a result failed")),
        {
          headers: {
            ...tag,
            "content-type": "application/json",
            "content-length": String(result.bytes),
            "runlet-result-type": result.type,
          },
        },
      );
    },
  });
}

/** Whether a request says that its sender has what the tag is of. @source RFC 9110 § 13.1.2: weak tags count */
function hasTag(headers: Headers, tag: string): boolean {
  const tags = (headers.get("if-none-match") ?? "").split(",").map((one) => one.trim().replace(/^W\//u, ""));
  return tags.includes(tag) || tags.includes("*");
}

/** One part is read when the client has taken the one before. */
function bodyOf(
  result: WholeResult,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const parts = result.parts()[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await parts.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          if (!signal.aborted) onFailure(error);
          controller.error(error);
        }
      },
      async cancel() {
        await parts.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function getLogs({ runs }: HttpDeps): AnyOperation {
  const schema = objectOf({ id: { type: "string" }, status, logs: arrayOf(ref("LogLine")) });
  return operation({
    method: "GET",
    path: "/runs/:id/logs",
    access: "caller",
    tag: "Runs",
    summary: "The log lines of a run.",
    answers: { 200: { description: "All lines.", schema }, 202: { description: NOT_ENDED, schema } },
    async handle({ principal, param }) {
      const run = await runs.get(principal, param("id"));
      return partOfRun(run, { id: run.id, status: run.status, logs: run.logs ?? [] });
    },
  });
}

function getCalls({ runs }: HttpDeps): AnyOperation {
  const schema = objectOf({ calls: arrayOf(ref("JournaledCall")), nextCursor: { type: "integer" } }, ["nextCursor"]);
  return operation<undefined, CallsQuery>({
    method: "GET",
    path: "/runs/:id/calls",
    access: "caller",
    tag: "Runs",
    summary: "The calls of a run with their arguments and results, in the order the script made them.",
    query: callsQuerySchema,
    answers: { 200: { description: "A page of calls; a short one where they are large.", schema } },
    async handle({ principal, query, param }) {
      const { limit = PAGE.calls.default, cursor = 0 } = query;
      const { calls, next } = await runs.calls(principal, param("id"), { limit, after: cursor });
      const nextCursor = next === undefined ? "" : `,"nextCursor":${next}`;
      return jsonText(`{"calls":[${calls.map(toCallJson).join(",")}]${nextCursor}}`);
    },
  });
}

function watchRun({ runs, clock, log }: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/runs/:id/events",
    access: "caller",
    tag: "Runs",
    summary: "The events of a run as server-sent events, in order, `ended` last.",
    headers: { "Last-Event-ID": "Goes on after the event with this id." },
    answers: { 200: { description: EVENTS, type: "text/event-stream" } },
    async handle({ principal, headers, signal, requestId, param }) {
      const afterId = readLastEventId(headers);
      const id = param("id");
      await runs.get(principal, id);
      return eventStreamResponse({
        watch: (watching) => runs.watch(principal, id, { afterId, signal: watching }),
        signal,
        clock,
        log,
        requestId,
      });
    },
  });
}

function partOfRun(run: Pick<RunView, "status">, part: Readonly<Record<string, unknown>>): Response {
  return json(part, hasEnded(run) ? 200 : 202);
}

function readLastEventId(headers: Headers): number {
  const given = headers.get("last-event-id") ?? "";
  if (given === "") return 0;
  if (EVENT_ID.test(given)) return Number(given);
  const message = "must be the id of an event: a whole number";
  throw requestInvalid("the headers of GET /runs/:id/events", [{ in: "header", pointer: "/Last-Event-ID", message }]);
}
