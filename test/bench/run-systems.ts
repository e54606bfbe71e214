import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startBenchService } from "./bench-service.ts";
import { createPoster } from "./post-run.ts";

/** Something that runs scripts, each in an isolate that nothing else ran in. */
export interface RunSystem {
  readonly name: string;
  /** How a script of this system writes a tool. @default the system has no tools */
  readonly tool?: (name: string) => string;
  /** Runs a script. @returns ms until its value was there. @throws Error unless it succeeds. */
  run(script: string): Promise<number>;
  /**
   * Runs a script again and again: so many clients, each one at a time, for so long.
   *
   * @returns ms of each run. @default the system has no loop
   */
  readonly loop?: (script: string, clients: number, forMs: number) => Promise<readonly number[]>;
  close(): Promise<void>;
}

/** `POST /run` of a service in a process of its own, over loopback. */
export async function startRunlet(): Promise<RunSystem> {
  const service = await startBenchService();
  const poster = createPoster(service.url);
  const run = async (script: string): Promise<number> => (await poster.run(script)).ms;
  return {
    name: "Runlet",
    tool: (name) => `mcp.bench.${name}`,
    run,
    loop: (script, clients, forMs) => closedLoop(() => run(script), clients, forMs),
    async close() {
      poster.close();
      await service.stop();
    },
  };
}

/** A new isolate with its context and one `eval`, in a process of its own, without IPC; the script is always the same. */
export function startBareIsolate(): RunSystem {
  const child = fork(fileURLToPath(new URL("bare-isolate.ts", import.meta.url)), {
    execArgv: ["--no-node-snapshot"],
  });
  return {
    name: "bare isolate",
    async run() {
      const answered = once(child, "message");
      child.send("go");
      const [ms] = (await answered) as [number];
      return ms;
    },
    async close() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** So many clients, each of which works again as soon as it is done, for so long. @returns What `work` resolved to. */
export async function closedLoop<T>(work: () => Promise<T>, clients: number, forMs: number): Promise<T[]> {
  const until = performance.now() + forMs;
  const done: T[] = [];
  const client = async (): Promise<void> => {
    while (performance.now() < until) done.push(await work());
  };
  await Promise.all(Array.from({ length: clients }, client));
  return done;
}
