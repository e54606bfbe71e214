import { createService } from "../../service.ts";
import { aborted } from "../../lib/abort.ts";
import { RunletError } from "../../lib/errors.ts";
import { parseArguments } from "../arguments.ts";
import { closeInheritedDescriptors } from "../inherited-descriptors.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { systemClock } from "../../lib/clock.ts";
import { keepReloading } from "../reload.ts";
import { CONFIG_FLAGS, CONFIG_FLAGS_TEXT, loadSettings } from "../settings.ts";

const USAGE = "Usage: runlet serve [--config FILE] [--host HOST] [--port N] [--role api|worker|all]";
/** What `runlet serve --help` prints. */
export const SERVE_USAGE = `${USAGE}\n\n${CONFIG_FLAGS_TEXT}`;

/**
 * `runlet serve`: the HTTP service, until the process is told to stop.
 *
 * @param args After `serve`.
 * @param stopped Aborts on SIGINT and SIGTERM.
 * @returns Exit code, once everything is closed.
 */
export async function serveCommand(args: readonly string[], io: CliIo, stopped: AbortSignal): Promise<number> {
  const parsed = parseArguments(args, CONFIG_FLAGS);
  if ("fault" in parsed || parsed.positionals.length > 0) {
    io.stderr(`${"fault" in parsed ? parsed.fault : `Unknown: ${parsed.positionals.join(" ")}`}\n${USAGE}\n`);
    return EXIT.usage;
  }
  const { config, file, warnings } = loadSettings(parsed.values, io);
  for (const warning of warnings) io.stderr(`warning: ${warning}\n`);
  closeInheritedDescriptors();
  const service = await createService(config);
  try {
    const listener = await service.listen();
    await Promise.race([service.executor.ready(), aborted(stopped)]);
    if (stopped.aborted) return EXIT.ok;
    const servers = config.upstreams.map((upstream) => upstream.name).join(", ");
    io.stdout(
      `Runlet listens on ${listener.url} with ${servers === "" ? "no MCP servers" : `the MCP servers ${servers}`}`,
    );
    io.stdout(file === undefined ? " (no configuration: these are samples)\n" : ` (${file})\n`);
    const reload = { config, file, load: () => loadSettings(parsed.values, io) };
    using _watch = keepReloading(reload, { io, service, clock: systemClock });
    await aborted(stopped);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof RunletError && error.code === "SHUTTING_DOWN" && stopped.aborted) return EXIT.ok;
    throw error;
  } finally {
    await service.close();
  }
}
