import { describe, expect, test } from "vitest";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { retry } from "../../../src/gateway/interceptors/retry.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { RetryBudget } from "../../../src/gateway/retry-budget.ts";
import { type ErrorCode, RunletError } from "../../../src/lib/errors.ts";
import type { Upstream } from "../../../src/upstream/upstream.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { admittedCall, catalogTool, createFakeUpstream } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };
const rest = () => new Promise(setImmediate);
const failure = (code: ErrorCode, details?: object) => new RunletError(code, "it failed", { details });
const lost = failure("UPSTREAM_UNAVAILABLE", { sent: true });
const unsent = failure("UPSTREAM_UNAVAILABLE", { sent: false });

function setup(config: Parameters<typeof createFakeUpstream>[2] = {}, random = () => 0.5) {
  const clock = createManualClock();
  const metrics = createMetrics();
  const upstream = createFakeUpstream("server", [], config);
  /** What the next attempts come to; those after the last go well. */
  const failures: (Error | undefined)[] = [];
  let attempts = 0;
  const state = { open: false };
  const send = retry({ clock, metrics, random, isOpen: () => state.open })(async () => {
    attempts++;
    const next = failures.shift();
    if (next !== undefined) throw next;
    return RESULT;
  });
  const start = (change: Parameters<typeof admittedCall>[1] = {}) => {
    const call = admittedCall(upstream, change);
    const ended = { outcome: undefined as ToolResult | RunletError | undefined };
    void send(call).then(
      (result) => (ended.outcome = result),
      (error: unknown) => (ended.outcome = error as RunletError),
    );
    return { call, ended };
  };
  /** Makes a call to its end, whatever it waits for. */
  const fail = async (to: Upstream): Promise<void> => {
    const state = { ended: false };
    const end = send(admittedCall(to)).then(
      () => expect.fail("went well"),
      () => void (state.ended = true),
    );
    for (; !state.ended; await rest()) clock.advance(2_000);
    await end;
  };
  return { clock, metrics, failures, state, fail, start, upstream, attempts: () => attempts };
}

const READ = { ...catalogTool(true), class: "read" } as const;
const WRITE = catalogTool(true);
const IDEMPOTENT = { ...WRITE, annotations: { idempotentHint: true } };

