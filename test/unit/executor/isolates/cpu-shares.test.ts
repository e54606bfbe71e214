import { describe, expect, test } from "vitest";
import { CpuShares } from "../../../../src/executor/isolates/cpu-shares.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

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
    shares.close(only, 0);
    expect(only.charged).toBeCloseTo(30);
  });

  test("users share equally while they overlap, and pay alone while they do not", () => {
    const { shares, pass, user } = setUp();
    const [first, second] = [user(), user()];
    shares.open(first);
    pass(20, 10);
    shares.open(second);
    pass(20, 20);
    shares.close(first, 0);
    pass(20, 8);
    shares.close(second, 0);
    expect([first.charged, second.charged]).toEqual([20, 18]);
  });

  test("what those used who pause is not charged to those who go on", () => {
    const { shares, pass, user } = setUp();
    const [long, short] = [user(), user()];
    shares.open(long);
    shares.open(short);
    pass(19, 15);
    shares.close(short, 10);
    pass(1, 0);
    expect([long.charged, short.charged]).toEqual([5, 0]);
  });

  test("nobody is charged more than the time it computed, however busy other threads are", () => {
    const { shares, pass, user } = setUp();
    const [first, late] = [user(), user()];
    shares.open(first);
    pass(20, 60);
    pass(15, 60);
    shares.open(late);
    pass(5, 60);
    shares.close(first, 0);
    expect([first.charged, late.charged]).toEqual([40, 5]);
  });

  test("what was used before anybody computed is charged to nobody", () => {
    const { shares, pass, user } = setUp();
    pass(1_000, 500);
    const late = user();
    shares.open(late);
    pass(20, 0);
    shares.close(late, 0);
    expect(late.charged).toBe(0);
  });

  test("what is used while nobody computes is charged to nobody", () => {
    const { shares, pass, user } = setUp();
    const [early, late] = [user(), user()];
    shares.open(early);
    shares.close(early, 0);
    pass(500, 400);
    shares.open(late);
    pass(20, 1);
    expect([early.charged, late.charged]).toEqual([0, 1]);
  });

  test("a user who leaves because of a charge disturbs no other", () => {
    const { shares, pass, user } = setUp();
    const steady = user();
    const leaver = { charge: (): void => shares.close(leaver, 0) };
    shares.open(leaver);
    shares.open(steady);
    pass(20, 20);
    expect(steady.charged).toBeGreaterThan(0);
    shares.close(steady, 0);
  });

  test("no timer runs long while nobody computes", () => {
    const { shares, pass, user, pending } = setUp();
    const only = user();
    shares.open(only);
    pass(200, 100);
    shares.close(only, 0);
    pass(20, 0);
    expect(pending()).toBe(0);
  });
});
