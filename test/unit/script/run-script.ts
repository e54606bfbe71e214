import { runInNewContext } from "node:vm";
import { prepareScript } from "../../../src/script/prepare.ts";
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

/** Runs a text as the executor would: its body inside of an async function, in sloppy mode. */
export async function evaluate(text: string): Promise<unknown> {
  const { code } = await prepare(text);
  return evaluateCode(code);
}

export async function evaluateCode(code: string): Promise<unknown> {
  const run = runInNewContext(`(async () => {${code}\n})`, {
    ...CONTEXT,
    console,
    structuredClone,
    setTimeout,
  }) as () => Promise<unknown>;
  return toOurs(await run());
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
