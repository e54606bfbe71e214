import { toErrorInfo } from "../../lib/errors.ts";
import type { ToolResult } from "../../gateway/call.ts";
import type { HttpDeps } from "../deps.ts";
import { json, operation, type AnyOperation, type OperationRequest } from "../operation.ts";
import { arrayOf, objectOf, ref } from "../response-schemas.ts";
import { batchBodySchema, invokeBodySchema, type BatchBody, type InvokeBody } from "../schemas.ts";

/** Calls tools without a script. */
export function invokeOperations(deps: HttpDeps): AnyOperation[] {
  return [invoke(deps), batch(deps)];
}

function invoke(deps: HttpDeps): AnyOperation {
  return operation<InvokeBody>({
    method: "POST",
    path: "/invoke",
    access: "caller",
    tag: "Tools",
    summary: "Call one tool.",
    body: invokeBodySchema,
    headers: { "X-Client-ID": "Names a client whose configuration has no key; else only logged." },
    answers: { 200: { description: "What the tool answered.", schema: ref("CallAnswer") } },
    async handle(request) {
      const startedAt = deps.clock.monotonic();
      const { value, content, outcome } = await callTool(deps, request, request.body);
      const ms = Math.round((deps.clock.monotonic() - startedAt) * 1_000) / 1_000;
      return json({ result: value ?? null, content: content.length > 0 ? content : undefined, ms, outcome });
    },
  });
}

function batch(deps: HttpDeps): AnyOperation {
  return operation<BatchBody>({
    method: "POST",
    path: "/batch",
    access: "caller",
    tag: "Tools",
    summary: "Call many tools at once: each slot has its own outcome, in the order of the calls.",
    body: batchBodySchema,
    answers: {
      200: { description: "One slot a call.", schema: objectOf({ results: arrayOf(ref("BatchSlot")) }) },
    },
    async handle(request) {
      const settled = await Promise.allSettled(request.body.calls.map((call) => callTool(deps, request, call)));
      const results = settled.map((slot) => {
        if (slot.status === "fulfilled") return { ok: true, result: slot.value.value ?? null };
        const error = toErrorInfo(slot.reason);
        if (error.code === "INTERNAL") {
          deps.log.error(
            { requestId: request.requestId, code: error.code, err: slot.reason },
            "call of a batch failed",
          );
        }
        return { ok: false, error };
      });
      return json({ results });
    },
  });
}

function callTool(
  { gateway, limits }: HttpDeps,
  { principal, signal }: OperationRequest<unknown, unknown>,
  { server, tool, arguments: args, params }: InvokeBody,
): Promise<ToolResult> {
  return gateway.call({
    principal,
    narrow: undefined,
    server,
    tool,
    arguments: args ?? params ?? {},
    signal,
    maxResultBytes: limits.defaults.toolResultBytes,
  });
}
