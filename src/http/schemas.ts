import { LIMITS, LIMIT_NAMES, type LimitsConfig } from "../config/limits.ts";
import type { JsonValue } from "../lib/guards.ts";
import type { RunRequest, RunView } from "../runs/run.ts";
import type { RequestSchema, SchemaObject } from "./validate.ts";

/** Body of `POST /run`. */
export interface RunBody extends Omit<RunRequest, "delayMs" | "replayOf"> {
  /** ms, or text such as `"10s"`. */
  readonly delay?: number | string;
  /** `wait` (default): answered when the run ends; `queue`: answered when it is stored. */
  readonly mode?: "wait" | "queue";
}

/** Body of `POST /invoke`; `params` is what older gateways call `arguments`. */
export interface InvokeBody {
  readonly server: string;
  readonly tool: string;
  readonly arguments?: Readonly<Record<string, JsonValue>>;
  readonly params?: Readonly<Record<string, JsonValue>>;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/** Body of `POST /batch`. */
export interface BatchBody {
  readonly calls: readonly InvokeBody[];
}

/** Query of `GET /runs`. */
export interface RunsQuery {
  readonly status?: RunView["status"];
  readonly limit?: number;
  readonly cursor?: string;
}

/** Query of `GET /runs/{id}/calls`. */
export interface CallsQuery {
  readonly limit?: number;
  /** Number of a call. */
  readonly cursor?: number;
}

/** Query of `GET /tools`. */
export interface ToolsQuery {
  readonly server?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

/** Query of `GET /tools/search`. */
export interface SearchQuery {
  readonly q?: string;
  readonly server?: string;
  readonly limit?: number;
  readonly offset?: number;
}

/** Query of `GET /declarations`. */
export interface DeclarationsQuery {
  /** Names with commas between them. */
  readonly servers?: string;
}

/** Statuses of a run, as requests and answers write them. */
export const RUN_STATUSES = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"] as const;

/** Most calls of one `POST /batch`. */
export const MAX_BATCH_CALLS = 100;
/** Page sizes: what is given when nothing is asked, and the most that may be asked. */
export const PAGE = {
  runs: { default: 50, max: 200 },
  calls: { default: 100, max: 1_000 },
  tools: { default: 1_000, max: 5_000 },
  search: { default: 10, max: 100 },
} as const;

const globs: SchemaObject = {
  type: "array",
  maxItems: 1_000,
  items: { type: "string", minLength: 1, maxLength: 256 },
};
const clockSchema: SchemaObject = {
  type: ["string", "object"],
  pattern: "^(?:coarse|seeded)$",
  additionalProperties: false,
  properties: {
    seed: { type: "string", minLength: 1, maxLength: 256, description: "Any text. Default: drawn by chance." },
    now: {
      type: "string",
      pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,3})?Z$",
      description: "What the clock reads when the script starts, in UTC. Default: when the run was accepted.",
    },
  },
  default: "coarse",
  description:
    "How the script reads time and chance. `coarse`: the machine's clock in whole milliseconds. `seeded`, or `{seed, now}`: " +
    "the same script, input and tool answers give the same run. Then time passes by timers (real waits) and by tool answers " +
    "(1 ms each) only, answers come in the order of their calls, and no timer fires while a call is in flight. The run's " +
    "`clock` has what was used, to be sent again.",
};
/** When a run starts, how often, what it may change, and who is told of it. */
const laterProperties: SchemaObject = {
  dryRun: {
    type: "boolean",
    default: false,
    description:
      "Tools that only read are called; calls that would change something are listed as `skipped` and not made: the script gets `null`.",
  },
  delay: {
    type: ["string", "number"],
    description:
      "How long after it was accepted the run starts at the earliest: ms, or text such as `10s`; at most 7 days.",
  },
  retries: {
    type: "integer",
    minimum: 0,
    maximum: 5,
    default: 0,
    description:
      "How often it is run again from the start when it failed for a reason that may pass, provided that it changed nothing.",
  },
  webhook: {
    type: "object",
    additionalProperties: false,
    properties: {
      url: { type: "string", minLength: 1, maxLength: 2_048, pattern: "^https?://" },
      events: {
        type: "array",
        minItems: 1,
        uniqueItems: true,
        items: { type: "string", enum: ["ended", "waiting"] },
        default: ["ended"],
      },
    },
    required: ["url"],
    description:
      "Who is to be told with a signed POST when the run has ended, or waits for an approval. Refused where the service delivers none, as this version does.",
  },
};
const name: SchemaObject = { type: "string", minLength: 1, maxLength: 1_024 };

/**
 * Schema of the body of `POST /run`.
 *
 * @param from What the descriptions of the limits tell, whenever they are read.
 */
