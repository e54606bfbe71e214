import { expect, it } from "vitest";
import { RunletError } from "../../../src/lib/errors.ts";
import { RestartPolicy, type RestartPolicyOptions } from "../../../src/upstream/restart-policy.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const ERROR = new RunletError("UPSTREAM_UNAVAILABLE", "It broke.");
const STABLE_MS = 300_000;

function create(changes: Partial<RestartPolicyOptions> = {}) {
  const clock = createManualClock();
  const policy = new RestartPolicy({ maxFailures: 5, clock, random: () => 1, ...changes });
  const fail = (): number => {
    clock.advance(1);
    policy.failed(ERROR, clock.monotonic());
    return policy.waitMs();
  };
  return { clock, policy, fail };
}

it("failures in a row double the wait up to half a minute and then degrade", () => {
  const { policy, fail } = create();
  const seen = Array.from({ length: 7 }, () => [fail(), policy.state]);
  expect(seen).toEqual([
    [1_000, "failed"],
    [2_000, "failed"],
    [4_000, "failed"],
    [8_000, "failed"],
    [16_000, "failed"],
    [30_000, "degraded"],
    [30_000, "degraded"],
  ]);
  expect([policy.failures, policy.error]).toEqual([7, ERROR]);
});

it("waits have full jitter while it is not degraded, and the longest when it is", () => {
  const { fail } = create({ random: () => 0.25, maxFailures: 2 });
  expect([fail(), fail(), fail()]).toEqual([250, 500, 30_000]);
});

it("a forgiving one lets the first failure cost nothing", () => {
  const { policy, fail } = create({ forgiving: true });
  expect([policy.state, fail(), policy.state]).toEqual(["stopped", 0, "stopped"]);
  expect([fail(), policy.state]).toEqual([1_000, "failed"]);
});

it("a success makes it well, but only five minutes of it forgive the failures before", () => {
  const { clock, policy, fail } = create();
  fail();
  fail();
  policy.succeeded();
  expect([policy.state, policy.waitMs()]).toEqual(["stopped", 0]);
  clock.advance(STABLE_MS - 2);
  expect(fail()).toBe(4_000);
  policy.succeeded();
  clock.advance(STABLE_MS);
  policy.succeeded();
  expect(fail()).toBe(1_000);
});

it("attempts that were under way together count as one failure", () => {
  const { clock, policy } = create();
  const begunAtMs = clock.monotonic();
  clock.advance(10);
  policy.failed(ERROR, begunAtMs);
  clock.advance(10);
  policy.failed(ERROR, begunAtMs);
  expect(policy.failures).toBe(1);
});

it("a limit of none degrades at the first failure", () => {
  const { policy, fail } = create({ maxFailures: 0, forgiving: true });
  expect([fail(), policy.state]).toEqual([30_000, "degraded"]);
});

it("without retries one failure holds until it is forgotten", () => {
  const { clock, policy, fail } = create({ maxFailures: undefined });
  expect([fail(), policy.state]).toEqual([Number.POSITIVE_INFINITY, "degraded"]);
  clock.advance(24 * 3_600_000);
  expect(policy.waitMs()).toBe(Number.POSITIVE_INFINITY);
  policy.reset();
  expect([policy.state, policy.waitMs(), policy.error, policy.failures]).toEqual(["stopped", 0, undefined, 0]);
});

it("a start is a trial for others only after a failure, and only until it has ended", async () => {
  const { policy, fail } = create();
  policy.begun(Promise.resolve());
  expect(policy.trial).toBeUndefined();
  fail();
  const { promise, resolve } = Promise.withResolvers<void>();
  policy.begun(promise);
  const { trial } = policy;
  expect(trial).toBeInstanceOf(Promise);
  resolve();
  await trial;
  expect(policy.trial).toBeUndefined();
});
