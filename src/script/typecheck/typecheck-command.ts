import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** How the compiler is started: nothing is inherited. */
export interface CompilerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Folder of the declarations of the language itself: all of the machine's files that the compiler is shown. */
  readonly libFolder: string;
}

const MIB = 1024 * 1024;
/** Hostile types were seen to take 400 MiB within the time of a check; a check of 482 tools takes 60. */
const MAX_DATA_MIB = 1_024;
const SOFT_HEAP_MIB = 384;

/** What the compiler asks of files; it touches none itself. */
export const FILE_REQUESTS = ["readFile", "fileExists", "directoryExists", "getAccessibleEntries", "realpath"] as const;

/**
 * The command of TypeScript's native compiler as a server on its standard streams, held by kernel limits where the machine
 * has them.
 *
 * @param cwd What it takes for the working folder; need not exist.
 * @throws Error when there is no compiler for this platform, or the package was installed without it.
 */
export function compilerCommand(cwd: string): CompilerCommand {
  const own = createRequire(import.meta.url);
  const fromTypeScript = createRequire(own.resolve("typescript/package.json"));
  const platform = `@typescript/typescript-${process.platform}-${process.arch}/package.json`;
  const libFolder = join(dirname(fromTypeScript.resolve(platform)), "lib");
  const compiler = join(libFolder, process.platform === "win32" ? "tsc.exe" : "tsc");
  // Without these every name of the language would be unknown to it.
  if (!existsSync(join(libFolder, "lib.esnext.d.ts"))) throw new Error("the compiler's declarations are not there");
  const prlimit = findTool("prlimit");
  const nice = findTool("nice");
  const [command, ...args] = [
    ...(prlimit === undefined ? [] : [prlimit, "--core=0", "--nofile=64", `--data=${MAX_DATA_MIB * MIB}`]),
    ...(nice === undefined ? [] : [nice, "-n", "5"]),
    compiler,
    "--api",
    "--async",
    "--cwd",
    cwd,
    `--callbacks=${FILE_REQUESTS.join(",")}`,
  ];
  return { command, args, env: { GOMEMLIMIT: `${SOFT_HEAP_MIB}MiB` }, libFolder };
}

function findTool(name: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  return ["/usr/bin", "/bin", "/usr/local/bin"].map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}
