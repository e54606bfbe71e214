import { ProtocolError, ProtocolErrorCode, Server } from "@modelcontextprotocol/server";
import type { CallToolResult, RequestId, ServerContext } from "@modelcontextprotocol/server";
import type { Principal } from "../config/principal.ts";
import { boundText } from "../lib/bounded-text.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import { createAsker } from "./asker.ts";
import type { InFlightRequest } from "./in-flight.ts";
import type { McpDeps } from "./mcp-deps.ts";
import { observeRequest } from "./observed-request.ts";
import type { McpOrigin } from "./observed-request.ts";
import { toErrorAnswer } from "./run-answer.ts";
import { callRunScript } from "./run-script.ts";
import type { ToolExchange } from "./run-script.ts";
import { callSearchTools } from "./search-tools.ts";
import { INSTRUCTIONS, TOOLS, isMcpToolName } from "./tools.ts";
import type { McpToolName } from "./tools.ts";

/** How long clients may keep the list of tools: it changes with Runlet's version only. */
const LIST_TTL_MS = 300_000;

/** Ties a request to messages that cancel it from outside its connection. */
export type TrackRequest = (requestId: RequestId) => InFlightRequest;

/**
 * One MCP server instance for one principal: one HTTP exchange or one stdio connection. Cheap to make, so that none is
 * shared between callers.
 *
 * @param track Given where a request is cancelled by another HTTP request.
 * @param origin How requests reach it. @default by a pipe
 */
export function createMcpServer(
  deps: McpDeps,
  principal: Principal,
  track?: TrackRequest,
  origin: McpOrigin = { transport: "pipe" },
): Server {
  const listHint = { ttlMs: LIST_TTL_MS, cacheScope: "private" } as const;
  const server = new Server(
    { name: "runlet", title: "Runlet", version: deps.version },
    {
      capabilities: { tools: {} },
      instructions: INSTRUCTIONS,
      cacheHints: { "tools/list": listHint, "server/discover": listHint },
    },
  );
  const observed = (method: "tools/list" | "tools/call", tool: string, { mcpReq }: ServerContext) => ({
    method,
    tool,
    meta: mcpReq._meta,
    protocol: server.getNegotiatedProtocolVersion(),
    origin,
  });
  server.setRequestHandler("tools/list", (_, context) =>
    observeRequest(deps, observed("tools/list", "", context), () => ({ tools: TOOLS })),
  );
  server.setRequestHandler("tools/call", ({ params }, context) => {
    const { name } = params;
    const tool = isMcpToolName(name) ? name : "_unknown";
    return observeRequest(deps, observed("tools/call", tool, context), async (trace) => {
      if (!isMcpToolName(name)) throw unknownTool(name);
      using tracked = track?.(context.mcpReq.id);
      const exchange = { ...toExchange(context, tracked), asker: createAsker(server, context), trace };
      return await answer(deps, name, exchange.signal, () =>
        name === "run_script"
          ? callRunScript(deps, principal, params.arguments, exchange)
          : callSearchTools(deps, principal, params.arguments, exchange.signal),
      );
    });
  });
  return server;
}

/** Failures are answers here: a model reads them and does better, where a protocol error would end its turn. */
async function answer(
  { log }: McpDeps,
  tool: McpToolName,
  signal: AbortSignal,
  perform: () => Promise<CallToolResult>,
): Promise<CallToolResult> {
  try {
    return await perform();
  } catch (thrown) {
    if (signal.aborted) log.debug({ tool, err: thrown }, "an MCP tool call was cancelled");
    else if (thrown instanceof RunletError) log.debug({ tool, code: thrown.code }, "an MCP tool call was refused");
    else log.error({ tool, err: thrown }, "an MCP tool call failed");
    return toErrorAnswer(toErrorInfo(thrown));
  }
}

function toExchange({ mcpReq }: ServerContext, tracked: InFlightRequest | undefined): ToolExchange {
  const progressToken = mcpReq._meta?.progressToken;
  return {
    signal: tracked === undefined ? mcpReq.signal : AbortSignal.any([mcpReq.signal, tracked.signal]),
    progress:
      progressToken === undefined
        ? undefined
        : (progress, message) =>
            mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, message } }),
  };
}

/** @source Model Context Protocol, server/tools, error handling: an unknown tool is a protocol error. */
function unknownTool(name: string): ProtocolError {
  const names = TOOLS.map((tool) => tool.name).join(" and ");
  return new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `Unknown tool ${boundText(name, 100)}: Runlet has ${names}. ` +
      "Tools of other servers are called inside a script of run_script, as mcp.<server>.<tool>(args).",
  );
}
