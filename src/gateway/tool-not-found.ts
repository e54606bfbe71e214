import type { CatalogTool } from "../catalog/catalog.ts";
import { RunletError } from "../lib/errors.ts";
import { nearestNames } from "../lib/nearest.ts";

/**
 * The one answer to a call of a tool that does not exist or is not the caller's to use: depends on nothing but the name
 * and what the caller may see.
 *
 * @param server As called, short.
 * @param tool As called, short.
 * @param visible Every tool the caller may use.
 */
export function toolNotFound(server: string, tool: string, visible: readonly CatalogTool[]): RunletError {
  const nearest = nearestTools(server, tool, visible);
  const names = nearest.map((near) => `${near.server}.${near.name}`);
  const said = names.length === 0 ? "none is like it" : `the nearest are ${names.join(", ")}`;
  const [best] = nearest;
  return new RunletError(
    "TOOL_NOT_FOUND",
    `Cannot call ${server}.${tool} as there is no such tool for this caller: ${said}.`,
    {
      server,
      tool,
      hint: best === undefined ? "Search or list the tools there are." : `Did you mean ${best.signature}?`,
      details: { nearest: names },
    },
  );
}

function nearestTools(server: string, tool: string, visible: readonly CatalogTool[]): CatalogTool[] {
  const here = new Map(visible.filter((each) => each.server === server).map((each) => [each.name, each]));
  const found = pick(tool, here);
  return found.length > 0 ? found : pick(tool, new Map(visible.map((each) => [each.name, each])));
}

function pick(name: string, candidates: ReadonlyMap<string, CatalogTool>): CatalogTool[] {
  return nearestNames(name, candidates.keys()).flatMap((near) => candidates.get(near) ?? []);
}
