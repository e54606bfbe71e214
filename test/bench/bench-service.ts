import { fileURLToPath } from "node:url";
import type { Options, ServerOptions } from "../../src/config/options.ts";
import { startService } from "../support/service.ts";
import { executorsBelow } from "./thread-times.ts";

/** A service in a process of its own, as a user runs it: SQLite in a folder, one MCP server named `bench`. */
export interface BenchService {
  readonly url: string;
  readonly pid: number;
  /** Its executor processes, without what is wrapped around them. */
  executors(): readonly number[];
  /** Ends it and everything below it, and removes its folder. @throws Error when a process stays behind. */
  stop(): Promise<void>;
}

/** Calls of `noop-server.ts` in flight at once. */
const CALLS_AT_ONCE = 512;

/** The server of `noop-server.ts`, as the configuration writes it. */
export const NOOP_SERVER: ServerOptions = {
  command: process.execPath,
  args: [fileURLToPath(new URL("noop-server.ts", import.meta.url))],
  concurrency: CALLS_AT_ONCE,
};

/** Starts `runlet serve` on a free port with the server of `noop-server.ts`. */
export async function startBenchService(options: Options = {}): Promise<BenchService> {
  const service = await startService({ mcpServers: { bench: NOOP_SERVER }, log: { level: "warn" }, ...options });
  return {
    url: service.url,
    pid: service.pid,
    executors: () => executorsBelow(service.pid),
    async stop() {
      await service.remove();
      const written = service.logs().split("\n").slice(1).join("\n").trim();
      if (written !== "") console.log(`the service wrote: ${written.slice(0, 2_000)}`);
    },
  };
}
