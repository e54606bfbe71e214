import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram, REDIS_PROGRAMS } from "./find-program.ts";

/** A Redis server of one test. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Kills the server as a power cut would, but for its file cache; its folder stays until `close` where it is kept. */
  kill(): Promise<void>;
  /** Kills the server, if it runs, and starts it again on the same port and, where it is kept, data; answers when this resolves. */
  restart(): Promise<void>;
  /** Ends the server and deletes its folder. Safe to call twice. */
  close(): Promise<void>;
}

/** What a test wants other than the usual. */
export interface RedisServerOptions {
  /** Each write is in a file before it is answered, and is there after `restart`. @default false */
  readonly appendonly?: boolean;
  /** More of the server's own settings, by name. */
  readonly settings?: Readonly<Record<string, string>>;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

const START_TIMEOUT_MS = 10_000;
/** A port that was free may be taken before the server binds it. */
const PORT_ATTEMPTS = 5;

/**
 * Starts the server (`$@`), ends it when stdin ends, as it does however this process dies, and deletes its folder (`$1`).
 * Descriptor 3 carries stdin because a shell gives its background commands none.
 */
const GUARD = `exec 3<&0
folder=$1
shift
"$@" 3<&- &
server=$!
(read -r _ <&3; kill -9 $server) 2>/dev/null &
guard=$!
wait $server 2>/dev/null
status=$?
kill $guard 2>/dev/null
[ -z "$folder" ] || rm -rf "$folder"
exit $status`;

/**
 * Starts a Redis server on a free port of the loopback, in memory only unless said otherwise, `maxmemory-policy noeviction`, and waits until it
 * answers. It ends with this process at the latest.
 */
export async function startRedis({ appendonly = false, settings = {} }: RedisServerOptions = {}): Promise<RedisServer> {
  const program = findProgram(REDIS_PROGRAMS);
  if (program === undefined) throw new Error("no redis-server on the PATH: run test/support/ensure-redis.ts first");
  const more = { ...(appendonly && { appendonly: "yes", appendfsync: "always" }), ...settings };
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "runlet-redis-"));
    const start = (): Launched => launch(program, { port, folder, isKept: appendonly, settings: more });
    const server = start();
    if (await answers(server, port)) return restartable(port, folder, server, start);
    await server.close();
    rmSync(folder, { recursive: true, force: true });
    if (attempt === PORT_ATTEMPTS) throw new Error(`${program} does not start:\n${server.output()}`);
  }
}

function restartable(port: number, folder: string, first: Launched, start: () => Launched): RedisServer {
  let server = first;
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    // The guard kills.
    kill: () => server.close(),
    async restart() {
      await server.close();
      mkdirSync(folder, { recursive: true });
      server = start();
      if (!(await answers(server, port))) throw new Error(`the server does not start again:\n${server.output()}`);
    },
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends one inline command on a connection of its own. @returns The raw reply. */
export async function askRedis(port: number, command: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setTimeout(1_000, () => socket.destroy(new Error("no reply")));
  try {
    await once(socket, "connect");
    socket.write(`${command}\r\n`);
    const [chunk] = (await once(socket, "data")) as [Buffer];
    return chunk.toString();
  } finally {
    socket.destroy();
  }
}

interface Launch {
  readonly port: number;
  readonly folder: string;
  /** The folder outlives the server. */
  readonly isKept: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

type Launched = ReturnType<typeof launch>;

function launch(program: string, { port, folder, isKept, settings }: Launch) {
  const options = {
    port,
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    appendonly: "no",
    "maxmemory-policy": "noeviction",
    ...settings,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child: Child = spawn("/bin/sh", ["-c", GUARD, "sh", isKept ? "" : folder, program, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-4_000)));
  return {
    output: () => output,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    async close(): Promise<void> {
      child.stdin.end();
      await exited;
    },
  };
}

async function answers(server: ReturnType<typeof launch>, port: number): Promise<boolean> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline && !server.hasExited()) {
    const reply = await askRedis(port, "PING").catch(() => undefined);
    if (reply === "+PONG\r\n" && !server.hasExited()) return true;
    await sleep(10);
  }
  return false;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return address.port;
}
