import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { NOOP_SERVER } from "./bench-service.ts";
import { createJsonPoster } from "./post-run.ts";
import type { JsonPoster } from "./post-run.ts";
import { closedLoop } from "./run-systems.ts";
import type { RunSystem } from "./run-systems.ts";
import { startUtcpProcess, UTCP } from "./utcp-process.ts";

const FOLDER = new URL("peers/", import.meta.url);
const START_WITHIN_MS = 20_000;

/** Whether the peers that run scripts are installed, see `peers/README.md`. */
export function hasRunPeers(): boolean {
  const installed = ["@utcp/code-mode", workerdPackage()];
  return installed.every((name) => existsSync(new URL(`node_modules/${name}`, FOLDER)));
}

/**
 * workerd's Worker Loader behind HTTP, see `peers/workerd-host.mjs`.
 *
 * @param processes workerd runs all scripts of a process on one thread: so many take requests in turn.
 */
export async function startWorkerd(processes: number): Promise<RunSystem> {
  const servers = await Promise.all(Array.from({ length: processes }, startServer));
  let turn = 0;
  const run = async (script: string): Promise<number> => {
    const { poster } = servers[turn++ % servers.length] ?? {};
    if (poster === undefined) throw new Error("there is no workerd");
    const { status, body, ms } = await poster.post("/", { script });
    if (status !== 200) throw new Error(`workerd answered ${status}: ${JSON.stringify(body)}`);
    return ms;
  };
  return {
    name: processes === 1 ? "workerd" : `workerd × ${processes}`,
    tool: (name) => `mcp.bench.${name}`,
    run,
    loop: (script, clients, forMs) => closedLoop(() => run(script), clients, forMs),
    async close() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

interface WorkerdServer {
  readonly poster: JsonPoster;
  stop(): Promise<void>;
}

async function startServer(): Promise<WorkerdServer> {
  const args = ["serve", "--experimental", "--control-fd=3", fileURLToPath(new URL("workerd.capnp", FOLDER))];
  const program = fileURLToPath(new URL(`node_modules/${workerdPackage()}/bin/workerd`, FOLDER));
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit", "pipe"] });
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  try {
    const port = await Promise.race([portOf(child.stdio[3] as Readable), failed(ended)]);
    const poster = createJsonPoster(`http://127.0.0.1:${port}`);
    return {
      poster,
      async stop() {
        poster.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** workerd tells the port it got on a descriptor of its own, as a line of JSON. */
async function portOf(control: Readable): Promise<number> {
  let text = "";
  for await (const part of control.setEncoding("utf8")) {
    text += String(part);
    const port = /"port":(?<port>\d+)/u.exec(text)?.groups?.["port"];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`workerd told no port: ${text}`);
}

async function failed(ended: Promise<unknown[]>): Promise<never> {
  const late = new Promise<unknown[]>((resolve) => {
    setTimeout(() => resolve(["too late"]), START_WITHIN_MS).unref();
  });
  const [why] = await Promise.race([ended, late]);
  throw new Error(`workerd did not start: ${String(why)}`);
}

/** The package that holds workerd's binary for this machine. */
function workerdPackage(): string {
  return `@cloudflare/workerd-${process.platform}-${process.arch === "arm64" ? "arm64" : "64"}`;
}

/** `@utcp/code-mode`, timed in its own process, so without IPC or HTTP; its tools come from the same MCP server as ours. */
export async function startUtcp(): Promise<RunSystem> {
  const { command, args } = NOOP_SERVER;
  const { ask, close } = await startUtcpProcess({ transport: "stdio", command, args });
  return {
    name: UTCP,
    tool: (tool) => `mcp.lib_${tool}`,
    async run(script) {
      const { ms, logs } = (await ask({ command: "run", script })) as { ms: number; logs: readonly string[] };
      if (logs.length > 0) throw new Error(`UTCP logged ${logs.join("; ")}`);
      return ms;
    },
    loop: async (script, clients, forMs) => (await ask({ command: "loop", script, clients, ms: forMs })) as number[],
    close,
  };
}