describe("a call that fails", () => {
  test("is tried again after a while, twice at most, and waits longer each time", async () => {
    const { clock, failures, start, attempts, metrics } = setup();
    failures.push(lost, lost, lost);
    const { ended, call } = start();
    await rest();
    expect([attempts(), clock.pending()]).toEqual([1, 1]);
    clock.advance(49);
    await rest();
    expect(attempts()).toBe(1);
    clock.advance(1);
    await rest();
    expect(attempts()).toBe(2);
    clock.advance(100);
    await rest();
    expect([attempts(), ended.outcome]).toEqual([3, lost]);
    expect([call.trace.queueMs, clock.pending()]).toEqual([150, 0]);
    expect(metrics.render()).toContain('runlet_gateway_retries_total{server="server"} 2');
  });

  test("gives the answer of a later attempt", async () => {
    const { clock, failures, start } = setup();
    failures.push(lost);
    const { ended } = start();
    await rest();
    clock.advance(50);
    await rest();
    expect(ended.outcome).toBe(RESULT);
  });

  test.each<[string, AdmittedCall["definition"], RunletError, number]>([
    ["a read whose connection broke", READ, lost, 2],
    ["a read that was not sent", READ, unsent, 2],
    ["a read that took too long", READ, failure("TOOL_TIMEOUT"), 2],
    ["a write that was not sent", WRITE, unsent, 2],
    ["a write whose connection broke", WRITE, lost, 1],
    ["a write that took too long", WRITE, failure("TOOL_TIMEOUT"), 1],
    ["a repeatable call whose connection broke", IDEMPOTENT, lost, 2],
    ["a repeatable call that took too long", IDEMPOTENT, failure("TOOL_TIMEOUT"), 1],
    ["a read in a line that is full", READ, failure("UPSTREAM_OVERLOADED", { retryAfterMs: 1 }), 1],
    ["a read that the breaker refused", READ, failure("UPSTREAM_CIRCUIT_OPEN", { retryAfterMs: 1 }), 1],
    ["a read whose tool failed", READ, failure("TOOL_FAILED"), 1],
    ["a read that is answered with nonsense", READ, failure("UPSTREAM_PROTOCOL"), 1],
    ["a read that its caller cancelled", READ, failure("RUN_CANCELLED"), 1],
  ])("%s", async (_what, definition, error, attempted) => {
    const { clock, failures, start, attempts } = setup();
    failures.push(error);
    const { ended } = start({ definition });
    await rest();
    clock.advance(2_000);
    await rest();
    expect(attempts()).toBe(attempted);
    expect(ended.outcome).toBe(attempted === 1 ? error : RESULT);
  });

  test("is not taken at the word of a server that is not trusted", async () => {
    const { failures, start, attempts } = setup({ config: { trustAnnotations: false } });
    failures.push(lost);
    const { ended } = start({ definition: IDEMPOTENT });
    await rest();
    expect([attempts(), ended.outcome]).toEqual([1, lost]);
  });

  test.each([
    [0, 1],
    [1, 2],
  ])("with %i retries configured makes %i attempts", async (retries, attempted) => {
    const { clock, failures, start, attempts } = setup({ config: { retry: { retries, baseMs: 10, maxMs: 10 } } });
    failures.push(lost, lost);
    start();
    for (let time = 0; time < 3; time++) {
      await rest();
      clock.advance(10);
    }
    expect(attempts()).toBe(attempted);
  });

  test("waits as long as the failure asks for", async () => {
    const { clock, failures, start, attempts } = setup();
    failures.push(failure("UPSTREAM_UNAVAILABLE", { sent: false, retryAfterMs: 1_500 }));
    start();
    await rest();
    clock.advance(1_499);
    await rest();
    expect(attempts()).toBe(1);
    clock.advance(1);
    await rest();
    expect(attempts()).toBe(2);
  });

  test("ends at once when it would have to wait longer than the longest wait", async () => {
    const { clock, failures, start } = setup();
    const error = failure("UPSTREAM_UNAVAILABLE", { sent: false, retryAfterMs: 2_001 });
    failures.push(error);
    const { ended } = start();
    await rest();
    expect([ended.outcome, clock.pending()]).toEqual([error, 0]);
  });

  test("ends at once while the server's breaker is open", async () => {
    const { clock, failures, start, state } = setup();
    failures.push(lost);
    state.open = true;
    const { ended } = start();
    await rest();
    expect([ended.outcome, clock.pending()]).toEqual([lost, 0]);
  });

  test("ends with its caller, also while it waits", async () => {
    const { clock, failures, start, attempts } = setup();
    failures.push(lost);
    const controller = new AbortController();
    const { ended, call } = start({ signal: controller.signal });
    await rest();
    clock.advance(20);
    const reason = new RunletError("RUN_CANCELLED", "not wanted");
    controller.abort(reason);
    await rest();
    expect([ended.outcome, attempts(), clock.pending(), call.trace.queueMs]).toEqual([reason, 1, 0, 20]);
  });
});

describe("the budget of retries", () => {
  test("of 1,000 calls that all fail no more than 1,200 are attempted", async () => {
    const { failures, fail, upstream, attempts } = setup({}, () => 0);
    failures.push(...Array.from({ length: 3_000 }, () => lost));
    for (let number = 0; number < 1_000; number++) await fail(upstream);
    expect(attempts()).toBeLessThanOrEqual(1_200);
    expect(attempts()).toBeGreaterThan(1_150);
  });

  test("a single call on a fresh server has its two retries", () => {
    const budget = new RetryBudget();
    budget.earn();
    expect([budget.take(), budget.take(), budget.take()]).toEqual([true, true, false]);
  });

  test("after any number of calls from the start, retries are at most a fifth of them, or two", () => {
    const budget = new RetryBudget();
    let retries = 0;
    for (let calls = 1; calls <= 10_000; calls++) {
      budget.earn();
      while (budget.take()) retries++;
      expect(retries).toBeLessThanOrEqual(Math.max(2, Math.floor(calls / 5)));
    }
    expect(retries).toBe(2_000);
  });

  test("quiet times are not saved up for a storm", () => {
    const budget = new RetryBudget();
    for (let calls = 0; calls < 100_000; calls++) budget.earn();
    let retries = 0;
    while (budget.take()) retries++;
    expect(retries).toBe(10);
  });

  test("each server has its own", async () => {
    const { failures, fail, upstream, attempts } = setup({}, () => 0);
    const other = createFakeUpstream("other", []);
    failures.push(...Array.from({ length: 20 }, () => lost));
    for (let number = 0; number < 4; number++) await fail(upstream);
    expect(attempts()).toBe(6);
    await fail(other);
    expect(attempts()).toBe(9);
  });
});
