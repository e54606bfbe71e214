import type { JsonValue } from "../../lib/guards.ts";
import { accepted } from "../accepted.ts";
import type { HttpDeps } from "../deps.ts";
import { json, operation, type AnyOperation } from "../operation.ts";
import { parsePrefer } from "../prefer.ts";
import { requestInvalid } from "../problem.ts";
import { ref } from "../response-schemas.ts";
import { hasEnded, toRunJson } from "../run-json.ts";
import type { RequestSchema } from "../validate.ts";

/** Body of `POST /runs/{id}/approvals`. */
interface DecisionBody {
  readonly callId?: number;
  readonly all?: true;
  readonly decision: "approve" | "deny";
  readonly reason?: string;
  readonly grant?: {
    readonly server?: string;
    readonly tool: string;
    readonly times?: number;
    readonly match?: Readonly<Record<string, JsonValue>>;
  };
}

const glob = { type: "string", minLength: 1, maxLength: 1_024 };

const decisionBodySchema: RequestSchema<DecisionBody> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      callId: { type: "integer", minimum: 1, description: "The call, as `approvals` of the run numbers it." },
      all: { type: "boolean", const: true, description: "Every call of the run that waits now." },
      decision: { type: "string", enum: ["approve", "deny"] },
      reason: { type: "string", minLength: 1, maxLength: 1_000, description: "Told to the script of a denied call." },
      grant: {
        type: "object",
        additionalProperties: false,
        properties: {
          server: { ...glob, description: "Glob of servers. Default: any." },
          tool: { ...glob, description: "Glob of tools." },
          times: {
            type: "integer",
            minimum: 1,
            maximum: 1_000_000,
            description: "How many calls. Default: any number.",
          },
          match: { type: "object", description: "Members that their arguments must have, each equal. Default: any." },
        },
        required: ["tool"],
        description: "Later calls of this run that are approved with it.",
      },
    },
    required: ["decision"],
    oneOf: [{ required: ["callId"] }, { required: ["all"] }],
  },
};

/** Body of `POST /runs/{id}/replay`. */
interface ReplayBody {
  readonly script?: string;
  readonly dryRun?: boolean;
}

const replayBodySchema: RequestSchema<ReplayBody> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      script: { type: "string", minLength: 1, description: "Default: the script of that run." },
      dryRun: { type: "boolean", default: false, description: "Refuse calls that the run did not make." },
    },
  },
};

/** Decides on runs, replays and cancels them: what is done under `/runs`. */
export function runActions(deps: HttpDeps): AnyOperation[] {
  return [decide(deps), replay(deps), cancel(deps)];
}

function decide({ runs }: HttpDeps): AnyOperation {
  return operation<DecisionBody>({
    method: "POST",
    path: "/runs/:id/approvals",
    access: "caller",
    scope: "run",
    tag: "Runs",
    summary:
      "Approve or deny calls that a run waits for. The first decision of a call stands; the same again changes nothing.",
    body: decisionBodySchema,
    answers: {
      200: {
        description:
          "The run, which goes on. Refused with 409 `NOT_AWAITING` where no such call waits or it was decided otherwise, " +
          "409 `RUN_ENDED`, 403 `FORBIDDEN` where the caller may not decide.",
        schema: ref("Run"),
      },
    },
    async handle({ principal, body, param }) {
      const { callId, all: _, grant, ...rest } = body;
      if (grant !== undefined && body.decision === "deny") {
        const problem = { pointer: "/grant", message: "goes with an approval only" };
        throw requestInvalid("the body of POST /runs/{id}/approvals", [problem]);
      }
      const decision = { ...rest, calls: callId ?? ("all" as const), ...(grant !== undefined && { grant }) };
      return json(toRunJson(await runs.decide(principal, param("id"), decision)));
    },
  });
}

function replay({ runs, config }: HttpDeps): AnyOperation {
  return operation<ReplayBody>({
    method: "POST",
    path: "/runs/:id/replay",
    access: "caller",
    scope: "run",
    tag: "Runs",
    quotas: ["runs"],
    summary: "Run it again: calls that it made are answered as they were, others are made, or refused in a dry replay.",
    body: replayBodySchema,
    isBodyOptional: true,
    headers: { Prefer: "`wait=N`: seconds to wait for the end. Default: none." },
    answers: {
      200: { description: "The new run, ended within the wait.", schema: ref("Run") },
      202: { description: "The new run; `Location` says where it is.", schema: ref("Run") },
    },
    async handle({ principal, body, headers, signal, trace, param }) {
      const { waitMs } = parsePrefer(headers.get("prefer"));
      const options = { ...body, ...(trace === undefined ? {} : { trace }) };
      const submitted = await runs.replay(principal, param("id"), options);
      if (waitMs === undefined) return accepted(submitted);
      const maxWaitMs = Math.min(waitMs, config.maxWaitMs);
      const view = await runs.wait(principal, submitted.id, { maxWaitMs, signal });
      return hasEnded(view) ? json(toRunJson(view)) : accepted(view);
    },
  });
}

function cancel({ runs }: HttpDeps): AnyOperation {
  return operation({
    method: "DELETE",
    path: "/runs/:id",
    access: "caller",
    scope: "run",
    tag: "Runs",
    summary: "Cancel a run that has not ended, and its calls.",
    answers: { 200: { description: "The run, ended.", schema: ref("Run") } },
    async handle({ principal, param }) {
      return json(toRunJson(await runs.cancel(principal, param("id"))));
    },
  });
}
