import { systemClock } from "../../lib/clock.ts";
import { parseArguments } from "../arguments.ts";
import { examine } from "../doctor/examine.ts";
import type { ExamineDeps } from "../doctor/examine.ts";
import { checksText } from "../doctor/health-check.ts";
import { readConfiguration } from "../doctor/read-configuration.ts";
import { closeInheritedDescriptors } from "../inherited-descriptors.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { CONFIG_FLAGS, CONFIG_FLAGS_TEXT } from "../settings.ts";

const USAGE =
  "Usage: runlet doctor [--json] [--offline]   says what is wrong with this machine or configuration, and how to mend it";
/** What `runlet doctor --help` prints. */
export const DOCTOR_USAGE = `${USAGE}

Starts each server once, side by side, and ends it again; writes nothing but tokens that it had to renew. Exit code 0 when nothing failed, else 1.

  --offline             Start no server, and ask nothing beyond this machine.
  --json                The checks as JSON on standard output:
                        [{group, subject?, name, status, detail, remedy?, place?, facts?}].
${CONFIG_FLAGS_TEXT}`;
const FLAGS = { ...CONFIG_FLAGS, json: { type: "boolean" }, offline: { type: "boolean" } } as const;

/**
 * `runlet doctor`: examines this machine, the configuration that `runlet serve` would use, its servers and its model.
 *
 * @param args After `doctor`.
 * @param stopped Gives up waiting for servers; those that were started are ended all the same.
 * @param options What stands in for the machine, for tests. @default this machine
 * @returns 0; 1 when something failed; 2 when the command was not understood.
 */
export async function doctorCommand(
  args: readonly string[],
  io: CliIo,
  stopped?: AbortSignal,
  options: Pick<ExamineDeps, "clock" | "findTool"> = { clock: systemClock },
): Promise<number> {
  const parsed = parseArguments(args, FLAGS);
  if ("fault" in parsed || parsed.positionals.length > 0) {
    io.stderr(`${"fault" in parsed ? parsed.fault : `Unknown: ${parsed.positionals.join(" ")}`}\n${USAGE}\n`);
    return EXIT.usage;
  }
  const { values } = parsed;
  const found = readConfiguration(values, io);
  closeInheritedDescriptors();
  const isJson = values.get("json") === true;
  const offline = values.get("offline") === true;
  const names = found.config.upstreams.map(({ name }) => name);
  if (!isJson && !offline && names.length > 0) io.stderr(`Starting ${names.join(", ")} …\n`);
  const checks = await examine(found, { ...options, io, offline, stopped });
  io.stdout(isJson ? `${JSON.stringify(checks, null, 2)}\n` : checksText(checks));
  return checks.some(({ status }) => status === "failed") ? EXIT.failed : EXIT.ok;
}
