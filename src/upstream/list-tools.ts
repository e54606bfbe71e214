import type { Client, RequestOptions } from "@modelcontextprotocol/client";
import type { UpstreamConfig } from "../config/config.ts";
import { headerParameterFault } from "./header-parameters.ts";
import { type DroppedTool, MAX_TOOLS, parseTools, type ToolListing } from "./tool-list.ts";
import { rawResult } from "./transports/raw-results.ts";

/** A server whose pages hold nothing could send them for ever. */
const MAX_PAGES = 1_000;

/**
 * Every tool of a connected server, page by page. A server that declares no tools has none; one whose pages run in a
 * circle or never end is cut off there, which `dropped` says.
 */
export async function listTools(client: Client, config: UpstreamConfig, options: RequestOptions): Promise<ToolListing> {
  const told = client.getInstructions();
  const instructions = typeof told === "string" ? { instructions: told } : {};
  if (client.getServerCapabilities()?.tools === undefined) return { tools: [], dropped: [], ...instructions };
  const { raw, cut } = await readPages(client, options);
  const overHttp = config.transport.kind === "http" && client.getProtocolEra() === "modern";
  const listing = parseTools(config.name, raw, config, overHttp ? headerParameterFault : undefined);
  const dropped = cut === undefined ? listing.dropped : [...listing.dropped, cut];
  return { ...listing, dropped, ...instructions };
}

async function readPages(
  client: Client,
  options: RequestOptions,
): Promise<{ readonly raw: readonly unknown[]; readonly cut: DroppedTool | undefined }> {
  const raw: unknown[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  while (raw.length <= MAX_TOOLS) {
    const params = cursor === undefined ? {} : { cursor };
    // Each page names the next one.
    const page = rawResult(await client.request({ method: "tools/list", params }, options));
    const tools = page?.["tools"];
    if (!Array.isArray(tools)) throw new Error("a page holds no list of tools");
    for (const tool of tools) raw.push(tool);
    const next = page?.["nextCursor"];
    if (typeof next !== "string" || next === "") break;
    if (seen.has(next)) return { raw, cut: { name: "*", reason: "its pages run in a circle: reading stopped there" } };
    if (seen.size >= MAX_PAGES)
      return { raw, cut: { name: "*", reason: `only the first ${MAX_PAGES} pages are read` } };
    seen.add(next);
    cursor = next;
  }
  return { raw, cut: undefined };
}
