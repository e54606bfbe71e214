import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stringLiteral } from "../../src/catalog/tool-names.ts";

const run = promisify(execFile);
const TSC = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
const OPTIONS = [
  "--strict",
  "--noEmit",
  "--target",
  "es2024",
  "--lib",
  "es2024",
  "--skipLibCheck",
  "false",
  "--pretty",
  "false",
];
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Compiles files that stand alone, under `--strict` and with the language's own library only.
 *
 * @param files Texts by file name, compiled as one program: files without imports and exports see each other's globals.
 * @returns What the compiler says; empty when it takes them.
 */
export async function compileTypes(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "runlet-types-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
    const { stdout } = await run(process.execPath, [TSC, ...OPTIONS, ...Object.keys(files)], {
      cwd: folder,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout || String(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A JSON value as TypeScript text on one line. A property called `__proto__` stays a property. */
export function literalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literalText).join(", ")}]`;
  if (typeof value !== "object" || value === null) {
    return typeof value === "string" ? stringLiteral(value) : String(value);
  }
  const members = Object.entries(value).map(([name, member]) => {
    const key = stringLiteral(name);
    return `${name === "__proto__" ? `[${key}]` : key}: ${literalText(member)}`;
  });
  return `{ ${members.join(", ")} }`;
}