export function runBodySchema(from: { readonly limits: LimitsConfig }): RequestSchema<RunBody> {
  return {
    schema: {
      type: "object",
      additionalProperties: false,
      properties: {
        script: { type: "string", minLength: 1, description: "JavaScript or TypeScript to run." },
        task: { type: "string", minLength: 1, description: "What to do, in plain words: a model writes the script." },
        input: { description: "Any JSON; `input` in the script." },
        servers: { ...globs, description: "Globs of the servers this run may see; never widens." },
        tools: {
          type: "object",
          additionalProperties: globs,
          description: "Globs of the tools this run may see, by server; never widens.",
        },
        limits: {
          type: "object",
          additionalProperties: false,
          get properties() {
            return limitProperties(from.limits);
          },
        },
        outputSchema: {
          type: ["object", "boolean"],
          description:
            "JSON Schema (2020-12 or draft-07) that the result must satisfy, else the run fails with RESULT_SCHEMA_MISMATCH; " +
            "no result counts as `null`. A model that plans a task is told.",
        },
        check: {
          type: "string",
          enum: ["none", "names", "types"],
          description:
            "What is looked for before anything runs. `names` (default): unknown tools and impossible literal arguments; " +
            "`types` (default for a task's scripts): also what the types of the script and its tools show must fail.",
        },
        clock: clockSchema,
        mode: {
          type: "string",
          enum: ["wait", "queue"],
          default: "wait",
          description: "`wait`: answered when the run ends; `queue`: answered when it is stored.",
        },
        ...laterProperties,
        priority: {
          type: "integer",
          minimum: -1_000,
          maximum: 1_000,
          default: 0,
          description: "Higher goes first among the caller's own queued runs.",
        },
        metadata: { description: "Any JSON; given back with the run." },
      },
      oneOf: [{ required: ["script"] }, { required: ["task"] }],
    },
  };
}

function limitProperties(limits: LimitsConfig): SchemaObject {
  return Object.fromEntries(
    LIMIT_NAMES.map((limit) => [
      limit,
      {
        type: "integer",
        minimum: 0,
        default: limits.defaults[limit],
        description: `${LIMITS[limit].doc} Raised to ${LIMITS[limit].min}, cut to ${limits.ceilings[limit]}.`,
      },
    ]),
  );
}

/** Schema of one call of a tool. */
export const invokeBodySchema: RequestSchema<InvokeBody> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      server: name,
      tool: name,
      arguments: { type: "object", description: "The tool's arguments; none when absent." },
      params: { type: "object", deprecated: true, description: "Older name of `arguments`." },
      _meta: { type: "object", description: "Sent to the server beside the arguments; such a call shares no answer." },
    },
    required: ["server", "tool"],
    not: { required: ["arguments", "params"] },
  },
};

/** Schema of the body of `POST /batch`. */
export const batchBodySchema: RequestSchema<BatchBody> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      calls: { type: "array", minItems: 1, maxItems: MAX_BATCH_CALLS, items: invokeBodySchema.schema },
    },
    required: ["calls"],
  },
};

function pageProperties(page: { readonly default: number; readonly max: number }): SchemaObject {
  return {
    limit: { type: "integer", minimum: 1, maximum: page.max, default: page.default },
    cursor: { type: "string", minLength: 1, maxLength: 4_096, description: "`nextCursor` of the page before." },
  };
}

/** Schema of the query of `GET /runs`. */
export const runsQuerySchema: RequestSchema<RunsQuery> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: { status: { type: "string", enum: RUN_STATUSES }, ...pageProperties(PAGE.runs) },
  },
};

/** Schema of the query of `GET /runs/{id}/calls`. */
export const callsQuerySchema: RequestSchema<CallsQuery> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      limit: { type: "integer", minimum: 1, maximum: PAGE.calls.max, default: PAGE.calls.default },
      cursor: { type: "integer", minimum: 0, description: "`nextCursor` of the page before." },
    },
  },
};

/** Schema of the query of `GET /tools`. */
export const toolsQuerySchema: RequestSchema<ToolsQuery> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: { server: { ...name, description: "Only this server's." }, ...pageProperties(PAGE.tools) },
  },
};

/** Schema of the query of `GET /tools/search`. */
export const searchQuerySchema: RequestSchema<SearchQuery> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      q: { type: "string", maxLength: 2_000, description: "Words; all tools in order when empty." },
      server: { ...name, description: "Only this server's." },
      limit: { type: "integer", minimum: 1, maximum: PAGE.search.max, default: PAGE.search.default },
      offset: { type: "integer", minimum: 0, maximum: 1_000_000, default: 0 },
    },
  },
};

/** Schema of the query of `GET /declarations`. */
export const declarationsQuerySchema: RequestSchema<DeclarationsQuery> = {
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      servers: { type: "string", minLength: 1, maxLength: 10_000, description: "Only these, commas between them." },
    },
  },
};
