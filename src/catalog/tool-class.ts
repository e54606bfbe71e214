import type { ToolClass } from "../config/principal.ts";
import { matchesGlob } from "../lib/glob.ts";
import type { ToolAnnotations } from "../upstream/upstream.ts";

/**
 * What a tool does to the world, by its own word.
 *
 * @param annotations The tool's hints, if it gave any.
 * @param trusted Whether its server's hints are believed; when not, the tool counts as `write`.
 * @returns `read` for `readOnlyHint: true`, whatever else is said; `destructive` only when the tool says so itself: the
 *   protocol's default for a missing `destructiveHint` is true, which would make the class say nothing.
 */
export function toolClass(annotations: ToolAnnotations | undefined, trusted: boolean): ToolClass {
  if (!trusted || annotations === undefined) return "write";
  if (annotations.readOnlyHint === true) return "read";
  return annotations.destructiveHint === true ? "destructive" : "write";
}

/**
 * The class that the operator gives a tool, whatever the tool says of itself.
 *
 * @param classes Classes by glob of tool names; the first that matches counts.
 * @returns `undefined` when none matches.
 */
export function configuredClass(name: string, classes: ReadonlyMap<string, ToolClass>): ToolClass | undefined {
  for (const [glob, given] of classes) if (matchesGlob(glob, name)) return given;
  return undefined;
}
