import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A service in a process of its own, as a user runs it: SQLite in a folder, one MCP server named `bench`. */
export interface BenchService {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts `runlet serve` on a free port with the server of `noop-server.ts`. */
export async function startBenchService(): Promise<BenchService> {
  const folder = await mkdtemp(join(tmpdir(), "runlet-bench-"));
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const config = join(folder, "runlet.json");
  const mcpServers = { bench: { command: process.execPath, args: [here("noop-server.ts")], concurrency: 64 } };
  await writeFile(config, JSON.stringify({ port: 0, dataDir: folder, log: { level: "warn" }, mcpServers }));
  const child = spawn(process.execPath, [here("../../src/main.ts"), "serve", "--config", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let url: string | undefined;
  for await (const text of child.stdout.setEncoding("utf8")) {
    output += String(text);
    url = /listens on (?<url>\S+)/u.exec(output)?.groups?.["url"];
    if (url !== undefined) break;
  }
  if (url === undefined) throw new Error(`the service did not start: ${output}`);
  return {
    url,
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
