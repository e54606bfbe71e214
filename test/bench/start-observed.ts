import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Options } from "../../src/config/options.ts";
import type { ExecutorStatus } from "../../src/executor/executor.ts";
import { descendants, isAlive, residentMiB } from "../support/processes.ts";
import { pause } from "../support/service.ts";
import { executorsBelow } from "./thread-times.ts";

/** How a service is, as it tells itself; garbage was collected before memory was read. */
export interface Look {
  readonly rssMiB: number;
  readonly heapMiB: number;
  /** Heap that V8 has taken of the system, used or not. */
  readonly heapTotalMiB: number;
  readonly externalMiB: number;
  readonly descriptors: number;
  /** The longest that its event loop was held up since the last look; the collection of the last look is not in it. */
  readonly heldUpMs: number;
  readonly executor: ExecutorStatus;
}

/** A look from both sides. */
export interface FullLook extends Look {
  /** Resident memory of each executor process, without what is wrapped around it. */
  readonly executorsMiB: readonly number[];
  /** Processes below the service. */
  readonly processes: number;
}

/** A whole service in a process of its own that can be looked at. */
export interface ObservedService {
  readonly url: string;
  look(): Promise<FullLook>;
  /**
   * Ends it and waits for its end.
   *
   * @returns How long its end took, and how many of the processes below it were alive a second later.
   */
  stop(): Promise<{ readonly ms: number; readonly left: number }>;
}

const ENDS_WITHIN_MS = 30_000;
const LAST_ONES_MS = 1_000;

/** Starts one with SQLite in a folder that goes with it. @throws Error when it does not start. */
export async function startObserved(options: Options): Promise<ObservedService> {
  const folder = await mkdtemp(join(tmpdir(), "runlet-bench-"));
  const given: Options = { port: 0, dataDir: folder, log: { level: "error" }, ...options };
  const program = fileURLToPath(new URL("observed-service.ts", import.meta.url));
  const child = fork(program, [JSON.stringify(given)], { execArgv: ["--expose-gc"] });
  const pid = child.pid ?? 0;
  const ended = once(child, "exit");
  const answer = async (): Promise<unknown> => {
    const [first] = (await Promise.race([once(child, "message"), ended.then(() => [undefined])])) as [unknown];
    if (first === undefined) throw new Error("the service ended");
    return first;
  };
  const url = (await answer()) as string;
  return {
    url,
    async look() {
      const answered = answer();
      child.send("look");
      const look = (await answered) as Look;
      const executorsMiB = executorsBelow(pid).map(residentMiB);
      return { ...look, executorsMiB, processes: descendants(pid).length };
    },
    async stop() {
      const below = descendants(pid);
      const startedAt = performance.now();
      child.disconnect();
      const late = setTimeout(() => child.kill("SIGKILL"), ENDS_WITHIN_MS);
      await ended;
      clearTimeout(late);
      const ms = performance.now() - startedAt;
      await pause(LAST_ONES_MS);
      await rm(folder, { recursive: true, force: true });
      return { ms, left: below.filter(isAlive).length };
    },
  };
}
