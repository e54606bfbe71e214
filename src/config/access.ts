import { matchesAnyGlob, matchesGlob } from "../lib/glob.ts";
import type { AccessRules, ToolClass } from "./principal.ts";

/** Whether the rules let their holder know of a server at all. */
export function allowsServer(rules: AccessRules, server: string): boolean {
  return rules.servers === undefined || matchesAnyGlob(rules.servers, server);
}

/** Whether the rules let their holder see and call a tool. */
export function allowsTool(
  rules: AccessRules,
  tool: { readonly server: string; readonly name: string; readonly class: ToolClass },
): boolean {
  if (!allowsServer(rules, tool.server)) return false;
  if (rules.classes !== undefined && !rules.classes.includes(tool.class)) return false;
  const globs = toolGlobs(rules, tool.server);
  return globs === undefined || matchesAnyGlob(globs, tool.name);
}

/** The globs that the names of a server's tools must fit. @returns `undefined` when the rules do not narrow it. */
export function toolGlobs({ tools }: AccessRules, server: string): readonly string[] | undefined {
  const own = tools?.get(server);
  if (own !== undefined || tools === undefined) return own;
  const fitting = [...tools].filter(([glob]) => matchesGlob(glob, server));
  return fitting.length === 0 ? undefined : fitting.flatMap(([, globs]) => globs);
}
