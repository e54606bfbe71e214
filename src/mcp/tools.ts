import type { Tool } from "@modelcontextprotocol/server";
import type { RunLimits } from "../config/limits.ts";

/** Members of `run_script`'s arguments. */
export const RUN_SCRIPT_MEMBERS = ["script", "input", "limits"] as const;

/** Members of `search_tools`' arguments. */
export const SEARCH_TOOLS_MEMBERS = ["query", "limit", "offset", "server"] as const;

/** Hits of a search that names no `limit`. */
export const DEFAULT_SEARCH_LIMIT = 10;

/** Most hits one search may ask for. */
export const MAX_SEARCH_LIMIT = 50;

/** The limit whose value is the size of the answer: a caller raises it to get more than the usual one. */
export const ANSWER_LIMIT = "replyBytes" satisfies keyof RunLimits;

const RUN_SCRIPT = {
  name: "run_script",
  title: "Run a script",
  description:
    "Run JavaScript/TypeScript that calls tools of the connected MCP servers. Those tools exist only inside the script, " +
    "as `await mcp.<server>.<tool>({...})`; they are not direct tools. Do the whole job in one script (loops, filters, " +
    "Promise.all) and `return` a small JSON value: only it, console output and emit(image) come back. " +
    "No imports, fetch or files. Get exact signatures from search_tools first.",
  inputSchema: {
    type: "object",
    properties: {
      script: {
        type: "string",
        description: "Async function body, e.g. `return await mcp.files.listDirectory({path})`",
      },
      input: { description: "Any JSON, `input` in the script" },
      limits: {
        type: "object",
        additionalProperties: { type: "integer" },
        description: "e.g. {wallMs: 60000, toolCalls: 500, replyBytes: 200000}",
      },
    },
    required: ["script"],
    additionalProperties: false,
  },
  outputSchema: {
    type: "object",
    properties: {
      status: { enum: ["succeeded", "failed", "cancelled", "queued", "running", "waiting"] },
      result: {},
      error: {
        type: "object",
        properties: { code: { type: "string" }, message: { type: "string" }, line: { type: "integer" } },
      },
      logs: { type: "array", items: { type: "string" } },
    },
    required: ["status"],
  },
  annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
} as const satisfies Tool;

const SEARCH_TOOLS = {
  name: "search_tools",
  title: "Search tools",
  description:
    "Find tools that scripts of run_script can call. Gives TypeScript signatures to use as written. Empty query: list all.",
  inputSchema: {
    type: "object",
    properties: {
      query: { type: "string", description: "What the tool should do" },
      limit: { type: "integer", minimum: 1, maximum: MAX_SEARCH_LIMIT, default: DEFAULT_SEARCH_LIMIT },
      offset: { type: "integer", minimum: 0, default: 0 },
      server: { type: "string", description: "Only this server" },
    },
    required: ["query"],
    additionalProperties: false,
  },
  outputSchema: {
    type: "object",
    properties: {
      total: { type: "integer" },
      tools: {
        type: "array",
        items: {
          type: "object",
          properties: { signature: { type: "string" }, description: { type: "string" } },
          required: ["signature"],
        },
      },
    },
    required: ["total", "tools"],
  },
  annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
} as const satisfies Tool;

/** Names of the tools that Runlet offers over MCP: few and short, because hosts prefix them. */
export type McpToolName = typeof RUN_SCRIPT.name | typeof SEARCH_TOOLS.name;

/**
 * The whole of `tools/list`: the same for every caller and however many tools stand behind it, so that its cost in a
 * model's context is fixed.
 */
export const TOOLS: Tool[] = [RUN_SCRIPT, SEARCH_TOOLS];

/** Whether a name is one of our tools. */
export function isMcpToolName(name: string): name is McpToolName {
  return name === RUN_SCRIPT.name || name === SEARCH_TOOLS.name;
}

/** What a model reads once when it connects. */
export const INSTRUCTIONS =
  "Runlet runs scripts that make many tool calls in one turn: search_tools gives signatures, run_script runs the script.";
