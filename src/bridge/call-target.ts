import type { CatalogTool, ToolResolution } from "../catalog/catalog.ts";
import { RunletError } from "../lib/errors.ts";
import { isStringArray } from "../lib/guards.ts";
import { isDeeperThan, parseJson } from "../lib/json.ts";
import { MAX_NESTING, MAX_PATH_UNITS } from "./protocol.ts";

/** Calls of unknown tools that are told the nearest ones; finding them compares the name with every tool's. */
const MAX_SUGGESTIONS = 8;

/** The tool a path means; `tool` is unknown while its server was never listed. */
export interface Target {
  readonly server: string;
  readonly name: string;
  readonly tool: CatalogTool | undefined;
}

/**
 * Rebuilds a call from its texts.
 *
 * @throws ARGUMENTS_TOO_LARGE when they are nested too deep: getters that give something else each time bring that past the
 *   runtime's own check; INTERNAL: only a process that is not ours any more sends others.
 */
export function readCall(
  pathText: string,
  argsText: string,
): { readonly path: readonly string[]; readonly args: readonly unknown[] } {
  const path = pathText.length > MAX_PATH_UNITS ? undefined : parseJson(pathText)?.value;
  const args = parseJson(argsText)?.value;
  if (!isStringArray(path) || !Array.isArray(args))
    throw new RunletError("INTERNAL", "Cannot read the call as it is not of the protocol");
  if (!isDeeperThan(args, MAX_NESTING)) return { path, args };
  throw new RunletError(
    "ARGUMENTS_TOO_LARGE",
    `Cannot make the call as arguments may be nested ${MAX_NESTING} deep: these are deeper`,
    { hint: "Pass flatter arguments." },
  );
}

type UnknownTool = Extract<ToolResolution, { readonly kind: "unknown" }>;

/** Makes targets of what paths mean. */
export class Targets {
  #unknown = 0;

  /** @throws TOOL_NOT_FOUND with the nearest names, for the first unknown ones. */
  of(resolution: ToolResolution): Target {
    switch (resolution.kind) {
      case "tool":
        return { server: resolution.tool.server, name: resolution.tool.name, tool: resolution.tool };
      case "unlisted":
        return { server: resolution.server, name: resolution.name, tool: undefined };
      case "unknown":
        throw ++this.#unknown > MAX_SUGGESTIONS ? unknownAgain() : unknownTool(resolution);
      default:
        return resolution satisfies never;
    }
  }
}

function unknownAgain(): RunletError {
  const message = `Cannot call the tool as there is none of this name: ${MAX_SUGGESTIONS} calls before named none either`;
  return new RunletError("TOOL_NOT_FOUND", message, {
    hint: "`await mcp.$servers()` lists the tools; what is like a name was told of the first calls.",
    details: { nearest: [] },
  });
}

function unknownTool({ message, nearest }: UnknownTool): RunletError {
  return new RunletError("TOOL_NOT_FOUND", message, {
    ...(nearest.length === 0 ? {} : { hint: `Did you mean ${nearest.map((tool) => tool.signature).join(" or ")}?` }),
    details: { nearest: nearest.map((tool) => `${tool.namespace}.${tool.method}`) },
  });
}
