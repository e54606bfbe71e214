import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isRecord } from "../lib/guards.ts";
import { parseJson } from "../lib/json.ts";
import type { Options, ServerOptions } from "./options.ts";

/** What Runlet is configured with when nobody configured it. */
export interface DemoOptions {
  readonly options: Options;
  /** One sentence for each server that is left out. */
  readonly warnings: readonly string[];
}

/**
 * Options with two real MCP servers that need no download: `files` on the sample folder and `memory` in the data folder.
 * A server whose package is not installed is left out.
 *
 * @param packageRoot Absolute folder of Runlet's package.json.
 * @param dataDir Absolute folder, or `:memory:`: then the memory is in a file of the system's folder for such.
 */
export function demoOptions(packageRoot: string, dataDir: string): DemoOptions {
  const servers = new Map<string, ServerOptions>();
  const warnings: string[] = [];
  const add = (name: string, packageName: string, server: (program: string) => ServerOptions | string): void => {
    const program = findProgram(packageRoot, packageName);
    const found = program === undefined ? `${packageName} is not installed` : server(program);
    if (typeof found !== "string") servers.set(name, { ...found, eager: true });
    else
      warnings.push(
        `The sample server ${name} is left out as ${found}. Write a runlet.yaml with mcpServers of your own.`,
      );
  };
  add("files", "@modelcontextprotocol/server-filesystem", (program) => {
    const folder = join(packageRoot, "examples", "sample-data");
    if (!existsSync(folder)) return "its sample folder is not installed";
    // Started in the folder, so that a script may write paths relative to it.
    return { command: process.execPath, args: [program, folder], cwd: folder };
  });
  add("memory", "@modelcontextprotocol/server-memory", (program) => {
    const file =
      dataDir === ":memory:" ? join(tmpdir(), `runlet-memory-${process.pid}.jsonl`) : join(dataDir, "memory.jsonl");
    return { command: process.execPath, args: [program], env: { MEMORY_FILE_PATH: file } };
  });
  return { options: { mcpServers: Object.fromEntries(servers) }, warnings };
}

/** The script behind a package's first command. @returns `undefined` when the package is not installed. */
function findProgram(packageRoot: string, packageName: string): string | undefined {
  const manifest = findManifest(packageRoot, packageName);
  if (manifest === undefined) return undefined;
  const content = parseJson(readFileSync(manifest, "utf8"))?.value;
  const bin = isRecord(content) ? content["bin"] : undefined;
  const script = isRecord(bin) ? Object.values(bin)[0] : bin;
  return typeof script === "string" ? join(dirname(manifest), script) : undefined;
}

function findManifest(packageRoot: string, packageName: string): string | undefined {
  try {
    return createRequire(join(packageRoot, "package.json")).resolve(`${packageName}/package.json`);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
