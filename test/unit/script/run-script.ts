import { runInNewContext } from "node:vm";
import { prepareScript } from "../../../src/script/prepare.ts";
import { runnableText } from "../../../src/script/body-wrapper.ts";
import type { PreparedScript } from "../../../src/script/prepare.ts";
import type { RunletError } from "../../../src/lib/errors.ts";

/** Larger than any script of these tests. */
export const MAX_BYTES = 4 * 1024 * 1024;

/** What the context's `mcp.echo` and friends answer. */
export const CONTEXT = {
  mcp: { echo: async (value: unknown) => value, files: { read: async (path: string) => `<${path}>` } },
  input: { city: "Oslo" },
  emit: () => undefined,
};

export function prepare(text: string): Promise<PreparedScript> {
  return prepareScript(text, { maxBytes: MAX_BYTES });
}

/** Runs a text as the executor would: its body inside of an async function, in sloppy mode; nobody hears of floating promises. */
export async function evaluate(text: string): Promise<unknown> {
  const run = compile(await prepare(text), { ...CONTEXT, console, structuredClone, setTimeout });
  return toOurs(await run());
}

/** The async function that a prepared script is. Its frames are of `script.js`; columns of line 1 count what is before the body. */
export function compile(script: PreparedScript, context: object): () => Promise<unknown> {
  const made: unknown = runInNewContext(runnableText(script), context, { filename: "script.js" });
  const untracked = (value: unknown): unknown => value;
  return script.tracker === undefined
    ? (made as () => Promise<unknown>)
    : (made as (tracker: typeof untracked) => () => Promise<unknown>)(untracked);
}

/** Values of another realm compare as unequal: rebuilds plain data here. */
function toOurs(value: unknown): unknown {
  return typeof value === "object" && value !== null ? structuredClone(value) : value;
}

/** The error a text is refused with. */
export async function refuse(text: string): Promise<RunletError> {
  try {
    await prepare(text);
  } catch (error) {
    return error as RunletError;
  }
  throw new Error(`was not refused: ${text.slice(0, 80)}`);
}
