/**
 * Entry of an executor process: holds isolates and nothing else. Its only way out is the pipe to the service.
 */
import type { ExecutorMessage, RunMessage, ServiceMessage } from "../bridge/protocol.ts";
import { systemClock } from "../lib/clock.ts";
import { IsolateRun } from "./isolate-executor.ts";
import { IsolatePool } from "./isolate-pool.ts";

const runs = new Map<number, IsolateRun>();
let pool: IsolatePool | undefined;

function send(message: ExecutorMessage): void {
  process.send?.(message);
}

function taint(): void {
  pool?.close();
  send({ type: "tainted" });
}

function run(message: RunMessage): void {
  if (pool === undefined) return;
  const started = new IsolateRun(message, pool, { send, ended: (id) => runs.delete(id), tainted: taint }, systemClock);
  runs.set(message.run, started);
  started.start();
}

function receive(message: ServiceMessage): void {
  switch (message.type) {
    case "init":
      pool = new IsolatePool({
        runtime: message.runtime,
        warm: message.warm,
        memoryMiB: message.memoryMiB,
        onIdleCatastrophe: taint,
      });
      pool.refill();
      send({ type: "ready" });
      return;
    case "run":
      run(message);
      return;
    case "reply":
      runs.get(message.run)?.reply(message.id, message.ok, message.json);
      return;
    case "cancel":
      runs.get(message.run)?.cancel();
      return;
    case "ping":
      send({ type: "pong", id: message.id });
      return;
    default:
      message satisfies never;
  }
}

// The service is the trusted side of this pipe, and the only other end.
process.on("message", (message) => receive(message as ServiceMessage));
// Without the service there is nobody to answer to; `exit` would run destructors that may never return.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
