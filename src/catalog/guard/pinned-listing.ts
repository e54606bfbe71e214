import { isRecord } from "../../lib/guards.ts";
import { parseJson } from "../../lib/json.ts";
import type { ToolDefinition } from "../../upstream/upstream.ts";
import { listingDigest, pinDigest, toPinned } from "./pin-digest.ts";

/** Definitions are kept for what they were: of larger ones only the digest is. */
const MAX_DEFINITION_CHARACTERS = 64 * 1024;
/** Definitions kept of one server, as JSON text together. */
const MAX_KEPT_CHARACTERS = 8 * 1024 * 1024;

/** One tool as it was when it was pinned. */
export interface PinnedTool {
  readonly digest: string;
  /** JSON; absent where it was too large to keep. */
  readonly definition?: unknown;
}

/** What a server listed at one time: to compare with, and to tell what changed. Immutable. */
export interface PinnedListing {
  /** Of instructions and tools together. */
  readonly digest: string;
  /** Empty when the server gave none. */
  readonly instructions: string;
  readonly tools: ReadonlyMap<string, PinnedTool>;
}

/** How one listing differs from another: names of tools, each list sorted. */
export interface ListingChanges {
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly instructions: boolean;
}

/** What a server lists, as it may be pinned. */
export function pinnedListing(tools: readonly ToolDefinition[], instructions = ""): PinnedListing {
  const pinned = new Map<string, PinnedTool>();
  let left = MAX_KEPT_CHARACTERS;
  for (const tool of tools) {
    const definition = toPinned(tool);
    const size = JSON.stringify(definition).length;
    const isKept = size <= MAX_DEFINITION_CHARACTERS && size <= left;
    if (isKept) left -= size;
    pinned.set(tool.name, { digest: pinDigest(tool), ...(isKept && { definition }) });
  }
  return withDigest(instructions, pinned);
}

/** What changed from one listing to the next; `undefined` when nothing did. */
export function compareListings(before: PinnedListing, after: PinnedListing): ListingChanges | undefined {
  if (before.digest === after.digest) return undefined;
  const changed = [...after.tools].filter(([name, { digest }]) => {
    const known = before.tools.get(name);
    return known !== undefined && known.digest !== digest;
  });
  return {
    changed: changed.map(([name]) => name).sort(),
    added: [...after.tools.keys()].filter((name) => !before.tools.has(name)).sort(),
    removed: [...before.tools.keys()].filter((name) => !after.tools.has(name)).sort(),
    instructions: before.instructions !== after.instructions,
  };
}

/**
 * The pin after some tools of a newer listing were approved: what is listed now takes the place of what was, also where that
 * is nothing any more. Instructions stay as they were.
 */
export function approveTools(pin: PinnedListing, listed: PinnedListing, names: Iterable<string>): PinnedListing {
  const tools = new Map(pin.tools);
  for (const name of names) {
    const tool = listed.tools.get(name);
    if (tool === undefined) tools.delete(name);
    else tools.set(name, tool);
  }
  return withDigest(pin.instructions, tools);
}

/** Text of a listing for a store. */
export function listingText({ instructions, tools }: PinnedListing): string {
  return JSON.stringify({ instructions, tools: [...tools].map(([name, tool]) => ({ name, ...tool })) });
}

/** Reads what `listingText` wrote. @returns `undefined` when the text is something else. */
export function parseListing(text: string): PinnedListing | undefined {
  const value = parseJson(text)?.value;
  if (!isRecord(value) || typeof value["instructions"] !== "string" || !Array.isArray(value["tools"])) return undefined;
  const tools = new Map<string, PinnedTool>();
  for (const tool of value["tools"] as readonly unknown[]) {
    if (!isRecord(tool)) return undefined;
    const { name, digest, definition } = tool;
    if (typeof name !== "string" || typeof digest !== "string") return undefined;
    tools.set(name, { digest, ...(definition !== undefined && { definition }) });
  }
  return withDigest(value["instructions"], tools);
}

function withDigest(instructions: string, tools: ReadonlyMap<string, PinnedTool>): PinnedListing {
  const digests = new Map([...tools].map(([name, { digest }]) => [name, digest]));
  return { digest: listingDigest(instructions, digests), instructions, tools };
}
