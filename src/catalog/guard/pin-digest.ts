import { createHash } from "node:crypto";
import { canonicalJson } from "../../lib/json.ts";
import type { ToolDefinition } from "../../upstream/upstream.ts";

/** What of a tool is pinned: all that a model, or a person who approves, is told of it. */
export type PinnedDefinition = Omit<ToolDefinition, "server">;

/** Definitions are immutable, and are judged again whenever any server changes. */
const digests = new WeakMap<ToolDefinition, string>();

/**
 * Tells whether a tool is the one that was approved: changes when its name, title, description, input or output schema or
 * annotations do, and with nothing else; the order of keys does not matter.
 *
 * @returns Lower-case hex SHA-256 of canonical JSON.
 */
export function pinDigest(tool: ToolDefinition): string {
  let digest = digests.get(tool);
  if (digest === undefined) digests.set(tool, (digest = sha256(canonicalJson(toPinned(tool)))));
  return digest;
}

/** The digest of a server's whole list: of its instructions and of each tool, whatever their order. */
export function listingDigest(instructions: string, tools: ReadonlyMap<string, string>): string {
  return sha256(canonicalJson({ instructions, tools: [...tools].toSorted(([a], [b]) => (a < b ? -1 : 1)) }));
}

/** The pinned part of a tool. */
export function toPinned(tool: ToolDefinition): PinnedDefinition {
  const { name, title, description, inputSchema, outputSchema, annotations } = tool;
  return {
    name,
    ...(title !== undefined && { title }),
    description,
    inputSchema,
    ...(outputSchema !== undefined && { outputSchema }),
    ...(annotations !== undefined && { annotations }),
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
