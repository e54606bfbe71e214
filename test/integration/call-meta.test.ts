import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/runs/run.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

let service: RunningService;

beforeAll(async () => {
  service = await startService({ mcpServers: { reports: fixtureServer("reports"), meta: fixtureServer("meta") } });
});

afterAll(() => service.remove());

const said = { "example.com/tenant": "a", nested: { list: [1, null, "x"] } };

describe("what a caller says beside the arguments", () => {
  test("reaches the server as it is, and what the server says beside its answer comes back", async () => {
    const call = { server: "reports", tool: "meta", _meta: said };
    const { status, body } = await service.post<{ result: unknown; _meta: unknown }>("/invoke", call);
    expect(status).toBe(200);
    expect(body).toMatchObject({ result: said, _meta: { "example.com/seen": true } });
  });

  test("goes with each call of a batch, which shares no answer with its like", async () => {
    const calls = [said, { other: 1 }].map((_meta) => ({ server: "meta", tool: "meta", _meta }));
    const { body } = await service.post<{ results: { result: { meta: unknown } }[] }>("/batch", { calls });
    expect(body.results.map(({ result }) => result.meta)).toMatchObject([said, { other: 1 }]);
  });

  test("cannot stand for the protocol's own words", async () => {
    const _meta = { progressToken: "mine", "io.modelcontextprotocol/protocolVersion": "1999-01-01", kept: 1 };
    const { body } = await service.post<{ result: unknown }>("/invoke", { server: "reports", tool: "meta", _meta });
    expect(body.result).toMatchObject({ kept: 1 });
    expect(JSON.stringify(body.result)).not.toMatch(/mine|1999/u);
  });

  test("must be an object", async () => {
    const { status, body } = await service.post("/invoke", { server: "reports", tool: "meta", _meta: [] });
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain("/_meta");
  });
});

test("the events of a run tell what servers report of its calls", async () => {
  const id = await service.queue("return await mcp.reports.report({ steps: 3, ms: 150 })");
  const events: RunEvent[] = [];
  for await (const event of service.events(id)) events.push(event);
  const progress = events.filter((event) => event.type === "call.progress");
  const [first = 0, ...others] = progress.map((event) => event.progress);
  expect([first, others]).toEqual([1, others.toSorted((a, b) => a - b)]);
  expect(progress).toMatchObject(
    [first, ...others].map((step) => ({
      seq: 1,
      server: "reports",
      tool: "report",
      progress: step,
      total: 3,
      message: `step ${step}`,
    })),
  );
  const types = events.map(({ type }) => type);
  expect(types.indexOf("call.progress")).toBeGreaterThan(types.indexOf("call.started"));
  expect(types.lastIndexOf("call.progress")).toBeLessThan(types.indexOf("call.settled"));
});
