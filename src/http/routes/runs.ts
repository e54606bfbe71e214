import type { RunView } from "../../runs/run.ts";
import type { HttpDeps } from "../deps.ts";
import { eventStreamResponse } from "../event-stream.ts";
import { json, operation, type AnyOperation } from "../operation.ts";
import { parsePrefer } from "../prefer.ts";
import { requestInvalid } from "../problem.ts";
import { arrayOf, objectOf, ref } from "../response-schemas.ts";
import { hasEnded, toRunJson } from "../run-json.ts";
import { PAGE, RUN_STATUSES, runsQuerySchema, type RunsQuery } from "../schemas.ts";

const NOT_ENDED = "The run has not ended: what is known so far.";
const EVENT_ID = /^\d{1,15}$/u;
const status = { type: "string", enum: RUN_STATUSES };

/** Reads, watches and cancels runs: everything under `/runs`. */
export function runOperations(deps: HttpDeps): AnyOperation[] {
  return [listRuns(deps), getRun(deps), getResult(deps), getLogs(deps), watchRun(deps), cancelRun(deps)];
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

function getResult({ runs }: HttpDeps): AnyOperation {
  const schema = objectOf(
    {
      id: { type: "string" },
      status,
      result: {},
      resultType: { type: "string" },
      truncated: { type: "boolean" },
      error: ref("Error"),
    },
    ["result", "resultType", "truncated", "error"],
  );
  return operation({
    method: "GET",
    path: "/runs/:id/result",
    access: "caller",
    tag: "Runs",
    summary: "The result of a run, or the error it ended with.",
    answers: { 200: { description: "The result.", schema }, 202: { description: NOT_ENDED, schema } },
    async handle({ principal, param }) {
      const run = await runs.get(principal, param("id"));
      const { id, status, result, resultType, truncated, error } = toRunJson(run);
      return partOfRun(run, { id, status, result, resultType, truncated, error });
    },
  });
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

function watchRun({ runs, clock, log }: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/runs/:id/events",
    access: "caller",
    tag: "Runs",
    summary: "The events of a run as server-sent events, in order, `ended` last.",
    headers: { "Last-Event-ID": "Goes on after the event with this id." },
    answers: { 200: { description: "The events.", type: "text/event-stream" } },
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

function cancelRun({ runs }: HttpDeps): AnyOperation {
  return operation({
    method: "DELETE",
    path: "/runs/:id",
    access: "caller",
    tag: "Runs",
    summary: "Cancel a run that has not ended, and its calls.",
    answers: { 200: { description: "The run, ended.", schema: ref("Run") } },
    async handle({ principal, param }) {
      return json(toRunJson(await runs.cancel(principal, param("id"))));
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
