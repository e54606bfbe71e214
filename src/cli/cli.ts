import { RunletError } from "../lib/errors.ts";
import { VERSION } from "../version.ts";
import { configCommand } from "./commands/config.ts";
import { keysCommand } from "./commands/keys.ts";
import { mcpCommand } from "./commands/mcp.ts";
import { runCommand } from "./commands/run.ts";
import { serveCommand } from "./commands/serve.ts";
import { EXIT } from "./io.ts";
import type { CliIo } from "./io.ts";

type Command = (args: readonly string[], io: CliIo, stopped: AbortSignal) => Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["serve", serveCommand],
  ["run", runCommand],
  ["mcp", mcpCommand],
  ["config", configCommand],
  ["keys", keysCommand],
]);

const USAGE = `Usage: runlet COMMAND

  serve                     the HTTP service (--config FILE, --host HOST, --port N)
  run FILE|-                runs one script without a server (--input JSON, --json)
  mcp                       an MCP server on stdin and stdout
  config check|show [FILE]  says whether a configuration is right, and what each setting is
  keys create NAME          makes a key for a client
`;

/**
 * Runs one command of the command line.
 *
 * @param args Without the program's name.
 * @param stopped Aborts when the process is told to stop.
 * @returns Exit code.
 */
export async function runCli(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const [name = "", ...rest] = args;
  if (name === "--version" || name === "-v" || name === "version") {
    io.stdout(`${VERSION}\n`);
    return EXIT.ok;
  }
  const command = COMMANDS.get(name);
  if (command === undefined) {
    if (name === "--help" || name === "-h" || name === "help") {
      io.stdout(USAGE);
      return EXIT.ok;
    }
    io.stderr(name === "" ? USAGE : `Unknown command: ${name}\n${USAGE}`);
    return EXIT.usage;
  }
  try {
    return await command(rest, io, stopped);
  } catch (error) {
    if (!(error instanceof RunletError)) throw error;
    io.stderr(`${error.code}: ${error.message}\n`);
    if (error.context.hint !== undefined) io.stderr(`hint: ${error.context.hint}\n`);
    return EXIT.failed;
  }
}
