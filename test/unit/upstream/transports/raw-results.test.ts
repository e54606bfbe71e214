import type { JSONRPCMessage } from "@modelcontextprotocol/client";
import { describe, expect, it } from "vitest";
import { RAW_RESULT, rawResult, setRawAside } from "../../../../src/upstream/transports/raw-results.ts";

function response(result: Record<string, unknown>): JSONRPCMessage {
  return { jsonrpc: "2.0", id: 1, result };
}

function resultOf(message: JSONRPCMessage): unknown {
  return "result" in message ? message.result : undefined;
}

describe("setRawAside", () => {
  it("empties a list of tools for the SDK and keeps it, cursor included", () => {
    const raw = { tools: [null, { name: 5 }], nextCursor: 7, ttlMs: 100 };
    const result = resultOf(setRawAside(response(raw)));
    expect(result).toEqual({ tools: [], ttlMs: 100, [RAW_RESULT]: raw });
    expect(rawResult(result)).toBe(raw);
  });

  it("empties an answer for the SDK and keeps it", () => {
    const raw = { content: [{ type: "hologram" }], structuredContent: 5, isError: "perhaps", _meta: { a: 1 } };
    const result = resultOf(setRawAside(response(raw)));
    expect(result).toEqual({ content: [], _meta: { a: 1 }, [RAW_RESULT]: raw });
    expect(rawResult(result)).toBe(raw);
  });

  it("takes an answer that has structured content alone", () => {
    const raw = { resultType: "complete", structuredContent: null };
    expect(resultOf(setRawAside(response(raw)))).toEqual({ resultType: "complete", content: [], [RAW_RESULT]: raw });
  });

  it.each([
    ["a request for input", response({ resultType: "input_required", content: [] })],
    ["another kind of result", response({ serverInfo: { name: "x", version: "1" } })],
    ["a result that is no object", { jsonrpc: "2.0", id: 1, result: [] } as unknown as JSONRPCMessage],
    ["an error", { jsonrpc: "2.0", id: 1, error: { code: -1, message: "no" } } satisfies JSONRPCMessage],
    ["a notification", { jsonrpc: "2.0", method: "notifications/progress" } satisfies JSONRPCMessage],
  ])("leaves %s alone", (_, message) => {
    expect(setRawAside(message)).toBe(message);
  });

  it("does not change the message it is given", () => {
    const message = response({ content: [], isError: true });
    const before = structuredClone(message);
    setRawAside(message);
    expect(message).toEqual(before);
  });
});

describe("rawResult", () => {
  it("finds nothing where nothing was kept", () => {
    expect([undefined, null, 5, {}, { [RAW_RESULT]: [] }].map(rawResult)).toEqual(Array(5).fill(undefined));
  });
});
