import { allowsServer, toolGlobs } from "../config/access.ts";
import type { AccessRules, Principal, ToolClass } from "../config/principal.ts";
import { matchesAnyGlob } from "../lib/glob.ts";

/** The rule that keeps a caller from a tool. */
export interface DenyingRule {
  readonly scope: "principal" | "run";
  /** `principal.servers`, `run.classes`, `principal.tools.files` … */
  readonly rule: string;
}

/** What the rules judge a tool by; the class is `undefined` while its server is not listed. */
export interface JudgedTool {
  readonly server: string;
  readonly name: string;
  readonly class: ToolClass | undefined;
}

/**
 * Finds which rule denies a tool: the principal's are looked at before the run's, servers before classes before tools.
 *
 * @returns `undefined` when none does.
 */
export function findDenyingRule(
  caller: { readonly principal: Principal; readonly narrow: AccessRules | undefined },
  tool: JudgedTool,
): DenyingRule | undefined {
  const part = denyingPart(caller.principal.access, tool);
  if (part !== undefined) return { scope: "principal", rule: `principal.${part}` };
  const runPart = caller.narrow && denyingPart(caller.narrow, tool);
  return runPart === undefined ? undefined : { scope: "run", rule: `run.${runPart}` };
}

function denyingPart(rules: AccessRules, tool: JudgedTool): string | undefined {
  if (!allowsServer(rules, tool.server)) return "servers";
  if (tool.class !== undefined && rules.classes?.includes(tool.class) === false) return "classes";
  const globs = toolGlobs(rules, tool.server);
  return globs === undefined || matchesAnyGlob(globs, tool.name) ? undefined : `tools.${tool.server}`;
}
