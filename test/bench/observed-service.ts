/**
 * A service that tells how it is: program of `startObserved`. Takes its configuration as JSON in its first argument, tells
 * where it listens, then answers each `look`; ends when its parent lets go of it.
 */
import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { compileConfig } from "../../src/config/compile.ts";
import type { Options } from "../../src/config/options.ts";
import { createService } from "../../src/service.ts";
import type { Look } from "./start-observed.ts";

const MIB = 1024 * 1024;
const RESOLUTION_MS = 5;

const service = await createService(compileConfig(JSON.parse(process.argv[2] ?? "{}") as Options));
await service.executor.ready();
const { url } = await service.listen();
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on("message", () => {
  const heldUpMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  globalThis.gc?.();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const look: Look = {
    heldUpMs,
    rssMiB: rss / MIB,
    heapMiB: heapUsed / MIB,
    heapTotalMiB: heapTotal / MIB,
    externalMiB: external / MIB,
    descriptors: readdirSync("/proc/self/fd").length,
    executor: service.executor.status(),
  };
  process.send?.(look, () => {
    // Neither the collection nor reading all this is the service's own doing.
    delay.reset();
  });
});
process.on("disconnect", () => void service.close());
process.send?.(url);
