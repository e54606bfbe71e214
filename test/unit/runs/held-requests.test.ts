import { describe, expect, test } from "vitest";
import { HeldRequests } from "../../../src/runs/held-requests.ts";

const MIB = 1024 * 1024;

describe("the requests of runs that have not ended", () => {
  test("of one client may have half of what all may have together; what is over is refused with when to come back", () => {
    const held = new HeldRequests();
    for (let i = 0; i < 32; i++) held.take("mallory", 4 * MIB);
    expect(() => held.take("mallory", 1)).toThrow(
      expect.objectContaining({
        code: "QUEUE_FULL",
        context: expect.objectContaining({ details: { retryAfterMs: 1_000 } }),
      }),
    );
    expect(() => held.take("ann", 100 * MIB)).not.toThrow();
    expect(() => held.take("bob", 29 * MIB)).toThrow(
      "requests that wait or run may have 268435456 characters together",
    );
  });

  test("make room when their runs end", () => {
    const held = new HeldRequests();
    held.take("ann", 128 * MIB);
    expect(() => held.take("ann", 1)).toThrow("requests of one client");
    held.release("ann", 128 * MIB);
    expect(() => held.take("ann", 128 * MIB)).not.toThrow();
  });

  test("are taken up whatever their size when an earlier process had accepted them", () => {
    const held = new HeldRequests();
    for (let i = 0; i < 3; i++) held.add("ann", 128 * MIB);
    expect(() => held.take("bob", 1)).toThrow("current value is 402653184");
    for (let i = 0; i < 3; i++) held.release("ann", 128 * MIB);
    expect(() => held.take("bob", 1)).not.toThrow();
  });
});
