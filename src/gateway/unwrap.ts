import { boundText, byteLength } from "../lib/bounded-text.ts";
import { RunletError } from "../lib/errors.ts";
import { parseJson } from "../lib/json.ts";
import type { ContentBlock, UpstreamResult } from "../upstream/upstream.ts";
import { toolLabel } from "./policy.ts";

/** Bytes of a failed tool's text that callers see. */
const MAX_FAILURE_BYTES = 4 * 1024;

/**
 * A tool's answer as the value a script works with.
 *
 * @returns The structured content if there is any; else, when every block is text, the texts joined by newlines: parsed
 *   if that is a JSON object or array, the string if not; else the blocks. `null` for an answer without any content.
 */
export function unwrapResult(result: UpstreamResult): unknown {
  if (result.structuredContent !== undefined) return result.structuredContent;
  if (result.content.length === 0) return null;
  const texts = textsOf(result.content);
  if (texts.length < result.content.length) return result.content;
  const text = texts.join("\n");
  return (looksStructured(text) ? parseJson(text)?.value : undefined) ?? text;
}

/**
 * The TOOL_FAILED that an `isError` answer stands for: the tool's own text as message, cut to 4 KiB.
 *
 * `details` holds `content`, the blocks with texts cut to 4 KiB in all and without binary data, and `structuredContent`
 * when there is any of at most 4 KiB.
 */
export function toolFailure(server: string, tool: string, result: UpstreamResult): RunletError {
  const text = textsOf(result.content).join("\n").trim();
  const structured = smallStructured(result.structuredContent);
  const fallback =
    structured === undefined
      ? `${toolLabel({ server, tool })} says that it failed and not why.`
      : JSON.stringify(structured);
  return new RunletError("TOOL_FAILED", boundText(text === "" ? fallback : text, MAX_FAILURE_BYTES), {
    server,
    tool,
    details: {
      content: boundContent(result.content),
      ...(structured !== undefined && { structuredContent: structured }),
    },
  });
}

function textsOf(content: readonly ContentBlock[]): string[] {
  const texts: string[] = [];
  for (const block of content) {
    const text = block["text"];
    if (block.type === "text" && typeof text === "string") texts.push(text);
  }
  return texts;
}

function looksStructured(text: string): boolean {
  return /^\s*[[{]/u.test(text);
}

function smallStructured(value: unknown): unknown {
  if (value === undefined) return undefined;
  return byteLength(JSON.stringify(value)) <= MAX_FAILURE_BYTES ? value : undefined;
}

function boundContent(content: readonly ContentBlock[]): ContentBlock[] {
  const bounded: ContentBlock[] = [];
  let left = MAX_FAILURE_BYTES;
  for (const block of content) {
    if (left <= 0) break;
    const text = block["text"];
    const kept: ContentBlock =
      block.type === "text" && typeof text === "string"
        ? { type: "text", text: boundText(text, left) }
        : { type: boundText(block.type, 64), omitted: true };
    left -= byteLength(JSON.stringify(kept));
    bounded.push(kept);
  }
  return bounded;
}
