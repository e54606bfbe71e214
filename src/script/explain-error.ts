import type { Catalog } from "../catalog/catalog.ts";
import type { ErrorInfo } from "../lib/errors.ts";
import { written } from "./preflight.ts";
import type { PreparedScript } from "./prepare.ts";

const NO_NETWORK = "Scripts have no network: only tools reach the world, as `await mcp.<server>.<tool>({ … })`.";
const NO_SYSTEM = "Scripts have no environment, files or processes: send what one needs as `input`, or call a tool.";

const NO_MODULES = "Scripts have no modules: end with the value, `return` it, or `export default` it.";
const FENCE_LABEL = "Remove the word: it looks like the label of a code fence whose other characters are gone.";

/** What scripts look for that Runlet has not, and what to do instead. */
const ABSENT: ReadonlyMap<string, string> = new Map([
  ...["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "axios"].map((name) => [name, NO_NETWORK] as const),
  ...["process", "fs", "path", "os", "Deno", "Bun", "__dirname", "__filename", "child_process"].map(
    (name) => [name, NO_SYSTEM] as const,
  ),
  ...["module", "exports", "require"].map((name) => [name, NO_MODULES] as const),
  ...["js", "javascript", "ts", "typescript"].map((name) => [name, FENCE_LABEL] as const),
  ["Buffer", "Use TextEncoder, TextDecoder, atob and btoa."],
]);

/** A property of what is not there, or a call of what is no function: the signs of a value of another shape. */
const WRONG_SHAPE =
  /^TypeError: (?:Cannot (?:read properties of|destructure)|.* is not (?:a function|iterable|async iterable)|undefined is not)/u;
const NO_MEMORY = /^RangeError: (?:Array buffer allocation failed|Invalid (?:typed )?array (?:buffer )?length)/u;
const NOT_DEFINED = /^ReferenceError: (?<name>[\w$]{1,64}) is not defined/u;
const MAX_SIGNATURES = 3;
/** What the methods of `mcp` itself return. */
const META_SIGNATURES: ReadonlyMap<string, string> = new Map([
  ["$search", "mcp.$search(text, { limit? }): Promise<{ total, results: { server, name, description, signature }[] }>"],
  [
    "$describe",
    "mcp.$describe(name): Promise<{ server, name, description, signature, inputSchema, outputSchema?, observedOutputSchema? }>",
  ],
  ["$servers", "mcp.$servers(): Promise<{ name, listed, tools: string[] }[]>"],
]);

/**
 * Adds a hint to an error that a script threw, where the script and the tools tell more than the engine's message: an
 * `await` that is missing, a global that other runtimes have, an answer of another shape, no memory. Every other error stays as it is.
 *
 * @param catalog As the script saw it.
 */
export function explainError(error: ErrorInfo, script: PreparedScript, catalog: Catalog): ErrorInfo {
  if (error.code !== "SCRIPT_ERROR" || error.hint !== undefined) return error;
  const name = NOT_DEFINED.exec(error.message)?.groups?.["name"];
  const hint =
    name !== undefined
      ? explainName(name, catalog)
      : WRONG_SHAPE.test(error.message)
        ? explainShape(script, catalog)
        : NO_MEMORY.test(error.message)
          ? "Keep less at once, or ask for more with limits.memoryMiB."
          : undefined;
  return hint === undefined ? error : { ...error, hint };
}

function explainName(name: string, catalog: Catalog): string | undefined {
  const resolution = catalog.resolve([name]);
  if (resolution.kind === "tool") return `Tools are reached through mcp: ${resolution.tool.signature}`;
  if (catalog.tools.some((tool) => tool.namespace === name))
    return `Servers are reached through mcp: write ${written([name])}.`;
  return ABSENT.get(name);
}

function explainShape(script: PreparedScript, catalog: Catalog): string | undefined {
  const call = script.calls.find(({ lacksAwait }) => lacksAwait);
  if (call !== undefined) {
    const line = call.position === undefined ? "" : ` in line ${call.position.line}`;
    return `The call of ${written(call.path)}${line} gives a promise: write \`await\` before it.`;
  }
  const signatures = new Set<string>();
  for (const { path } of script.calls) {
    if (signatures.size === MAX_SIGNATURES) break;
    const resolution = catalog.resolve(path);
    const signature =
      META_SIGNATURES.get(path[0] ?? "") ?? (resolution.kind === "tool" ? resolution.tool.signature : undefined);
    if (signature !== undefined) signatures.add(signature);
  }
  return signatures.size === 0 ? undefined : `Compare with what the tools return:\n${[...signatures].join("\n")}`;
}
