import { UPSTREAM_STATES } from "../upstream/upstream.ts";
import { RUN_STATUSES } from "./schemas.ts";
import type { SchemaObject } from "./validate.ts";

/** A reference to one of the schemas below. */
export function ref(name: string): SchemaObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** An array of one kind of thing. */
export function arrayOf(items: SchemaObject): SchemaObject {
  return { type: "array", items };
}

/** An object: all given members, of which only the optional ones may be absent. */
export function objectOf(
  properties: Readonly<Record<string, SchemaObject>>,
  optional: readonly string[] = [],
): SchemaObject {
  return { type: "object", properties, required: Object.keys(properties).filter((key) => !optional.includes(key)) };
}

const text: SchemaObject = { type: "string" };
const count: SchemaObject = { type: "integer", minimum: 0 };
const milliseconds: SchemaObject = { type: "number", minimum: 0 };
const flag: SchemaObject = { type: "boolean" };
const instant: SchemaObject = { type: "string", description: "ISO 8601, UTC." };
const anything: SchemaObject = { description: "Any JSON." };
const decision: SchemaObject = { type: "string", enum: ["approve", "deny"] };
const outcome: SchemaObject = {
  type: "string",
  enum: ["pending", "awaiting", "ok", "cached", "error", "denied", "unknown", "skipped"],
  description:
    "`awaiting`: not sent before somebody approves it; `unknown`: sent by a process that died; `skipped`: not made by a dry run.",
};

const RUN_OPTIONAL = [
  "result",
  "resultType",
  "resultBytes",
  "truncated",
  "notice",
  "error",
  "logs",
  "emitted",
  "usage",
  "script",
  "attempts",
  "clock",
  "approvals",
  "dryRun",
  "replayOf",
  "attempt",
  "startedAt",
  "endedAt",
  "metadata",
];

