import { describe, expect, it } from "vitest";
import { createInFlightRequests } from "../../../src/mcp/in-flight.ts";

const KEY = { principalId: "alice", sessionId: "s1", requestId: 1 };

describe("requests in flight", () => {
  it("are aborted by their key and by no other", () => {
    const requests = createInFlightRequests();
    using request = requests.track(KEY);
    for (const other of [{ principalId: "bob" }, { sessionId: "s2" }, { requestId: 2 }, { requestId: "1" }]) {
      expect(requests.cancel({ ...KEY, ...other })).toBe(false);
    }
    expect(request.signal.aborted).toBe(false);
    expect(requests.cancel(KEY)).toBe(true);
    expect(request.signal.aborted).toBe(true);
  });

  it("are forgotten when they are done", () => {
    const requests = createInFlightRequests();
    const request = requests.track(KEY);
    request[Symbol.dispose]();
    request[Symbol.dispose]();
    expect(requests.cancel(KEY)).toBe(false);
    expect(request.signal.aborted).toBe(false);
  });

  it("a later one with the same key is not forgotten with an earlier one", () => {
    const requests = createInFlightRequests();
    const earlier = requests.track(KEY);
    using later = requests.track(KEY);
    earlier[Symbol.dispose]();
    expect(requests.cancel(KEY)).toBe(true);
    expect(later.signal.aborted).toBe(true);
  });

  it("cannot be confused by separators in names", () => {
    const requests = createInFlightRequests();
    using request = requests.track({ principalId: 'a","b', sessionId: "c", requestId: 1 });
    expect(requests.cancel({ principalId: "a", sessionId: 'b","c', requestId: 1 })).toBe(false);
    expect(request.signal.aborted).toBe(false);
  });
});
