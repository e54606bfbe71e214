import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecutionHost } from "../../../src/bridge/execution-host.ts";
import { keyOf } from "../../../src/bridge/recorded-calls.ts";
import { ReplyOrder } from "../../../src/bridge/reply-order.ts";
import { BUILT_IN_LIMITS } from "../../../src/config/limits.ts";
import type { ProcessExecutor } from "../../../src/executor/process-executor.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { prepareScript } from "../../../src/script/prepare.ts";
import { parseResult, startExecutor } from "../../support/executor.ts";

/** Scripts of each kind; more with RUNLET_REPLAY_SCRIPTS. */
const SCRIPTS = Number(process.env["RUNLET_REPLAY_SCRIPTS"] ?? 40);
const START_MS = 1_700_000_000_000;

let executor: ProcessExecutor;
beforeAll(async () => {
  executor = await startExecutor({ processes: 2 });
});
afterAll(() => executor.close());

/** One call as a journal has it. */
interface Recorded {
  readonly key: string;
  readonly json: string;
  readonly order: number;
  readonly atMs: number;
}

/** What one execution did. */
interface Story {
  readonly calls: readonly string[];
  readonly result: unknown;
  readonly recorded: ReadonlyMap<number, Recorded>;
}

/** A small generator of numbers, so that a failure can be had again by its number. */
function generator(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) | 0;
    return (state >>> 8) % below;
  };
}

/** A script of calls, timers and races whose arguments fold in all that could differ from one time to the next. */
function scriptOf(seed: number): string {
  const pick = generator(seed);
  const value = (): string =>
    ["Date.now()", "Math.random()", "crypto.randomUUID()", "n++", "seen.length"][pick(5)] ?? "0";
  const call = (): string => `mcp.a.b([${value()}, ${value()}])`;
  const wait = (): string => `new Promise((done) => setTimeout(() => done(${value()}), ${pick(25)}))`;
  const step = (depth: number): string => {
    const inner = (): string => (depth > 2 ? call() : step(depth + 1));
    switch (pick(7)) {
      case 0:
        return `Promise.all([${inner()}, ${inner()}, ${inner()}])`;
      case 1:
        return `Promise.race([${inner()}, ${wait()}])`;
      case 2:
        return wait();
      case 3:
        return `${call()}.then((got) => { seen.push(got); return ${inner()}; })`;
      case 4:
        return `new Promise((done) => setTimeout(() => done(${inner()}), ${pick(20)}))`;
      case 5:
        return `(async () => { const a = await ${inner()}; seen.push(a, Date.now()); return a; })()`;
      default:
        return call();
    }
  };
  const steps = Array.from({ length: 3 + pick(4) }, () => `seen.push(await ${step(0)});`);
  return `let n = 0; const seen = []; ${steps.join(" ")} return [seen, Date.now(), Math.random()];`;
}

/**
 * Executes a script; calls that are recorded are answered from there, the others after a while.
 *
 * @param delayMs How long each takes.
 */
async function execute(text: string, recorded: ReadonlyMap<number, Recorded>, delayMs: () => number): Promise<Story> {
  const order = new ReplyOrder(systemClock, [...recorded.values()]);
  const calls: string[] = [];
  const told = new Map(recorded);
  const host: ExecutionHost = {
    call(path, args, reply) {
      const seq = calls.push(args);
      const key = keyOf(path, args);
      const known = recorded.get(seq);
      if (known !== undefined) {
        if (known.key !== key) throw new Error(`call ${seq} is another one: ${args}`);
        order.again(known.order, () => reply({ ok: true, json: known.json, atMs: known.atMs }));
        return;
      }
      setTimeout(() => {
        const turn = order.take();
        const json = JSON.stringify([seq, Math.random()]);
        told.set(seq, { key, json, order: turn.order, atMs: turn.atMs });
        // As a journal's write takes its time.
        setTimeout(() => turn.ready(() => reply({ ok: true, json, atMs: turn.atMs })), delayMs() / 4);
      }, delayMs());
    },
    tick: (dueMs, fire) => order.tick(dueMs, fire),
    log: () => undefined,
    emit: () => undefined,
  };
  const ended = await executor.execute(
    {
      principal: "replay",
      script: await prepareScript(text, { maxBytes: 1_000_000 }),
      inputJson: undefined,
      namesJson: "{}",
      limits: { ...BUILT_IN_LIMITS.defaults, wallMs: 20_000 },
      seed: "replay",
      startMs: START_MS,
      signal: new AbortController().signal,
    },
    host,
  );
  if (ended.status === "failed") throw new Error(`${ended.error.code}: ${ended.error.message}`);
  return { calls, result: ended.resultJson === undefined ? undefined : parseResult(ended.resultJson), recorded: told };
}

const seeds = Array.from({ length: SCRIPTS }, (_, at) => at + 1);

describe("a script that is told the same again", () => {
  test(
    "makes the same calls in the same order and has the same result, whatever raced with what",
    { timeout: 120_000 },
    async () => {
      for (const seed of seeds) {
        const pick = generator(seed + 1_000);
        const first = await execute(scriptOf(seed), new Map(), () => pick(24));
        const second = await execute(scriptOf(seed), first.recorded, () => pick(24));
        expect({ seed, calls: second.calls, result: second.result }).toEqual({
          seed,
          calls: first.calls,
          result: first.result,
        });
      }
    },
  );

  test("goes on where what it was told ends, having made the same calls until then", { timeout: 120_000 }, async () => {
    for (const seed of seeds) {
      const pick = generator(seed + 2_000);
      const text = scriptOf(seed);
      const whole = await execute(text, new Map(), () => pick(24));
      const cut = pick(whole.recorded.size + 1);
      const kept = [...whole.recorded].filter(([, { order }]) => order <= cut);
      const again = await execute(text, new Map(kept), () => pick(24));
      const last = Math.max(0, ...kept.map(([seq]) => seq));
      expect({ seed, calls: again.calls.slice(0, last) }).toEqual({ seed, calls: whole.calls.slice(0, last) });
      const third = await execute(text, again.recorded, () => pick(24));
      expect({ seed, calls: third.calls, result: third.result }).toEqual({
        seed,
        calls: again.calls,
        result: again.result,
      });
    }
  });
});
