import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cliEnvironment } from "./service.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const END_WITHIN_MS = 30_000;

/** How a command ended and what it wrote. */
export interface CommandEnd {
  /** `null` when it was killed because it did not end in time. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command is given besides its arguments. */
export interface CommandOptions {
  /** Its standard input. @default none */
  readonly input?: string;
  readonly cwd: string;
  /** Closes its standard output at once instead of reading it. @default false */
  readonly deaf?: boolean;
}

/** The command line of `runlet`, for those who start it themselves. */
export function runletCommand(args: readonly string[]): { readonly command: string; readonly args: string[] } {
  return { command: process.execPath, args: [MAIN, ...args] };
}

/** Runs `runlet` with some arguments to its end. */
export async function runlet(
  args: readonly string[],
  { input = "", cwd, deaf = false }: CommandOptions,
): Promise<CommandEnd> {
  const { command, args: all } = runletCommand(args);
  const child = spawn(command, all, { cwd, env: cliEnvironment(), timeout: END_WITHIN_MS, killSignal: "SIGKILL" });
  let stdout = "";
  let stderr = "";
  if (deaf) child.stdout.destroy();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, stdout, stderr };
}
