import { describe, expect, test } from "vitest";
import { CallBytes } from "../../../src/bridge/call-bytes.ts";
import type { CallBytesLease } from "../../../src/bridge/call-bytes.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;

function end(leases: readonly (CallBytesLease | undefined)[]): void {
  for (const lease of leases) lease?.[Symbol.dispose]();
}

describe("the arguments of calls that are made at once", () => {
  test("are counted until their call is over, and once", () => {
    const bytes = new CallBytes();
    const lease = bytes.tryTake("ann", 10);
    expect(bytes.held).toBe(10);
    end([lease, lease]);
    expect(bytes.held).toBe(0);
  });

  test("of one principal take up half of the room, and those of another have theirs at once", () => {
    const bytes = new CallBytes();
    const held = Array.from({ length: 40 }, () => bytes.tryTake("mallory", MIB));
    expect(held.filter((lease) => lease !== undefined)).toHaveLength(32);
    expect(bytes.tryTake("ann", MIB)).toBeDefined();
  });

  test("that have no room wait for it, in their order", async () => {
    const bytes = new CallBytes();
    const held = Array.from({ length: 32 }, () => bytes.tryTake("ann", MIB));
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (number) => {
      const lease = await bytes.take("ann", MIB, never);
      order.push(number);
      return lease;
    });
    await Promise.resolve();
    expect(order).toEqual([]);
    expect(bytes.tryTake("ann", 1), "none overtakes").toBeUndefined();
    end(held.slice(0, 2));
    await Promise.all(waiting.slice(0, 2));
    expect(order).toEqual([1, 2]);
    end(held);
    end(await Promise.all(waiting));
    expect([order, bytes.held]).toEqual([[1, 2, 3], 0]);
  });

  test("that are larger than all room have it alone", () => {
    const bytes = new CallBytes();
    const huge = bytes.tryTake("ann", 100 * MIB);
    expect(huge).toBeDefined();
    expect(bytes.tryTake("bob", 1)).toBeUndefined();
    end([huge]);
    expect(bytes.tryTake("bob", 1)).toBeDefined();
  });

  test("large ones are not overtaken by small ones of others for ever", async () => {
    const bytes = new CallBytes();
    const held = [bytes.tryTake("ann", 32 * MIB), bytes.tryTake("bob", 31 * MIB)];
    let isGranted = false;
    const large = bytes.take("carol", 4 * MIB, never).finally(() => (isGranted = true));
    expect(bytes.tryTake("dan", 1)).toBeUndefined();
    end(held.slice(1));
    await large;
    expect(isGranted).toBe(true);
    expect(bytes.tryTake("dan", 1)).toBeDefined();
  });

  test("leave the line when their run is over", async () => {
    const bytes = new CallBytes();
    const held = bytes.tryTake("ann", 32 * MIB);
    const over = new AbortController();
    const waiting = bytes.take("ann", MIB, over.signal);
    over.abort(new Error("over"));
    await expect(waiting).rejects.toThrow("over");
    await expect(bytes.take("ann", MIB, over.signal)).rejects.toThrow("over");
    end([held]);
    expect(bytes.held).toBe(0);
  });
});
