import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram, REDIS_PROGRAMS } from "./find-program.ts";
import { askRedis, startRedis } from "./redis-server.ts";

/** A Redis server that keeps what it said yes to, and that a test can kill and start again. */
export interface DurableRedis {
  readonly url: string;
  /** Starts it, at the same address and with what it kept. */
  start(): Promise<void>;
  /** Ends it as a machine does that loses power. */
  kill(): Promise<void>;
  /** Ends it and deletes what it kept. */
  close(): Promise<void>;
}

/** Kills the server when stdin ends, as it does however this process dies. */
const GUARD = `exec 3<&0
"$@" 3<&- &
server=$!
read -r _ <&3
kill -9 $server
wait $server 2>/dev/null`;

/** Makes a server that writes each change to its file before it answers. It is not started. */
export async function createDurableRedis(): Promise<DurableRedis> {
  const program = findProgram(REDIS_PROGRAMS);
  if (program === undefined) throw new Error("no redis-server on the PATH: run test/support/ensure-redis.ts first");
  // Its port is free once it has ended.
  const found = await startRedis();
  await found.close();
  const { port, url } = found;
  const dir = mkdtempSync(join(tmpdir(), "runlet-durable-"));
  const options = { port, bind: "127.0.0.1", dir, save: "", appendonly: "yes", appendfsync: "always" };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  let kill = async (): Promise<void> => undefined;
  return {
    url,
    start: async () => {
      const child = spawn("/bin/sh", ["-c", GUARD, "sh", program, ...args], { stdio: ["pipe", "ignore", "inherit"] });
      const exited = once(child, "exit");
      kill = async () => {
        child.stdin.end();
        await exited;
      };
      while ((await askRedis(port, "PING").catch(() => "")) !== "+PONG\r\n") await sleep(10);
    },
    kill: () => kill(),
    close: async () => {
      await kill();
      rmSync(dir, { recursive: true });
    },
  };
}
