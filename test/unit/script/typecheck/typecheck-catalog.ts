import { toServerTools } from "../../../../src/catalog/server-tools.ts";
import { createSnapshot } from "../../../../src/catalog/snapshot.ts";
import type { Catalog } from "../../../../src/catalog/catalog.ts";
import type { JsonSchema, ToolDefinition } from "../../../../src/upstream/upstream.ts";

const TEXT = { type: "string" };
const INTEGER = { type: "integer" };

function tool(server: string, name: string, inputSchema: JsonSchema, outputSchema?: JsonSchema): ToolDefinition {
  return {
    server,
    name,
    description: `${name}.`,
    inputSchema,
    ...(outputSchema === undefined ? {} : { outputSchema }),
  };
}

function object(properties: Record<string, JsonSchema>, required: readonly string[] = Object.keys(properties)) {
  return { type: "object", properties, required };
}

const ISSUE = {
  ...object({ id: INTEGER, title: TEXT, state: { enum: ["open", "closed"] }, labels: { type: "array", items: TEXT } }),
  additionalProperties: false,
};

/** What the scripts of these tests call. */
const TOOLS: Readonly<Record<string, readonly ToolDefinition[]>> = {
  files: [
    tool("files", "read_file", object({ path: TEXT }), object({ content: TEXT })),
    tool("files", "write_file", {
      ...object({ path: TEXT, content: TEXT, mode: { enum: ["create", "append"] } }, ["path", "content"]),
      additionalProperties: false,
    }),
    tool("files", "list-directory", object({ path: TEXT, depth: INTEGER }, ["path"]), {
      ...object({
        entries: { type: "array", items: object({ name: TEXT, size: INTEGER, isDirectory: { type: "boolean" } }) },
        total: INTEGER,
        next: { type: ["string", "null"] },
      }),
      additionalProperties: false,
    }),
    tool("files", "roots", { type: "object", properties: {} }),
  ],
  issues: [
    tool(
      "issues",
      "search",
      object(
        { query: TEXT, limit: INTEGER, labels: { type: "array", items: TEXT }, since: { type: ["string", "null"] } },
        ["query"],
      ),
      object({ items: { type: "array", items: ISSUE }, total_count: INTEGER }),
    ),
    tool("issues", "get_issue", object({ id: INTEGER }), ISSUE),
    tool("issues", "update_issue", {
      ...object({ id: INTEGER, change: object({ title: TEXT, assignees: { type: "array", items: TEXT } }, ["title"]) }),
      additionalProperties: false,
    }),
    tool("issues", "count", object({}, []), object({ count: INTEGER })),
    tool("issues", "stats", object({}, []), { type: "object", additionalProperties: { type: "number" } }),
  ],
  box: [tool("box", "echo", { type: "object", properties: { value: {} }, required: ["value"] })],
};

/** Two servers with declared answers and one without. */
export const CATALOG: Catalog = createSnapshot(
  Object.entries(TOOLS)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([server, tools]) => ({ server, namespace: server, tools: toServerTools(server, server, tools, true) })),
);
