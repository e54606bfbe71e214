/**
 * `npm run bench:gateway` (after `npm run bench:peers`): what the gateway adds to a call. One no-op call after the other, each with
 * other arguments, in turns over all ways in one run: the MCP SDK's client alone; the gateway with every policy off; with every
 * policy on; both over stdio and over HTTP; and the SDK's client through `supergateway` and `mcp-proxy` in front of the same stdio
 * server. Prints microseconds; judges nothing. Goals: added p50 at most 60, all on less all off at most 10, a tenth of the proxies'.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { compileConfig } from "../../src/config/compile.ts";
import type { Options, ServerOptions } from "../../src/config/options.ts";
import { LOCAL_PRINCIPAL } from "../../src/config/principal.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createService, type Service } from "../../src/service.ts";
import { NOOP_SERVER } from "./bench-service.ts";
import { startProxyPeers } from "./proxy-peers.ts";
import { quantile } from "./statistics.ts";

const WARM_UP = 2_000;
const ROUNDS = 10_000;
const SLOW_EVERY = 10;

/** One way to make a call. @param every Only each nth round, for ways a hundred times as slow. */
interface Way {
  readonly name: string;
  readonly every: number;
  readonly micros: number[];
  readonly call: (args: Record<string, unknown>) => Promise<unknown>;
}

const { command = "", args = [] } = NOOP_SERVER;
const argv = [command, ...args.map(String)];
const ways: Way[] = [];
const closers: (() => Promise<unknown>)[] = [];
const dataDir = mkdtempSync(join(tmpdir(), "runlet-bench-"));
const { signal } = new AbortController();

function addWay(name: string, every: number, call: Way["call"]): void {
  ways.push({ name, every, micros: [], call });
}

async function addClient(name: string, transport: Transport, every = 1): Promise<void> {
  const client = new Client({ name: "bench", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  await client.connect(transport);
  closers.push(() => client.close());
  addWay(name, every, (values) => client.callTool({ name: "noop", arguments: values }));
}

async function addGateway(name: string, options: Options): Promise<Service> {
  const service = await createService(compileConfig({ ...options, port: 0, executors: { processes: 1 } }), {
    log: silentLog,
    spares: 0,
  });
  closers.push(() => service.close());
  for (const server of ["stdio", "http"]) {
    addWay(`${name}, ${server}`, 1, (values) =>
      service.gateway.call({
        principal: LOCAL_PRINCIPAL,
        narrow: undefined,
        server,
        tool: "noop",
        arguments: values,
        signal,
        maxResultBytes: 1_000_000,
      }),
    );
  }
  return service;
}

/** What the service itself measured of its calls, over both servers. */
async function ownOverhead(service: Service): Promise<string> {
  const { url } = await service.listen();
  const text = await (await fetch(`${url}/metrics`)).text();
  const read = (end: string): number =>
    Number(new RegExp(`^runlet_gateway_overhead_seconds_${end} (\\S+)$`, "mu").exec(text)?.[1]);
  return `${((read("sum") / read("count")) * 1e6).toFixed(1)} µs on average`;
}

async function startHttpServer(): Promise<string> {
  const child = spawn(process.execPath, [new URL("noop-http-server.ts", import.meta.url).pathname], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  closers.push(async () => child.stdin.end());
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("the HTTP server ended before it said where it is");
}

async function measure(rounds: number, note: boolean): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      if (round % way.every !== 0) continue;
      const startedMs = performance.now();
      await way.call({ n: round });
      if (note) way.micros.push((performance.now() - startedMs) * 1_000);
    }
  }
}

const p50 = (name: string): number => quantile(ways.find((way) => way.name === name)?.micros ?? [], 0.5);

const url = await startHttpServer();
const servers: Readonly<Record<string, ServerOptions>> = { stdio: NOOP_SERVER, http: { url, concurrency: 512 } };
const each = (keys: ServerOptions): Record<string, ServerOptions> =>
  Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, { ...server, ...keys }]));
/** Of which nothing is ever used up. */
const PLENTY = "1000000000/hour";
const off: Options = {
  mcpServers: each({ coalesce: false, retry: false, breaker: false }),
  pinning: "off",
  scan: "off",
  audit: false,
  dataDir: ":memory:",
};
/** Every policy that a read with arguments of its own goes through: what is kept or shared is never its answer. */
const on: Options = {
  mcpServers: each({
    classes: { "*": "read" },
    cache: "1m",
    retry: 2,
    rateLimit: PLENTY,
    timeout: { call: "30s", idle: "20s" },
  }),
  quotas: { calls: PLENTY, bytes: PLENTY, concurrency: 100 },
  audit: true,
  dataDir,
};

try {
  await addClient("SDK client, stdio", new StdioClientTransport({ command, args: argv.slice(1) }));
  await addClient("SDK client, http", new StreamableHTTPClientTransport(new URL(url)));
  const services = new Map([
    ["all off", await addGateway("all off", off)],
    ["all on", await addGateway("all on", on)],
  ]);
  for (const peer of await startProxyPeers(argv)) {
    closers.push(() => peer.close());
    await addClient(peer.name, new StreamableHTTPClientTransport(new URL(peer.url)), SLOW_EVERY);
  }
  await measure(WARM_UP, false);
  await measure(ROUNDS, true);
  for (const [name, service] of services)
    console.log(`${name}: gateway_overhead_seconds says ${await ownOverhead(service)}`);
  for (const { name, micros } of ways) {
    console.log(
      `${name.padEnd(20)} p50 ${quantile(micros, 0.5).toFixed(1)} µs, p99 ${quantile(micros, 0.99).toFixed(1)} µs`,
    );
  }
  for (const kind of ["stdio", "http"]) {
    const [alone, less, more] = [p50(`SDK client, ${kind}`), p50(`all off, ${kind}`), p50(`all on, ${kind}`)];
    console.log(
      `${kind}: all on adds ${(more - alone).toFixed(1)} µs, all off ${(less - alone).toFixed(1)} µs, on less off ${(more - less).toFixed(1)} µs`,
    );
  }
  for (const peer of ["supergateway", "mcp-proxy"])
    console.log(`${peer} adds ${(p50(peer) - p50("SDK client, stdio")).toFixed(1)} µs`);
} finally {
  for (const close of closers.reverse()) await close();
  rmSync(dataDir, { recursive: true, force: true });
}
