import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { Partition } from "../../../src/upstream/partition.ts";
import { Partitions } from "../../../src/upstream/partitions.ts";
import { SHARED, UNUSED } from "../../../src/upstream/sharing.ts";
import { stdioConfig } from "../../support/upstreams.ts";

/** A table of partitions without processes. */
function create(maxSessions = 3) {
  const closed: Partition[] = [];
  const partitions = new Partitions({
    maxSessions,
    perRun: false,
    create: () => {
      const made = new Partition(stdioConfig([]), [], { clock: systemClock, log: silentLog, mayStop: () => true });
      const close = made.close.bind(made);
      made.close = () => {
        closed.push(made);
        return close();
      };
      return made;
    },
    tooMany: () => new Error("too many"),
  });
  const keys = (): readonly string[] => partitions.entries().map(([key]) => key);
  return { partitions, closed, keys };
}

describe("a table of partitions", () => {
  it("gives each key its own and keeps the one used last at the end", () => {
    const { partitions, keys } = create();
    const ada = partitions.take("principal:ada");
    const bob = partitions.take("principal:bob");
    expect(ada).not.toBe(bob);
    expect(partitions.take("principal:ada")).toBe(ada);
    expect(keys()).toEqual(["principal:bob", "principal:ada"]);
    expect([partitions.has("principal:ada", ada), partitions.has("principal:ada", bob)]).toEqual([true, false]);
  });

  it("gives the unused one to the first who needs one, once", () => {
    const { partitions, keys } = create();
    const unused = partitions.forListing(UNUSED);
    expect(keys()).toEqual([UNUSED]);
    expect(partitions.take("principal:ada")).toBe(unused);
    expect(partitions.take("principal:bob")).not.toBe(unused);
    expect(keys()).toEqual(["principal:ada", "principal:bob"]);
  });

  it("lists through the one used last, and makes one only where there is none", () => {
    const { partitions, keys } = create();
    partitions.take("principal:ada");
    const bob = partitions.take("principal:bob");
    expect(partitions.forListing(UNUSED)).toBe(bob);
    expect(keys()).toHaveLength(2);
  });

  it("never makes common what one alone may come to use", () => {
    const { partitions, keys } = create();
    const unused = partitions.take(UNUSED);
    expect(partitions.take(SHARED)).not.toBe(unused);
    expect(keys()).toEqual([UNUSED, SHARED]);
  });

  it("hands what was common to one alone when it is no more to be shared", () => {
    const { partitions, closed, keys } = create();
    const shared = partitions.take(SHARED);
    partitions.unshare();
    expect(keys()).toEqual([UNUSED]);
    expect(partitions.take("principal:ada")).toBe(shared);
    partitions.unshare();
    expect([keys(), closed]).toEqual([["principal:ada"], []]);
  });

  it("ends what was common when an unused one is there already", () => {
    const { partitions, closed, keys } = create();
    partitions.take(UNUSED);
    const shared = partitions.take(SHARED);
    partitions.unshare();
    expect([keys(), closed]).toEqual([[UNUSED], [shared]]);
  });

  it("makes room by ending the one unused longest", () => {
    const { partitions, closed, keys } = create(2);
    partitions.take("a");
    const second = partitions.take("b");
    partitions.take("a");
    partitions.take("c");
    expect([keys(), closed]).toEqual([["a", "c"], [second]]);
  });

  it("releases what a run kept and nothing else, and ends the rest at its own end", async () => {
    const { partitions, closed, keys } = create();
    const run = partitions.take("run:1");
    const other = partitions.take("run:2");
    partitions.releaseRun("1");
    partitions.releaseRun("unknown");
    expect([keys(), closed]).toEqual([["run:2"], [run]]);
    await partitions.close();
    expect(closed).toEqual([run, other]);
  });
});
