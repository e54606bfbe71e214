import { isRecord } from "../lib/guards.ts";
import { rawResult } from "./transports/raw-results.ts";
import type { ContentBlock, UpstreamResult } from "./upstream.ts";

/**
 * The answer as the server sent it, once its outline is checked.
 *
 * @throws Error when it is no answer of a tool.
 */
export function toUpstreamResult(result: unknown): UpstreamResult {
  const raw = rawResult(result);
  if (raw === undefined) throw new Error("an answer needs content or structuredContent");
  const content: unknown = raw["content"] ?? [];
  if (!Array.isArray(content) || !content.every(isContentBlock)) throw new Error("content is not a list of blocks");
  const meta = raw["_meta"];
  return {
    content,
    ...(raw["structuredContent"] !== undefined && { structuredContent: raw["structuredContent"] }),
    isError: raw["isError"] === true,
    ...(isRecord(meta) && { meta }),
  };
}

function isContentBlock(value: unknown): value is ContentBlock {
  return isRecord(value) && typeof value["type"] === "string";
}

/** What a caller says beside the arguments, without what is between us and the server: `progressToken` and the protocol's own keys. */
export function toSentMeta(meta: Readonly<Record<string, unknown>> = {}): Record<string, unknown> | undefined {
  const sent = Object.entries(meta).filter(
    ([key]) => key !== "progressToken" && !key.startsWith("io.modelcontextprotocol/"),
  );
  return sent.length === 0 ? undefined : Object.fromEntries(sent);
}
