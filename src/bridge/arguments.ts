import { bindArguments } from "../catalog/call-arguments.ts";
import type { CatalogTool } from "../catalog/catalog.ts";
import { RunletError } from "../lib/errors.ts";

/**
 * The argument object of a call that a script makes.
 *
 * @param tool `undefined` while the server's tools are not known.
 * @param values What the script passed, JSON values.
 * @param path What the script wrote, for the message.
 * @throws TOOL_ARGUMENTS_INVALID when there are more values than required properties.
 */
export function toArguments(
  tool: CatalogTool | undefined,
  values: readonly unknown[],
  path: readonly string[],
): Readonly<Record<string, unknown>> {
  const bound = bindArguments(tool, values);
  if (bound.status === "bound") return bound.args;
  throw new RunletError(
    "TOOL_ARGUMENTS_INVALID",
    `Cannot call mcp.${path.join(".")} as ${bound.forms}: ${values.length} arguments were passed`,
    tool === undefined ? {} : { server: tool.server, tool: tool.name, hint: tool.signature },
  );
}
