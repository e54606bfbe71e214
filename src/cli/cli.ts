import { RunletError } from "../lib/errors.ts";
import { nearestNames } from "../lib/nearest.ts";
import { VERSION } from "../version.ts";
import { AUTH_USAGE, authCommand } from "./commands/auth.ts";
import { CONFIG_USAGE, configCommand } from "./commands/config.ts";
import { DOCTOR_USAGE, doctorCommand } from "./commands/doctor.ts";
import { KEYS_USAGE, keysCommand } from "./commands/keys.ts";
import { MCP_USAGE, mcpCommand } from "./commands/mcp.ts";
import { PINS_USAGE, pinsCommand } from "./commands/pins.ts";
import { RUN_USAGE, runCommand } from "./commands/run.ts";
import { RUNS_USAGE, runsCommand } from "./commands/runs.ts";
import { SECRETS_USAGE, secretsCommand } from "./commands/secrets.ts";
import { SERVE_USAGE, serveCommand } from "./commands/serve.ts";
import { SERVERS_USAGE, serversCommand } from "./commands/servers.ts";
import { TOOLS_USAGE, toolsCommand } from "./commands/tools.ts";
import { EXIT } from "./io.ts";
import type { CliIo } from "./io.ts";

interface Command {
  readonly run: (args: readonly string[], io: CliIo, stopped: AbortSignal) => Promise<number>;
  readonly usage: string;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["serve", { run: serveCommand, usage: SERVE_USAGE }],
  ["run", { run: runCommand, usage: RUN_USAGE }],
  ["runs", { run: runsCommand, usage: RUNS_USAGE }],
  ["mcp", { run: mcpCommand, usage: MCP_USAGE }],
  ["config", { run: configCommand, usage: CONFIG_USAGE }],
  ["doctor", { run: doctorCommand, usage: DOCTOR_USAGE }],
  ["servers", { run: serversCommand, usage: SERVERS_USAGE }],
  ["tools", { run: toolsCommand, usage: TOOLS_USAGE }],
  ["secrets", { run: secretsCommand, usage: SECRETS_USAGE }],
  ["auth", { run: authCommand, usage: AUTH_USAGE }],
  ["keys", { run: keysCommand, usage: KEYS_USAGE }],
  ["pins", { run: pinsCommand, usage: PINS_USAGE }],
]);

const USAGE = `Usage: runlet COMMAND

  serve                     the HTTP service (--config FILE, --host HOST, --port N)
  run FILE|-                runs one script without a server (--input JSON, --json)
  runs list|show|cancel|approve|deny|replay
                            the runs of a running service, and the calls that wait for approval
  mcp                       an MCP server on stdin and stdout
  config check|show [FILE]  says whether a configuration is right, and what each setting is; config schema for editors
  servers list|import FILE|add|remove|status|restart|logs
                            the MCP servers: of the configuration file, or of a running service (--url URL)
  tools list|search|show|call
                            the tools of the servers, started for the answer, or of a running service (--url URL)
  doctor                    what is wrong with this machine or the configuration, and how to mend it (--json, --offline)
  secrets set|list|rm|rotate
                            the secrets that the configuration refers to, kept encrypted
  auth login|list|logout    logs in to servers where a person must consent
  pins list|show|approve|reset
                            the tools that servers are held to, and what they changed
  keys create|list|revoke   the keys that clients call with

runlet COMMAND --help tells more of a command.
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
    const [nearest] = nearestNames(name, COMMANDS.keys(), 1);
    const fault =
      nearest === undefined ? `Unknown command: ${name}` : `Unknown command: ${name}. Did you mean ${nearest}?`;
    io.stderr(name === "" ? USAGE : `${fault}\n${USAGE}`);
    return EXIT.usage;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    io.stdout(command.usage);
    return EXIT.ok;
  }
  try {
    return await command.run(rest, io, stopped);
  } catch (error) {
    if (!(error instanceof RunletError)) throw error;
    io.stderr(`${error.code}: ${error.message}\n`);
    if (error.context.hint !== undefined) io.stderr(`hint: ${error.context.hint}\n`);
    return EXIT.failed;
  }
}
