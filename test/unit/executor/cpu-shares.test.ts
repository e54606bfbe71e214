import { describe, expect, test } from "vitest";
import { CpuShares } from "../../../src/executor/cpu-shares.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function setUp(): {
  readonly shares: CpuShares;
  /** Lets time pass in which the process computes. */
  readonly pass: (wallMs: number, cpuMs: number) => void;
  readonly user: () => { charged: number; charge(cpuMs: number): void };
  readonly pending: () => number;
} {
  const clock = createManualClock();
  let cpu = 1_000;
  const shares = new CpuShares({ clock, readCpuMs: () => cpu });
  return {
    shares,
    pass: (wallMs, cpuMs) => {
      cpu += cpuMs;
      clock.advance(wallMs);
    },
    user: () => {
      const user = {
        charged: 0,
        charge(cpuMs: number) {
          user.charged += cpuMs;
        },
      };
      return user;
    },
    pending: () => clock.pending(),
  };
}

describe("the computing time of a process is divided among those who compute", () => {
  test("one user is charged what the process used, not what has passed", () => {
    const { shares, pass, user } = setUp();
    const only = user();
    shares.open(only);
    for (let i = 0; i < 5; i++) pass(20, 6);
    shares.close(only);
    expect(only.charged).toBeCloseTo(30);
  });

  test("users share equally while they overlap, and pay alone while they do not", () => {
    const { shares, pass, user } = setUp();
    const [first, second] = [user(), user()];
    shares.open(first);
    pass(20, 10);
    shares.open(second);
    pass(20, 20);
    shares.close(first);
    pass(20, 8);
    shares.close(second);
    expect([first.charged, second.charged]).toEqual([20, 18]);
  });

  test("nobody is charged more than the time that has passed, however busy other threads are", () => {
    const { shares, pass, user } = setUp();
    const only = user();
    shares.open(only);
    pass(20, 60);
    shares.close(only);
    expect(only.charged).toBe(20);
  });

  test("what was used before anybody computed is charged to nobody", () => {
    const { shares, pass, user } = setUp();
    pass(1_000, 500);
    const late = user();
    shares.open(late);
    shares.close(late);
    expect(late.charged).toBe(0);
  });

  test("a user who leaves because of a charge disturbs no other", () => {
    const { shares, pass, user } = setUp();
    const steady = user();
    const leaver = { charge: (): void => shares.close(leaver) };
    shares.open(leaver);
    shares.open(steady);
    pass(20, 20);
    expect(steady.charged).toBeGreaterThan(0);
    shares.close(steady);
  });

  test("no timer runs while nobody computes", () => {
    const { shares, pass, user, pending } = setUp();
    const only = user();
    shares.open(only);
    pass(200, 100);
    shares.close(only);
    expect(pending()).toBe(0);
  });
});
