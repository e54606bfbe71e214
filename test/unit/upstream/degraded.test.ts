import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LifecycleConfig } from "../../../src/config/config.ts";
import type { RunletError } from "../../../src/lib/errors.ts";
import type { Upstream } from "../../../src/upstream/upstream.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { createBench, killProcess, lifecycle, textOf, until, type UpstreamBench } from "../../support/upstreams.ts";

const ADA = { principal: "ada" };
const BOB = { principal: "bob" };

let bench: UpstreamBench;
let clock: ManualClock;
/** While it is there the server does not start. */
let down: string;

beforeEach(() => {
  bench = createBench();
  clock = createManualClock();
  down = join(bench.folder, "down");
});

afterEach(() => bench.close());

function create(changes: Partial<LifecycleConfig> = {}): Upstream {
  const config = bench.fixture("notes", {
    env: { DOWN_WHILE: down },
    lifecycle: lifecycle({ idleStopMs: undefined, ...changes }),
  });
  return bench.upstream(config, { clock, random: () => 1 });
}

async function failureOf(upstream: Upstream, caller = ADA): Promise<RunletError> {
  return textOf(upstream, "pid", {}, caller).then(
    () => Promise.reject(new Error("it answered")),
    (error: unknown) => error as RunletError,
  );
}

function retryAfter(error: RunletError): unknown {
  return (error.context.details as { retryAfterMs?: number }).retryAfterMs;
}

describe("a server that failed to start too often", () => {
  /** Fails once with a limit of none. */
  async function degraded(changes: Partial<LifecycleConfig> = {}): Promise<Upstream> {
    writeFileSync(down, "");
    const upstream = create({ maxFailures: 0, ...changes });
    await failureOf(upstream);
    expect(upstream.status().state).toBe("degraded");
    return upstream;
  }

  it("is tried once in half a minute, by one caller, and the others are refused at once", async () => {
    const upstream = await degraded();
    expect(retryAfter(await failureOf(upstream))).toBe(30_000);
    expect(retryAfter(await failureOf(upstream, BOB))).toBe(30_000);
    clock.advance(30_000);
    const trial = failureOf(upstream);
    expect(upstream.status().state).toBe("starting");
    expect(await failureOf(upstream)).toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: expect.stringContaining("as it must have started: it is being tried.") as string,
      context: { details: { sent: false, retryAfterMs: 1_000 } },
    });
    expect(retryAfter(await failureOf(upstream, BOB))).toBe(1_000);
    expect(retryAfter(await trial)).toBeUndefined();
    expect(upstream.status().state).toBe("degraded");
    expect(retryAfter(await failureOf(upstream, BOB))).toBe(30_000);
  });

  it("is well again when a trial succeeds, for everybody", async () => {
    const upstream = await degraded();
    rmSync(down);
    clock.advance(30_000);
    expect(await textOf(upstream, "notes", {}, ADA)).toBe("[]");
    expect(await textOf(upstream, "notes", {}, BOB)).toBe("[]");
    expect(upstream.status().state).toBe("ready");
  });

  it("is tried at once after a restart by hand", async () => {
    const upstream = await degraded({ maxFailures: undefined });
    clock.advance(24 * 3_600_000);
    expect(await failureOf(upstream)).toMatchObject({
      message: expect.stringContaining("it is not tried again. The last one failed: ") as string,
      context: {
        hint: "Mend it, then POST /servers/server/restart; mcpServers.server.restart is off.",
        details: { sent: false },
      },
    });
    rmSync(down);
    await upstream.restart();
    expect(upstream.status().state).toBe("stopped");
    expect(await textOf(upstream, "notes", {}, ADA)).toBe("[]");
  });
});

describe("a server that failed to start once", () => {
  it("is tried by one caller after its back-off; others wait for that and start theirs", async () => {
    writeFileSync(down, "");
    const upstream = create();
    await failureOf(upstream);
    expect(upstream.status().state).toBe("failed");
    rmSync(down);
    clock.advance(1_000);
    const answers = await Promise.all([ADA, BOB].map((caller) => textOf(upstream, "notes", {}, caller)));
    expect(answers).toEqual(["[]", "[]"]);
    expect(bench.started()).toBe(2);
  });

  it("costs several callers one failure, whoever waited", async () => {
    writeFileSync(down, "");
    const upstream = create({ maxFailures: 1 });
    await Promise.all([failureOf(upstream, ADA), failureOf(upstream, ADA), failureOf(upstream, ADA)]);
    expect(upstream.status().state).toBe("failed");
    clock.advance(1_000);
    await Promise.all([failureOf(upstream, ADA), failureOf(upstream, BOB)]);
    expect(upstream.status().state).toBe("degraded");
  });
});

describe("a process that ends by itself", () => {
  it("is replaced at once the first time, then with growing waits, and its list stays", async () => {
    const upstream = create();
    const waits: unknown[] = [];
    for (let round = 0; round < 4; round++) {
      await textOf(upstream, "pid", {}, ADA);
      killProcess(upstream);
      await until(() => upstream.status().state !== "ready");
      expect(upstream.knownTools()).toHaveLength(5);
      if (round === 0) continue;
      const refused = await failureOf(upstream);
      expect(upstream.status().state).toBe("failed");
      expect(refused.message).toContain('Cannot use server "server" as it must stay up: was ended by SIGKILL.');
      waits.push(retryAfter(refused));
      clock.advance(Number(retryAfter(refused)));
    }
    expect(waits).toEqual([1_000, 2_000, 4_000]);
  });

  it("over and over degrades for those who share it, and for nobody else", async () => {
    const upstream = create({ maxFailures: 0 });
    await textOf(upstream, "pid", {}, ADA);
    killProcess(upstream);
    await until(() => upstream.status().state === "degraded");
    expect(retryAfter(await failureOf(upstream, ADA))).toBe(30_000);
    expect(await textOf(upstream, "notes", {}, BOB)).toBe("[]");
    clock.advance(30_000);
    expect(await textOf(upstream, "notes", {}, ADA)).toBe("[]");
  });
});
