import { afterAll, beforeAll, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { HOSTILE_CASES } from "../support/hostile-cases.ts";
import { fixtureServer, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun, ServiceClient } from "../support/service-client.ts";

const AT_ONCE = 8;
const ANSWER_WITHIN_MS = 30_000;

let service: RunningService;
let attacker: ServiceClient;
let neighbour: ServiceClient;

beforeAll(async () => {
  const keys = [createClientKey(), createClientKey()] as const;
  service = await startService({
    mcpServers: { test: { ...fixtureServer("lab"), concurrency: 512 } },
    clients: { attacker: { key: keys[0].hash }, neighbour: { key: keys[1].hash } },
    // Attacks share processes with each other and with the neighbour's runs.
    executors: { processes: 2 },
    limits: { wallMs: 2_000, cpuMs: 500, memoryMiB: 32 },
    log: { level: "warn" },
  });
  [attacker, neighbour] = [service.as(keys[0].key), service.as(keys[1].key)];
});

afterAll(() => service.remove());

test(
  "a crowd of attacks in shared processes is answered, each with a code that is not a defect",
  { timeout: 240_000 },
  async () => {
    const waiting = [...HOSTILE_CASES];
    const defects: unknown[] = [];
    const over = new AbortController();
    const attack = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const startedAt = performance.now();
        const run = await attacker.run(next.code, { check: "none" });
        const ms = performance.now() - startedAt;
        if (run.error?.code === "INTERNAL" || ms > ANSWER_WITHIN_MS)
          defects.push({ name: next.name, ms, error: run.error });
      }
    };
    const honest: EndedRun[] = [];
    const live = async (): Promise<void> => {
      while (!over.signal.aborted) {
        honest.push(await neighbour.run("return (await mcp.test.echo({ v: 41 })).v + 1"));
        await pause(50);
      }
    };
    const living = live();
    await Promise.all(Array.from({ length: AT_ONCE }, attack));
    over.abort();
    await living;
    expect(defects).toEqual([]);
    expect(honest.length).toBeGreaterThan(10);
    expect(honest.filter(({ result }) => result !== 42).map(({ error }) => error)).toEqual([]);
    expect(await neighbour.run("return (await mcp.test.echo({ v: 41 })).v + 1")).toMatchObject({ result: 42 });
  },
);
