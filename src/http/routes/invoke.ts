import { RunletError, toErrorInfo } from "../../lib/errors.ts";
import type { ToolResult } from "../../gateway/call.ts";
import type { HttpDeps } from "../deps.ts";
import { json, operation, type AnyOperation, type OperationRequest } from "../operation.ts";
import { arrayOf, objectOf, ref } from "../response-schemas.ts";
import { batchBodySchema, invokeBodySchema, type BatchBody, type InvokeBody } from "../schemas.ts";

/** One client's batch must not take every place of the servers. */
const BATCH_AT_ONCE = 16;
/** A hundred answers of the largest size would else be held, and written, at once. */
const MAX_BATCH_BYTES = 32 * 1024 ** 2;

/** Calls tools without a script. */
export function invokeOperations(deps: HttpDeps): AnyOperation[] {
  return [invoke(deps), batch(deps)];
}

function invoke(deps: HttpDeps): AnyOperation {
  return operation<InvokeBody>({
    method: "POST",
    path: "/invoke",
    access: "caller",
    scope: "invoke",
    tag: "Tools",
    quotas: ["calls", "bytes"],
    summary: "Call one tool.",
    body: invokeBodySchema,
    headers: { "X-Client-ID": "Names a client whose configuration has no key; else only logged." },
    answers: { 200: { description: "What the tool answered.", schema: ref("CallAnswer") } },
    async handle(request) {
      const startedAt = deps.clock.monotonic();
      const { value, content, outcome, meta } = await callTool(deps, request, request.body);
      const ms = Math.round((deps.clock.monotonic() - startedAt) * 1_000) / 1_000;
      const blocks = content.length > 0 ? content : undefined;
      return json({ result: value ?? null, content: blocks, ms, outcome, _meta: meta });
    },
  });
}

function batch(deps: HttpDeps): AnyOperation {
  return operation<BatchBody>({
    method: "POST",
    path: "/batch",
    access: "caller",
    scope: "invoke",
    tag: "Tools",
    quotas: ["calls", "bytes"],
    summary: "Call many tools, 16 at once: each slot has its own outcome, in the order of the calls.",
    body: batchBodySchema,
    answers: {
      200: { description: "One slot a call.", schema: objectOf({ results: arrayOf(ref("BatchSlot")) }) },
    },
    async handle(request) {
      const results = await inTurn(request.body.calls, createSlots(deps, request));
      return json({ results });
    },
  });
}

/** Makes one call of a batch; failures are slots too. Answers that no longer fit into the batch's are dropped. */
function createSlots(
  deps: HttpDeps,
  request: OperationRequest<unknown, unknown>,
): (call: InvokeBody) => Promise<Readonly<Record<string, unknown>>> {
  let left = MAX_BATCH_BYTES;
  return async (call) => {
    try {
      const { value, bytes, meta } = await callTool(deps, request, call);
      if (bytes > left) throw tooMuch(call, bytes);
      left -= bytes;
      return { ok: true, result: value ?? null, _meta: meta };
    } catch (thrown) {
      const error = toErrorInfo(thrown);
      if (error.code === "INTERNAL")
        deps.log.error({ requestId: request.requestId, code: error.code, err: thrown }, "call of a batch failed");
      return { ok: false, error };
    }
  };
}

function tooMuch({ server, tool }: InvokeBody, bytes: number): RunletError {
  const rule = `the answers of one batch may be ${MAX_BATCH_BYTES} bytes together`;
  return new RunletError(
    "TOOL_RESULT_TOO_LARGE",
    `Cannot give this answer as ${rule}: current value is ${bytes} more`,
    {
      server,
      tool,
      hint: "The call was made. Ask for less, or call the tool with POST /invoke.",
      details: { bytes, limitBytes: MAX_BATCH_BYTES },
    },
  );
}

/** Works through items, `BATCH_AT_ONCE` at a time. @returns The outcomes, in the order of the items. */
async function inTurn<In, Out>(items: readonly In[], work: (item: In) => Promise<Out>): Promise<Out[]> {
  const outcomes = new Map<number, Out>();
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of rest) outcomes.set(index, await work(item));
  };
  await Promise.all(Array.from({ length: BATCH_AT_ONCE }, worker));
  return [...outcomes].toSorted(([a], [b]) => a - b).map(([, outcome]) => outcome);
}

function callTool(
  { gateway, limits }: HttpDeps,
  { principal, signal, requestId, trace }: OperationRequest<unknown, unknown>,
  { server, tool, arguments: args, params, _meta: meta }: InvokeBody,
): Promise<ToolResult> {
  return gateway.call({
    principal,
    narrow: undefined,
    server,
    tool,
    arguments: args ?? params ?? {},
    signal,
    maxResultBytes: limits.defaults.toolResultBytes,
    traceContext: trace,
    requestId,
    ...(meta && { meta }),
  });
}
