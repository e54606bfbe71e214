import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { basename } from "node:path";
import type { ContainerConfig, UpstreamConfig, UpstreamTransportConfig } from "../../config/config.ts";
import type { Clock } from "../../lib/clock.ts";
import { containerRuntime } from "../../upstream/transports/container.ts";
import { childEnvironment } from "../../upstream/transports/environment.ts";
import type { Environment } from "../../upstream/transports/environment.ts";
import { findProgram } from "../../upstream/transports/find-program.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";
import { addressChecks } from "./server-address.ts";

/** What looking at a server's parts needs. */
export interface PartDeps {
  readonly clock: Clock;
  /** Our own environment. */
  readonly env: Environment;
  /** What a service would start from. */
  readonly cwd: string;
  /** Nothing beyond this machine is asked. */
  readonly offline: boolean;
}

type StdioTransport = Extract<UpstreamTransportConfig, { kind: "stdio" }>;

/** Programs that fetch what they run. */
const FETCHERS: ReadonlySet<string> = new Set(["npx", "bunx", "pnpx", "uvx", "pipx"]);
const RUNTIME_MS = 5_000;

/** Whether there is what a server is started from or reached by. The server itself is left alone. */
export async function partChecks(
  { name, transport, connectTimeoutMs }: UpstreamConfig,
  deps: PartDeps,
): Promise<readonly HealthCheck[]> {
  switch (transport.kind) {
    case "stdio":
      return commandChecks(name, transport, deps);
    case "container":
      return [await runtimeCheck(name, transport, deps)];
    case "http": {
      const { url, headers } = transport;
      return addressChecks({ server: name, url, headers, timeoutMs: connectTimeoutMs }, deps);
    }
    default:
      return transport satisfies never;
  }
}

function commandChecks(server: string, transport: StdioTransport, deps: PartDeps): readonly HealthCheck[] {
  const { ok, fail } = checksOf("servers", server);
  const { command, args, cwd = deps.cwd } = transport;
  const key = `mcpServers.${server}`;
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true)
    return [fail("cwd", `${cwd} is no folder`, `Make it, or correct cwd of ${key}.`)];
  // Other systems have other rules for what a program is; there the start tells.
  if (process.platform === "win32") return [];
  const path = childEnvironment(deps.env, transport.env)["PATH"] ?? "";
  const program = findProgram(command, { path, cwd });
  if (program === undefined) {
    const where = command.includes("/") ? `under ${cwd}` : `on the PATH that the server gets (${path})`;
    return [fail("command", `${command} is not ${where}`, `Install it, or write its whole path in command of ${key}.`)];
  }
  if (!FETCHERS.has(basename(command))) return [ok("command", program)];
  const fetched = args.find((word) => !word.startsWith("-")) ?? "what it runs";
  return [ok("command", `${program}, which fetches ${fetched} where it is not at hand: the first start is slow`)];
}

async function runtimeCheck(server: string, config: ContainerConfig, { env, cwd }: PartDeps): Promise<HealthCheck> {
  const { ok, fail } = checksOf("servers", server);
  const runtime = containerRuntime(config, env);
  const program = findProgram(runtime.command, { path: runtime.env["PATH"] ?? "", cwd });
  if (program === undefined) {
    const remedy = "Install docker or podman; runtime of the server says which of them is used.";
    return fail("runtime", `${runtime.command} is not on the PATH, and ${config.image} needs it`, remedy);
  }
  const refusal = await refusalOf(program, runtime.env);
  if (refusal === undefined) return ok("runtime", `${program} answers`);
  const remedy = `Start its daemon, or let this user use it: \`${runtime.command} version\` must work.`;
  return fail("runtime", `${program} cannot run ${config.image}: ${refusal}`, remedy);
}

/** @returns Why a runtime does not answer; `undefined` when it does. */
function refusalOf(program: string, env: Readonly<Record<string, string>>): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { env: { ...env }, timeout: RUNTIME_MS, killSignal: "SIGKILL", windowsHide: true } as const;
    execFile(program, ["version"], options, (error, _stdout, stderr) => {
      if (error === null) resolve(undefined);
      else resolve(stderr.trim().split("\n").at(-1) || (error.killed === true ? "no answer" : error.message));
    });
  });
}