/** Schemas of what is answered, by their names in the OpenAPI document. */
export const responseSchemas: Readonly<Record<string, SchemaObject>> = {
  ...guardSchemas(),
  Error: objectOf(
    {
      code: text,
      message: text,
      fault: { type: "string", enum: ["client", "script", "upstream", "operator", "service"] },
      retryable: flag,
      line: count,
      column: count,
      snippet: text,
      server: text,
      tool: text,
      hint: text,
      details: anything,
    },
    ["line", "column", "snippet", "server", "tool", "hint", "details"],
  ),
  Problem: objectOf(
    {
      type: text,
      title: text,
      status: count,
      detail: text,
      code: text,
      fault: text,
      retryable: flag,
      hint: text,
      requestId: text,
      problems: arrayOf(objectOf({ in: text, pointer: text, message: text }, ["in"])),
    },
    ["hint", "problems"],
  ),
  LogLine: objectOf({
    level: { type: "string", enum: ["debug", "info", "warn", "error"] },
    atMs: milliseconds,
    text,
  }),
  Call: objectOf(
    {
      seq: count,
      server: text,
      tool: text,
      ms: milliseconds,
      outcome,
      argsBytes: count,
      resultBytes: count,
      error: text,
    },
    ["ms", "error"],
  ),
  JournaledCall: objectOf(
    {
      seq: count,
      server: text,
      tool: text,
      arguments: anything,
      outcome,
      result: { description: "The tool's answer, unwrapped; of a call that went well." },
      error: ref("Error"),
      approval: objectOf(
        {
          askedAt: instant,
          expiresAt: instant,
          decision,
          decidedAt: instant,
          by: { ...text, description: "Who decided; absent where a grant did, or nobody in time." },
          reason: text,
          grantedBy: { ...count, description: "Number of the call whose grant approved this one." },
        },
        ["decision", "decidedAt", "by", "reason", "grantedBy"],
      ),
      startedAt: instant,
      ms: milliseconds,
      argsBytes: count,
      resultBytes: count,
    },
    ["result", "error", "approval", "ms"],
  ),
  Approval: objectOf(
    {
      callId: { ...count, description: "Number of the call within the run." },
      server: text,
      tool: text,
      arguments: anything,
      askedAt: instant,
      expiresAt: { ...instant, description: "When it counts as denied. ISO 8601, UTC." },
      decision,
      by: { ...text, description: "Who decided." },
    },
    ["decision", "by"],
  ),
  Run: objectOf(
    {
      id: text,
      status: { type: "string", enum: RUN_STATUSES },
      result: {
        description:
          "Any JSON; present, `null` at least, once the run has ended. A failed run has one when it does not satisfy `outputSchema`.",
      },
      resultType: { type: "string", enum: ["json", "undefined", "none"] },
      resultBytes: { ...count, description: "Size of the whole result as JSON." },
      truncated: {
        ...flag,
        description: "`result` is cut to `limits.replyBytes`; GET /runs/{id}/result has the whole.",
      },
      notice: { ...text, description: "Where the whole is of a result that is cut." },
      error: ref("Error"),
      logs: arrayOf(ref("LogLine")),
      calls: arrayOf(ref("Call")),
      emitted: arrayOf(anything),
      usage: objectOf({
        wallMs: milliseconds,
        cpuMs: milliseconds,
        heapPeakMiB: milliseconds,
        toolCalls: count,
        modelTokens: { type: ["object", "null"] },
      }),
      script: text,
      attempts: arrayOf(objectOf({ attempt: count, script: text, error: ref("Error") }, ["error"])),
      clock: {
        ...objectOf({ seed: text, now: instant }),
        description: "Of a seeded run that has ended: the clock to ask for to run it again.",
      },
      approvals: {
        ...arrayOf(ref("Approval")),
        description: "While it waits: the calls that POST /runs/{id}/approvals decides on.",
      },
      dryRun: flag,
      replayOf: { ...text, description: "The run whose calls answer this one's." },
      attempt: { ...count, description: "How often it was taken up, where that was more than once." },
      createdAt: instant,
      startedAt: instant,
      endedAt: instant,
      metadata: anything,
    },
    RUN_OPTIONAL,
  ),
  Tool: objectOf(
    {
      server: text,
      name: text,
      description: text,
      inputSchema: { type: ["object", "boolean"] },
      outputSchema: { type: ["object", "boolean"] },
      observedOutputSchema: {
        type: "object",
        description: "What earlier results looked like to the caller, where the server declares no `outputSchema`.",
      },
      annotations: { type: "object" },
      class: { type: "string", enum: ["read", "write", "destructive"] },
      declaration: { type: "string", description: "One line of TypeScript." },
    },
    ["outputSchema", "observedOutputSchema", "annotations"],
  ),
  Server: objectOf(
    {
      name: text,
      state: { type: "string", enum: UPSTREAM_STATES },
      transport: { type: "string", enum: ["stdio", "container", "http"] },
      tools: count,
      protocolVersion: text,
      serverInfo: objectOf({ name: text, version: text }),
      lastFailure: objectOf({ stage: text, message: text, at: instant }),
      droppedTools: arrayOf(objectOf({ name: text, reason: text })),
      pid: count,
      sessions: arrayOf(
        objectOf(
          {
            owner: { type: "string", enum: ["shared", "principal", "run", "none"] },
            state: { type: "string", enum: UPSTREAM_STATES },
            pid: count,
            inFlight: count,
          },
          ["pid"],
        ),
      ),
      stderr: arrayOf(text),
      pins: ref("PinState"),
      findings: arrayOf(ref("Finding")),
    },
    [
      "tools",
      "protocolVersion",
      "serverInfo",
      "lastFailure",
      "droppedTools",
      "pid",
      "sessions",
      "stderr",
      "pins",
      "findings",
    ],
  ),
  CallAnswer: objectOf(
    {
      result: { description: "The tool's answer, unwrapped." },
      content: arrayOf({ type: "object" }),
      ms: milliseconds,
      outcome: { type: "string", enum: ["ok", "cached"] },
      _meta: { type: "object", description: "What the server said beside the answer." },
    },
    ["content", "_meta"],
  ),
  BatchSlot: {
    oneOf: [
      objectOf({ ok: { const: true }, result: anything, _meta: { type: "object" } }, ["_meta"]),
      objectOf({ ok: { const: false }, error: ref("Error") }),
    ],
  },
};

/** What administrators are told of pins and of suspicious texts. */
function guardSchemas(): Readonly<Record<string, SchemaObject>> {
  const changes = {
    state: { type: "string", enum: ["new", "ok", "changed"], description: "`new`: what it lists first is trusted." },
    changed: arrayOf(text),
    added: arrayOf(text),
    removed: arrayOf(text),
    instructionsChanged: flag,
  };
  const listing = { digest: { ...text, description: "SHA-256, hex." }, tools: count };
  return {
    PinState: objectOf(changes),
    Pins: objectOf(
      {
        server: text,
        pinning: { type: "string", enum: ["off", "warn", "block"] },
        ...changes,
        approved: {
          ...objectOf({ ...listing, at: instant, by: text }, ["by"]),
          description: "What the server is held to; without `by` it is the first that was seen.",
        },
        listed: { ...objectOf({ ...listing, at: instant }), description: "What it lists instead." },
        diff: { ...arrayOf(text), description: "What changed, as lines for people." },
      },
      ["approved", "listed"],
    ),
    Finding: objectOf(
      {
        tool: { ...text, description: "Absent for the server's instructions." },
        rule: {
          type: "string",
          enum: ["invisible", "order", "foreign-tool", "secret-path", "exfiltration", "oversize", "encoded"],
        },
        place: { ...text, description: "JSON pointer into the tool as listed." },
        excerpt: text,
      },
      ["tool"],
    ),
  };
}
