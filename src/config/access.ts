import { matchesAnyGlob } from "../lib/glob.ts";
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
  const globs = rules.tools?.get(tool.server);
  return globs === undefined || matchesAnyGlob(globs, tool.name);
}
