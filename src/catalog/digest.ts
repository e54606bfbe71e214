import { createHash } from "node:crypto";
import { canonicalJson } from "../lib/json.ts";
import type { ToolDefinition } from "../upstream/upstream.ts";

/** Definitions are immutable, and the same object is asked for at every call. */
const digests = new WeakMap<ToolDefinition, string>();

/**
 * Tells one version of a tool from another: changes when its name, description, input or output schema does, and with nothing
 * else; the order of the keys does not matter.
 *
 * @returns Lower-case hex SHA-256 of canonical JSON.
 */
export function toolDigest(tool: ToolDefinition): string {
  let digest = digests.get(tool);
  if (digest === undefined) {
    const { name, description, inputSchema, outputSchema } = tool;
    const text = canonicalJson({ name, description, inputSchema, outputSchema });
    digests.set(tool, (digest = createHash("sha256").update(text).digest("hex")));
  }
  return digest;
}
