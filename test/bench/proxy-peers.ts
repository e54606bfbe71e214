import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A proxy that gives a stdio server an address, in a process group of its own. */
export interface ProxyPeer {
  readonly name: string;
  readonly url: string;
  close(): Promise<void>;
}

const PEERS = new URL("peers/package.json", import.meta.url);
const READY_WITHIN_MS = 30_000;
const POLL_MS = 100;

/**
 * Starts the two proxies most used in front of stdio servers, each with its own process of one server.
 *
 * @param command Program of the server and its arguments; none of them may hold a space.
 * @throws Error when one does not answer in time, or its package is not installed.
 */
export async function startProxyPeers(command: readonly string[]): Promise<readonly ProxyPeer[]> {
  const supergateway = (port: number): string[] => [
    "--stdio",
    command.join(" "),
    "--outputTransport",
    "streamableHttp",
    "--stateful",
    "--port",
    String(port),
    "--logLevel",
    "none",
  ];
  const mcpProxy = (port: number): string[] => [
    "--server",
    "stream",
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--",
    ...command,
  ];
  return [await startPeer("supergateway", supergateway), await startPeer("mcp-proxy", mcpProxy)];
}

async function startPeer(name: string, args: (port: number) => string[]): Promise<ProxyPeer> {
  const port = await freePort();
  const child = spawn(process.execPath, [binOf(name), ...args(port)], { stdio: "ignore", detached: true });
  const url = `http://127.0.0.1:${port}/mcp`;
  await answering(url, child, name);
  return {
    name,
    url,
    async close() {
      const ended = once(child, "exit");
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      await ended;
    },
  };
}

function binOf(name: string): string {
  const require = createRequire(PEERS);
  const manifest = join(dirname(PEERS.pathname), "node_modules", name, "package.json");
  const { bin } = require(manifest) as { readonly bin: string | Readonly<Record<string, string>> };
  const program = typeof bin === "string" ? bin : bin[name];
  if (program === undefined) throw new Error(`${name} has no program`);
  return join(dirname(manifest), program);
}

async function answering(url: string, child: ChildProcess, name: string): Promise<void> {
  for (let waited = 0; waited < READY_WITHIN_MS && child.exitCode === null; waited += POLL_MS) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await sleep(POLL_MS);
    }
  }
  throw new Error(`${name} does not answer at ${url}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a listener without a port");
  return address.port;
}
