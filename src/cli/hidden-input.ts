import type { Readable } from "node:stream";

/** Standard input, a terminal or not. */
export type SecretInput = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };

/** The largest secret that is read. */
export const MAX_SECRET_BYTES = 64 * 1024;

const ENTER = new Set(["\r", "\n", "\u0004"]);
const CANCEL = "\u0003";
const ERASE = new Set(["\b", "\u007F"]);

/**
 * Reads a secret: from a terminal one line, without showing it; else all there is, without the last line break.
 *
 * @param prompt Called before a terminal is read, and to end the line afterwards.
 * @returns `undefined` when whoever types cancels, `stopped` aborts, or there is more than a secret may hold.
 */
export async function readSecret(
  input: SecretInput,
  prompt: (text: string) => void,
  stopped: AbortSignal,
): Promise<string | undefined> {
  if (input.isTTY !== true || input.setRawMode === undefined) return readAll(input, stopped);
  prompt("Secret (not shown): ");
  input.setRawMode(true);
  try {
    return await readLine(input, stopped);
  } finally {
    input.setRawMode(false);
    input.pause();
    prompt("\n");
  }
}

async function readAll(input: SecretInput, stopped: AbortSignal): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of input.iterator({ destroyOnReturn: false })) {
    const bytes = Buffer.from(part as Buffer | string);
    size += bytes.length;
    if (size > MAX_SECRET_BYTES || stopped.aborted) return undefined;
    parts.push(bytes);
  }
  return Buffer.concat(parts)
    .toString("utf8")
    .replace(/\r?\n$/u, "");
}

function readLine(input: SecretInput, stopped: AbortSignal): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const typed: string[] = [];
  const take = (chunk: Buffer | string): void => {
    for (const key of Buffer.from(chunk).toString("utf8")) {
      if (key === CANCEL) return resolve(undefined);
      if (ENTER.has(key)) return resolve(typed.join(""));
      if (ERASE.has(key)) typed.pop();
      else if (key >= " " && typed.length < MAX_SECRET_BYTES) typed.push(key);
    }
  };
  const cancel = (): void => resolve(undefined);
  input.on("data", take);
  input.once("end", cancel);
  stopped.addEventListener("abort", cancel, { once: true });
  return promise.finally(() => {
    input.off("data", take);
    input.off("end", cancel);
    stopped.removeEventListener("abort", cancel);
  });
}
