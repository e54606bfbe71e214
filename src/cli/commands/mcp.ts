import { aborted } from "../../lib/abort.ts";
import { systemClock } from "../../lib/clock.ts";
import { keepReloading } from "../reload.ts";
import { createService } from "../../service.ts";
import { parseArguments } from "../arguments.ts";
import { closeInheritedDescriptors } from "../inherited-descriptors.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { BY_ITSELF, CONFIG_FLAGS, CONFIG_FLAGS_TEXT, loadSettings } from "../settings.ts";
import type { Settings } from "../settings.ts";

const USAGE = "Usage: runlet mcp [--config FILE]";
/** What `runlet mcp --help` prints. */
export const MCP_USAGE = `${USAGE}\n\n${CONFIG_FLAGS_TEXT}`;

/**
 * `runlet mcp`: Runlet as an MCP server on stdin and stdout, until the client closes its end. Runs are kept in memory, so
 * that any number of clients can each start their own.
 *
 * @param args After `mcp`.
 * @param stopped Aborts on SIGINT and SIGTERM.
 */
export async function mcpCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const parsed = parseArguments(args, CONFIG_FLAGS);
  if ("fault" in parsed || parsed.positionals.length > 0) {
    io.stderr(`${"fault" in parsed ? parsed.fault : `Unknown: ${parsed.positionals.join(" ")}`}\n${USAGE}\n`);
    return EXIT.usage;
  }
  const load = (): Settings => {
    const settings = loadSettings(parsed.values, io, { logLevel: "warn" });
    return { ...settings, config: { ...settings.config, ...BY_ITSELF } };
  };
  const { config, file, warnings } = load();
  for (const warning of warnings) io.stderr(`warning: ${warning}\n`);
  closeInheritedDescriptors();
  const service = await createService(config);
  // A client that goes may send SIGHUP: it means the end here.
  using _watch = keepReloading({ config, file, load }, { io: { cwd: io.cwd }, service, clock: systemClock });
  try {
    const connection = service.serveStdio({ stdin: process.stdin, stdout: process.stdout });
    await Promise.race([connection.closed, aborted(stopped)]);
    return EXIT.ok;
  } finally {
    await service.close();
  }
}
