import { isSpecType } from "@modelcontextprotocol/server";
import type { ContentBlock } from "@modelcontextprotocol/server";
import { isRecord } from "../lib/guards.ts";
import type { JsonValue } from "../lib/guards.ts";

/** Block types that a client shows as what they are; `text` blocks stay among the emitted values. */
const MEDIA_TYPES: ReadonlySet<unknown> = new Set(["image", "audio", "resource", "resource_link"]);

/** What a script emitted, parted into what is sent as content blocks and what is told as JSON. */
export interface EmittedParts {
  readonly blocks: readonly ContentBlock[];
  /** Every emitted value in order; in the place of a block, what and where it is. */
  readonly values: readonly JsonValue[];
}

/**
 * Parts emitted values: a value with the exact shape of a media block becomes that block, anything else, a malformed
 * block included, stays a value. A block must be well-formed or the whole answer would break the protocol.
 *
 * @param firstIndex Index in the answer's content at which the blocks will begin.
 */
export function partEmitted(emitted: readonly JsonValue[], firstIndex: number): EmittedParts {
  const blocks: ContentBlock[] = [];
  const values = emitted.map((value): JsonValue => {
    const block = toMediaBlock(value);
    if (block === undefined) return textOf(value) ?? value;
    blocks.push(block);
    return { type: block.type, contentIndex: firstIndex + blocks.length - 1 };
  });
  return { blocks, values };
}

function toMediaBlock(value: JsonValue): ContentBlock | undefined {
  if (!isRecord(value) || !MEDIA_TYPES.has(value["type"])) return undefined;
  return isSpecType.ContentBlock(value) ? value : undefined;
}

function textOf(value: JsonValue): string | undefined {
  if (!isRecord(value) || value["type"] !== "text") return undefined;
  const text = value["text"];
  return typeof text === "string" ? text : undefined;
}
