import { CLIENT_CAPABILITIES_META_KEY, ProtocolError, ProtocolErrorCode, Server } from "@modelcontextprotocol/server";
import type { CallToolResult, InputRequiredResult, RequestId, ServerContext } from "@modelcontextprotocol/server";
import type { Principal } from "../config/principal.ts";
import { boundText } from "../lib/bounded-text.ts";
import { RunletError, toErrorInfo } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import type { AskerCapabilities } from "../upstream/asker.ts";
import { createAsker, toAskerCapabilities } from "./asker.ts";
import type { ClientRequest } from "./asker.ts";
import type { HeldRuns } from "./held-runs.ts";
import type { InFlightRequest } from "./in-flight.ts";
import type { McpDeps } from "./mcp-deps.ts";
import { observeRequest } from "./observed-request.ts";
import type { McpOrigin } from "./observed-request.ts";
import type { SendOnStream } from "./pending-answers.ts";
import { toErrorAnswer } from "./run-answer.ts";
import { callRunScript } from "./run-script.ts";
import type { ToolExchange, WayToAsk } from "./run-script.ts";
import { callSearchTools } from "./search-tools.ts";
import { INSTRUCTIONS, TOOLS, isMcpToolName } from "./tools.ts";
import type { McpToolName } from "./tools.ts";

/** How long clients may keep the list of tools: it changes with Runlet's version only. */
const LIST_TTL_MS = 300_000;

/** The SDK has a timeout of its own on each request; who asks has one that counts. */
const NEVER_MS = 2 ** 31 - 1;
/** Lets any answer pass: it is judged by who asks. */
const ANY_ANSWER = {
  "~standard": { version: 1, vendor: "runlet", validate: (value: unknown) => ({ value }) },
} as const;

/** A session of a client whose messages come by HTTP requests of their own, other than those they belong to. */
export interface McpSession {
  readonly capabilities: AskerCapabilities;
  /** Ties a request to messages that cancel it from outside its connection. */
  track(requestId: RequestId): InFlightRequest;
  /** Puts a request to the client. @param send Sends on the stream of the request under way. */
  ask(request: ClientRequest, signal: AbortSignal, send: SendOnStream): Promise<unknown>;
}

/** How one client reaches us. */
export interface McpConnection extends McpOrigin {
  /** Where runs wait whose callers are asked between requests. */
  readonly held: HeldRuns;
  /** @default the connection carries all messages, or the exchange is all there is */
  readonly session?: McpSession | undefined;
}

/**
 * One MCP server instance for one principal: one HTTP exchange or one stdio connection. Cheap to make, so that none is
 * shared between callers.
 */
export function createMcpServer(deps: McpDeps, principal: Principal, connection: McpConnection): Server {
  const { session } = connection;
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
    origin: connection,
  });
  server.setRequestHandler("tools/list", (_, context) =>
    observeRequest(deps, observed("tools/list", "", context), () => ({ tools: TOOLS })),
  );
  server.setRequestHandler("tools/call", ({ params }, context) => {
    const { name } = params;
    const tool = isMcpToolName(name) ? name : "_unknown";
    return observeRequest(deps, observed("tools/call", tool, context), async (trace) => {
      if (!isMcpToolName(name)) throw unknownTool(name);
      using tracked = session?.track(context.mcpReq.id);
      const asking = wayToAsk(server, context, connection);
      const exchange = { ...toExchange(context, tracked), asking, trace };
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
  perform: () => Promise<CallToolResult | InputRequiredResult>,
): Promise<CallToolResult | InputRequiredResult> {
  try {
    return await perform();
  } catch (thrown) {
    if (signal.aborted) log.debug({ tool, err: thrown }, "an MCP tool call was cancelled");
    else if (thrown instanceof RunletError) log.debug({ tool, code: thrown.code }, "an MCP tool call was refused");
    else log.error({ tool, err: thrown }, "an MCP tool call failed");
    return toErrorAnswer(toErrorInfo(thrown));
  }
}

/** How the caller of a request can be asked: by the era that it speaks, and by what its connection carries. */
function wayToAsk(server: Server, { mcpReq }: ServerContext, { held, session }: McpConnection): WayToAsk {
  const { envelope, inputResponses, id } = mcpReq;
  if (envelope !== undefined) {
    // The type of the envelope does not say its keys.
    const declared = (envelope as Readonly<Record<string, unknown>>)[CLIENT_CAPABILITIES_META_KEY];
    const capabilities = toAskerCapabilities(isRecord(declared) ? declared : {});
    const state = mcpReq.requestState();
    const brought = typeof state === "string" ? { state, responses: inputResponses ?? {} } : undefined;
    return { kind: "between", capabilities, held, brought };
  }
  if (session !== undefined) {
    const send: SendOnStream = async (message) => server.transport?.send(message, { relatedRequestId: id });
    const asker = createAsker(session.capabilities, (request, signal) => session.ask(request, signal, send));
    return { kind: "during", asker };
  }
  const asker = createAsker(toAskerCapabilities(server.getClientCapabilities()), (request, signal) =>
    mcpReq.send(request, ANY_ANSWER, { signal, timeout: NEVER_MS }),
  );
  return { kind: "during", asker };
}

function toExchange(
  { mcpReq }: ServerContext,
  tracked: InFlightRequest | undefined,
): Pick<ToolExchange, "signal" | "progress"> {
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
