import { bindArguments } from "../catalog/call-arguments.ts";
import type { Catalog, CatalogTool } from "../catalog/catalog.ts";
import { propertyAccess } from "../catalog/tool-names.ts";
import type { ArgumentProblem, ArgumentValidator } from "../gateway/call.ts";
import { errorInfo } from "../lib/errors.ts";
import type { ErrorContext, ErrorInfo } from "../lib/errors.ts";
import { isRecord } from "../lib/guards.ts";
import type { OpenObject } from "./literals.ts";
import type { PreparedScript } from "./prepare.ts";
import type { ToolCallSite } from "./read-script.ts";
import type { Position } from "./script.ts";
import { snippet } from "./source-position.ts";

/** More than this many are no help to whoever mends the script. */
const MAX_ERRORS = 10;
const NEAREST = 3;
const MAX_PROBLEMS = 5;
/** Keywords of an object's schema that judge each member by itself, or nothing. @source JSON Schema 2020-12 and draft 7 */
const SEPARATE_KEYWORDS: ReadonlySet<string> = new Set(
  (
    "type properties required additionalProperties title description default examples deprecated readOnly writeOnly " +
    "$schema $id $comment $defs definitions"
  ).split(" "),
);

/**
 * Finds calls that can never work, before anything runs: of tools that do not exist, and with written-out arguments that
 * the tool's schema refuses, whatever the values are that are not written out. Wherever they stand, in a `try` too. What
 * the call alone can decide is left to the call: servers whose tools are not known yet (while there is one, no name is
 * called unknown), computed names, optional calls, values that come from elsewhere.
 *
 * @returns In the order of the text, each wrong name once; at most ten.
 */
export function checkNames(
  script: PreparedScript,
  catalog: Catalog,
  validator: ArgumentValidator,
): readonly ErrorInfo[] {
  const errors: ErrorInfo[] = [];
  const reported = new Set<string>();
  for (const call of script.calls) {
    if (errors.length === MAX_ERRORS) break;
    if (call.path.some((name) => name.startsWith("$"))) continue;
    const resolution = catalog.resolve(call.path);
    if (resolution.kind === "tool") {
      const error = checkArguments(script, call, resolution.tool, validator);
      if (error !== undefined) errors.push(error);
    } else if (resolution.kind === "unknown" && catalog.unlisted.length === 0 && !usesTool(catalog, call.path)) {
      const name = written(call.path);
      if (reported.has(name)) continue;
      reported.add(name);
      errors.push(unknownTool(script, call, resolution.message, resolution.nearest.slice(0, NEAREST)));
    }
  }
  return errors;
}

/** Whether the path goes on after a tool: `mcp.readFile.call(…)`, or properties of what is no name at all. */
function usesTool(catalog: Catalog, path: readonly string[]): boolean {
  return path.length > 2 || (path.length === 2 && catalog.resolve(path.slice(0, 1)).kind === "tool");
}

function unknownTool(
  script: PreparedScript,
  call: ToolCallSite,
  message: string,
  nearest: readonly CatalogTool[],
): ErrorInfo {
  const signatures = nearest.map((tool) => tool.signature);
  return errorInfo("TOOL_NOT_FOUND", message, {
    ...place(script, call.position),
    hint:
      signatures.length > 0
        ? `The nearest tools are:\n${signatures.join("\n")}`
        : 'Find tools with `await mcp.$search("words")`; `await mcp.$servers()` lists the servers.',
    details: { nearest: nearest.map((tool) => `${tool.server}.${tool.name}`) },
  });
}

function checkArguments(
  script: PreparedScript,
  call: ToolCallSite,
  tool: CatalogTool,
  validator: ArgumentValidator,
): ErrorInfo | undefined {
  const problems =
    call.args === undefined ? certainProblems(call, tool, validator) : argumentProblems(call.args, tool, validator);
  if (problems.length === 0) return undefined;
  const shown = problems.slice(0, MAX_PROBLEMS).map(({ pointer, message }) => `${pointer} ${message}`.trim());
  const more = problems.length > MAX_PROBLEMS ? `; and ${problems.length - MAX_PROBLEMS} more` : "";
  return errorInfo(
    "TOOL_ARGUMENTS_INVALID",
    `Cannot call ${written(call.path)} as its arguments do not satisfy the tool's schema: ${shown.join("; ")}${more}`,
    {
      ...place(script, call.argsPosition),
      server: tool.server,
      tool: tool.name,
      hint: `The tool is ${tool.signature}`,
      details: { problems },
    },
  );
}

/** Judges arguments as a call would. */
function argumentProblems(
  args: readonly unknown[],
  tool: CatalogTool,
  validator: ArgumentValidator,
): readonly ArgumentProblem[] {
  const bound = bindArguments(tool, args);
  if (bound.status === "bound") return validator.check(tool, bound.args);
  return [{ pointer: "", message: `${bound.forms}: ${args.length} arguments are written` }];
}

/** What is wrong with arguments whatever the values are that the script decides when it runs. */
function certainProblems(
  { count = 0, open }: ToolCallSite,
  tool: CatalogTool,
  validator: ArgumentValidator,
): readonly ArgumentProblem[] {
  if (open !== undefined) return isPlainObject(tool) ? openProblems(open, tool, validator) : [];
  const bound =
    count > 1
      ? bindArguments(
          tool,
          Array.from({ length: count }, () => null),
        )
      : undefined;
  return bound?.status === "tooMany"
    ? [{ pointer: "", message: `${bound.forms}: ${count} arguments are written` }]
    : [];
}

/** Problems of members that are written out, or not there at all. */
function openProblems(
  { value, open }: OpenObject,
  tool: CatalogTool,
  validator: ArgumentValidator,
): readonly ArgumentProblem[] {
  const bound = bindArguments(tool, [value]);
  if (bound.status !== "bound" || bound.args !== value) return [];
  return validator.check(tool, value).filter(({ pointer }) => {
    const [, step] = pointer.split("/");
    return step !== undefined && !open.has(step.replaceAll("~1", "/").replaceAll("~0", "~"));
  });
}

/**
 * Whether each member of the arguments is judged by itself, so that no value of one can make another right; and the
 * arguments cannot be the tool's one property instead, which depends on what is there.
 */
function isPlainObject({ inputSchema, positional }: CatalogTool): boolean {
  if (typeof inputSchema === "boolean" || inputSchema["type"] !== "object") return false;
  const properties = inputSchema["properties"];
  const only = positional.length === 1 && isRecord(properties) ? properties[positional[0] ?? ""] : undefined;
  if (isRecord(only) && only["type"] === "object") return false;
  return Object.keys(inputSchema).every((keyword) => SEPARATE_KEYWORDS.has(keyword));
}

function place(script: PreparedScript, position: Position | undefined): ErrorContext {
  if (position === undefined) return {};
  const { line, column } = position;
  const quoted = snippet(script.source, line, column);
  return { line, column, ...(quoted === undefined ? {} : { snippet: quoted }) };
}

/** A path of names as a script writes it: `mcp.files.readFile`. */
export function written(path: readonly string[]): string {
  return `mcp${path.map((name) => propertyAccess(name)).join("")}`;
}
