import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { compileConfig } from "../../src/config/compile.ts";
import { LOCAL_PRINCIPAL } from "../../src/config/principal.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { RunService } from "../../src/runs/run-service.ts";
import { createService } from "../../src/service.ts";

const DAY_MS = 24 * 3_600_000;
const HOUSEKEEPING_MS: ReadonlySet<number> = new Set([60_000, 3_600_000]);
const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** The machine's clock, whose day a test can turn forward; what is done now and then is done when the test says so. */
function turningClock(): { readonly clock: Clock; readonly turn: (ms: number) => void } {
  let aheadMs = 0;
  let waiting: (() => void)[] = [];
  const clock: Clock = {
    now: () => systemClock.now() + aheadMs,
    monotonic: () => systemClock.monotonic(),
    after(delayMs, wake, options) {
      if (options?.background !== true || !HOUSEKEEPING_MS.has(delayMs))
        return systemClock.after(delayMs, wake, options);
      waiting.push(wake);
      return { cancel: () => undefined };
    },
  };
  return {
    clock,
    turn: (ms) => {
      aheadMs += ms;
      const due = waiting;
      waiting = [];
      for (const wake of due) wake();
    },
  };
}

async function run(runs: RunService): Promise<string> {
  const { id } = await runs.submit(LOCAL_PRINCIPAL, { script: "return 'x'.repeat(3e6)" });
  expect(await runs.wait(LOCAL_PRINCIPAL, id, { maxWaitMs: 20_000 })).toMatchObject({
    status: "succeeded",
    truncated: true,
  });
  return id;
}

async function wholeBytes(runs: RunService, id: string): Promise<number> {
  let bytes = 0;
  for await (const part of (await runs.result(LOCAL_PRINCIPAL, id)).parts()) bytes += part.byteLength;
  return bytes;
}

test.each([
  ["seven days", "in SQLite", {}, 7],
  ["seven days", ":memory:", {}, 7],
  ["as long as configured", "in SQLite", { retention: { runs: "2d" } }, 2],
])(
  "a run and its whole result are kept for %s after its end, and then they are gone: %s",
  async (_, where, options, days) => {
    const folder = mkdtempSync(join(tmpdir(), "runlet-retention-"));
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
    const dataDir = where === ":memory:" ? where : folder;
    const { clock, turn } = turningClock();
    const service = await createService(compileConfig({ dataDir, executors: { processes: 1 }, ...options }), {
      clock,
      log: silentLog,
    });
    cleanUps.push(() => service.close());
    const old = await run(service.runs);
    turn((days - 0.1) * DAY_MS);
    const recent = await run(service.runs);
    expect(await wholeBytes(service.runs, old)).toBe(3_000_002);

    turn(0.2 * DAY_MS);
    await expect
      .poll(() =>
        service.runs.get(LOCAL_PRINCIPAL, old).then(
          () => "there",
          ({ code }: { code: string }) => code,
        ),
      )
      .toBe("NOT_FOUND");
    await expect(service.runs.result(LOCAL_PRINCIPAL, old)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await wholeBytes(service.runs, recent)).toBe(3_000_002);
  },
);
