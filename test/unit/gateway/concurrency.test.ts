import { describe, expect, test } from "vitest";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { concurrency } from "../../../src/gateway/interceptors/concurrency.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import type { UpstreamConfig } from "../../../src/config/config.ts";
import { catalogTool, createFakeUpstream, toolCall } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };
const rest = () => new Promise(setImmediate);

function setup(config: Partial<UpstreamConfig> = {}) {
  const clock = createManualClock();
  const open: { end: (result: ToolResult) => void; fail: (error: Error) => void }[] = [];
  const send = concurrency(clock)(() => new Promise((end, fail) => open.push({ end, fail })));
  const upstream = createFakeUpstream("server", [], { config: { concurrency: 1, queueWaitMs: 1_000, ...config } });
  const make = (signal = new AbortController().signal, to = upstream): AdmittedCall => ({
    ...toolCall("server", "tool", { signal }),
    definition: catalogTool(true),
    upstream: to,
    trace: { server: "server", tool: "tool", upstreamMs: 0, queueMs: 0, attempts: 0, refusal: undefined },
  });
  return { clock, open, send, make };
}

describe("the concurrency limit", () => {
  test("sends calls one after another and notes what each waited", async () => {
    const { clock, open, send, make } = setup();
    const calls = [make(), make()];
    const answers = calls.map((call) => send(call));
    await rest();
    expect(open).toHaveLength(1);
    clock.advance(25);
    open[0]?.end(RESULT);
    await rest();
    expect(open).toHaveLength(2);
    open[1]?.end(RESULT);
    expect(await Promise.all(answers)).toEqual([RESULT, RESULT]);
    expect(calls.map((call) => call.trace.queueMs)).toEqual([0, 25]);
  });

  test("frees the place of a call that failed", async () => {
    const { open, send, make } = setup();
    const failed = send(make());
    open[0]?.fail(new Error("broken"));
    await expect(failed).rejects.toThrow("broken");
    void send(make());
    expect(open).toHaveLength(2);
  });

  test("sheds a call when the queue is full, and says when to come back", async () => {
    const { send, make } = setup({ queueLimit: 0 });
    void send(make());
    const call = make();
    await expect(send(call)).rejects.toMatchObject({
      code: "UPSTREAM_OVERLOADED",
      message:
        "Cannot call server.tool as at most 0 calls may wait for this server's 1 places: current value is 0 waiting.",
      context: {
        server: "server",
        tool: "tool",
        hint: expect.stringContaining("mcpServers.server.concurrency"),
        details: { reason: "queue full", retryAfterMs: 50 },
      },
    });
    expect(call.trace.refusal).toEqual({ reason: "queue_full", scope: "server" });
  });

  test("sheds a call that waited too long", async () => {
    const { clock, send, make, open } = setup({ queueWaitMs: 200 });
    void send(make());
    const call = make();
    const waiting = send(call);
    await rest();
    clock.advance(200);
    await expect(waiting).rejects.toMatchObject({
      code: "UPSTREAM_OVERLOADED",
      context: { details: { reason: "wait", retryAfterMs: 50 } },
    });
    expect(call.trace).toMatchObject({ queueMs: 200, refusal: { reason: "queue_wait", scope: "server" } });
    expect(open).toHaveLength(1);
  });

  test("lets a caller who gives up leave the line", async () => {
    const { send, make, open } = setup({ queueLimit: 1 });
    void send(make());
    const controller = new AbortController();
    const waiting = send(make(controller.signal));
    await rest();
    controller.abort(new Error("not wanted"));
    await expect(waiting).rejects.toThrow("not wanted");
    void send(make());
    open[0]?.end(RESULT);
    await rest();
    expect(open).toHaveLength(2);
  });

  test("counts each server alone", async () => {
    const { send, make, open } = setup();
    void send(make());
    void send(make(undefined, createFakeUpstream("other", [], { config: { concurrency: 1 } })));
    await rest();
    expect(open).toHaveLength(2);
  });

  test("lets principals take turns: a crowd of one does not delay another", async () => {
    const { send, make, open } = setup();
    const order: string[] = [];
    const by = (id: string): Promise<unknown> => {
      const call = { ...make(), principal: { id, access: {}, admin: false } };
      return send(call).then(() => order.push(id));
    };
    const calls = [...Array.from({ length: 64 }, () => by("crowd")), by("other")];
    for (let index = 0; index < calls.length; index++) {
      await rest();
      open[index]?.end(RESULT);
    }
    await Promise.all(calls);
    expect(order.indexOf("other")).toBe(2);
  });

  test("lets no principal keep a full line from another", async () => {
    const { send, make } = setup({ queueLimit: 2 });
    const crowd = [1, 2, 3].map(() => make());
    const [, , last] = crowd.map((call) => send(call).catch((error: unknown) => error));
    await rest();
    void send({ ...make(), principal: { id: "other", access: {}, admin: false } });
    expect(await last).toMatchObject({ code: "UPSTREAM_OVERLOADED" });
    expect(crowd[2]?.trace.refusal).toEqual({ reason: "queue_full", scope: "server" });
  });
});
