import { compileConfig } from "../../config/compile.ts";
import { systemClock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import { parseArguments } from "../arguments.ts";
import { healthChecks } from "../health-checks.ts";
import type { HealthCheck, HealthCheckOptions } from "../health-checks.ts";
import { closeInheritedDescriptors } from "../inherited-descriptors.ts";
import { EXIT } from "../io.ts";
import type { CliIo } from "../io.ts";
import { CONFIG_FLAGS, CONFIG_FLAGS_TEXT, loadSettings } from "../settings.ts";
import type { Settings } from "../settings.ts";

const USAGE =
  "Usage: runlet doctor [--json]   says whether this machine can run the service, and how scripts are confined";
/** What `runlet doctor --help` prints. */
export const DOCTOR_USAGE = `${USAGE}

  --json                The checks as JSON on standard output: [{name, status, detail, remedy}].
${CONFIG_FLAGS_TEXT}`;
const WORDS = { ok: "ok", warning: "warning", failed: "FAILED" } as const satisfies Record<
  HealthCheck["status"],
  string
>;
const NAME_WIDTH = 15;
const STATUS_WIDTH = 9;

/**
 * `runlet doctor`: checks the configuration, Node, the programs and namespaces that confine executor processes, a real
 * executor process and the data folder. Changes nothing; starts no MCP server.
 *
 * @param args After `doctor`.
 * @param options What stands in for the machine, for tests. @default this machine
 * @returns 0; 1 when something that the configuration requires failed; 2 when the command was not understood.
 */
export async function doctorCommand(
  args: readonly string[],
  io: CliIo,
  _stopped?: AbortSignal,
  options: HealthCheckOptions = { clock: systemClock },
): Promise<number> {
  const parsed = parseArguments(args, { ...CONFIG_FLAGS, json: { type: "boolean" } });
  if ("fault" in parsed || parsed.positionals.length > 0) {
    io.stderr(`${"fault" in parsed ? parsed.fault : `Unknown: ${parsed.positionals.join(" ")}`}\n${USAGE}\n`);
    return EXIT.usage;
  }
  const { config, check } = configurationOf(parsed.values, io);
  closeInheritedDescriptors();
  const checks = [check, ...(await healthChecks(config, options))];
  if (parsed.values.get("json") === true) io.stdout(`${JSON.stringify(checks, null, 2)}\n`);
  else for (const each of checks) io.stdout(textOf(each));
  return checks.some(({ status }) => status === "failed") ? EXIT.failed : EXIT.ok;
}

/** A configuration that cannot be used is one check that failed: the machine is then checked for the defaults. */
function configurationOf(
  values: ReadonlyMap<string, string | boolean>,
  io: CliIo,
): { readonly config: Settings["config"]; readonly check: HealthCheck } {
  const name = "configuration";
  try {
    const { config, file, warnings } = loadSettings(values, io);
    const where = file ?? "no file: the sample servers";
    if (warnings.length === 0) return { config, check: { name, status: "ok", detail: where } };
    const detail = `${where}; ${warnings.join(" ")}`;
    return { config, check: { name, status: "warning", detail, remedy: "Mend what is ignored, or remove it." } };
  } catch (error) {
    if (!(error instanceof RunletError) || error.code !== "CONFIG_INVALID") throw error;
    const remedy = "`runlet config check` lists every fault; what follows is for the defaults.";
    return {
      config: compileConfig({}, { cwd: io.cwd }),
      check: { name, status: "failed", detail: error.message, remedy },
    };
  }
}

function textOf({ name, status, detail, remedy }: HealthCheck): string {
  const head = `${name.padEnd(NAME_WIDTH)}${WORDS[status].padEnd(STATUS_WIDTH)}`;
  return `${head}${detail}\n${remedy === undefined ? "" : `${" ".repeat(head.length)}${remedy}\n`}`;
}
