import { describe, expect, it } from "vitest";
import { boundBody } from "../../../../src/upstream/transports/bounded-body.ts";

interface Outcome {
  readonly text: string | undefined;
  readonly exceeded: number;
}

async function read(chunks: readonly string[], contentType: string, maxBytes: number): Promise<Outcome> {
  let exceeded = 0;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  const response = new Response(body, { headers: { "content-type": contentType } });
  const bounded = boundBody(response, maxBytes, () => (exceeded += 1));
  const text = await bounded.text().catch(() => undefined);
  return { text, exceeded };
}

describe("boundBody", () => {
  it("lets a body of the bound pass and fails one byte more, once", async () => {
    expect(await read(["12345"], "application/json", 5)).toEqual({ text: "12345", exceeded: 0 });
    expect(await read(["123", "456", "789"], "application/json", 5)).toEqual({ text: undefined, exceeded: 1 });
  });

  it("bounds each event of a stream, not the stream", async () => {
    const event = "data: 123\n\n";
    const events = Array.from({ length: 100 }, () => event);
    expect(await read(events, "text/event-stream; charset=utf-8", 20)).toEqual({ text: events.join(""), exceeded: 0 });
    expect(await read([event, "data: 1234567890", "1234567890"], "text/event-stream", 20)).toEqual({
      text: undefined,
      exceeded: 1,
    });
  });

  it.each([
    ["\n", ["data: 12345\n", "\ndata: 12345\n", "\n"]],
    ["\r\n", ["data: 12345\r\n", "\r\ndata: 12345\r\n", "\r\n"]],
  ])("finds the end of an event across chunks (%j)", async (_, chunks) => {
    expect(await read(chunks, "text/event-stream", 18)).toEqual({ text: chunks.join(""), exceeded: 0 });
  });

  it("keeps status and headers, and leaves a response without a body alone", async () => {
    const response = boundBody(
      new Response("no", { status: 404, headers: { "mcp-session-id": "s" } }),
      10,
      () => undefined,
    );
    expect([response.status, response.headers.get("mcp-session-id"), await response.text()]).toEqual([404, "s", "no"]);
    const empty = new Response(null, { status: 202 });
    expect(boundBody(empty, 10, () => undefined)).toBe(empty);
  });

  it("takes a body as it is only when its whole length is told, as it is sent, and within the bound", () => {
    const withHeaders = (headers: Record<string, string>): boolean => {
      const response = new Response("12345", { headers });
      return boundBody(response, 5, () => undefined) === response;
    };
    expect(withHeaders({ "content-length": "5" })).toBe(true);
    expect(withHeaders({ "content-length": "6" })).toBe(false);
    expect(withHeaders({ "content-length": "5", "content-encoding": "gzip" })).toBe(false);
    expect(withHeaders({ "content-length": "5, 5" })).toBe(false);
    expect(withHeaders({})).toBe(false);
  });
});
