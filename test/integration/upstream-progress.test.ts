import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CallProgress } from "../../src/upstream/upstream.ts";
import { processesWithMark } from "../support/processes.ts";
import { createBench, patiently, textOf, type UpstreamBench } from "../support/upstreams.ts";

let bench: UpstreamBench;

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

/** `_meta` of the calls that reached the server. */
function sentMeta(): readonly unknown[] {
  const calls = bench.events().filter(({ event }) => event === "tools/call");
  return calls.map(({ params }) => (params as { _meta?: unknown })._meta);
}

describe("progress of a call", () => {
  it("is not asked for when nobody wants it", async () => {
    const upstream = bench.upstream(bench.fixture("reports"));
    await upstream.callTool("report", { steps: 1, ms: 1 }, patiently());
    expect(sentMeta()).toEqual([undefined]);
  });

  it("is told to who listens, that of each call to its own listener", async () => {
    const upstream = bench.upstream(bench.fixture("reports"));
    const [a, b]: [CallProgress[], CallProgress[]] = [[], []];
    const call = (seen: CallProgress[], steps: number) =>
      upstream.callTool(
        "report",
        { steps, ms: 5 },
        { ...patiently(), onProgress: (progress) => void seen.push(progress) },
      );
    await Promise.all([call(a, 2), call(b, 3)]);
    expect(a).toEqual([1, 2].map((progress) => ({ progress, total: 2, message: `step ${progress}` })));
    expect(b.map(({ progress }) => progress)).toEqual([1, 2, 3]);
  });

  it("keeps a call alive for longer than it may be silent", async () => {
    const upstream = bench.upstream(bench.fixture("reports"));
    await upstream.tools();
    const { content } = await upstream.callTool(
      "report",
      { steps: 20, ms: 60 },
      { ...patiently(), idleTimeoutMs: 1_000 },
    );
    expect(content).toEqual([{ type: "text", text: "reported" }]);
  });

  it("that does not come ends the call, which names the key to raise; others go on", async () => {
    const upstream = bench.upstream(bench.fixture("reports"));
    await upstream.tools();
    const silent = { steps: 1, ms: 60_000, silent: true };
    const idle = upstream.callTool("report", silent, { ...patiently(), idleTimeoutMs: 50 });
    const beside = upstream.callTool("report", { steps: 1, ms: 200 }, patiently());
    await expect(idle).rejects.toMatchObject({
      code: "TOOL_TIMEOUT",
      message:
        'Cannot wait longer for tool "report" of server "server" as it may be silent for 50 ms: it has neither answered nor reported progress.',
      context: { hint: "Raise mcpServers.server.timeout.idle, or ask the tool for less." },
    });
    expect((await beside).content).toEqual([{ type: "text", text: "reported" }]);
    const cancelled = bench.events().filter(({ event }) => event === "notifications/cancelled");
    expect(cancelled.map(({ params }) => (params as { reason: string }).reason)).toEqual(["timed out"]);
    expect(bench.started()).toBe(1);
  });

  it("does not lengthen the longest time that a call may take", async () => {
    const toolTimeouts = [{ glob: "rep*", timeoutMs: 150 }];
    const upstream = bench.upstream(bench.fixture("reports", { toolTimeouts }));
    await upstream.tools();
    const call = upstream.callTool("report", { steps: 10_000, ms: 10 }, { ...patiently(150), idleTimeoutMs: 5_000 });
    await expect(call).rejects.toMatchObject({
      code: "TOOL_TIMEOUT",
      context: { hint: 'Raise mcpServers.server.timeout.tools["rep*"], or ask the tool for less.' },
    });
  });
});

describe("what is said beside a call", () => {
  it("reaches the server as it is, but for what is between us and the server", async () => {
    const upstream = bench.upstream(bench.fixture("reports"));
    const meta = { traceparent: "00-1-2-3", "example.com/a": [1], progressToken: 7, "io.modelcontextprotocol/x": 1 };
    const { content } = await upstream.callTool("meta", {}, { ...patiently(), meta });
    expect(JSON.parse(String(content[0]?.["text"]))).toEqual({ traceparent: "00-1-2-3", "example.com/a": [1] });
  });

  it("goes along with our own progress token", async () => {
    const upstream = bench.upstream(bench.fixture("reports"));
    const seen: number[] = [];
    const onProgress = ({ progress }: CallProgress): void => void seen.push(progress);
    await upstream.callTool(
      "report",
      { steps: 1, ms: 1 },
      { ...patiently(), meta: { progressToken: 99, a: 1 }, onProgress },
    );
    expect(seen).toEqual([1]);
    expect(sentMeta()).toEqual([{ a: 1, progressToken: expect.any(Number) as unknown }]);
    expect(sentMeta()).not.toEqual([{ a: 1, progressToken: 99 }]);
  });

  it("comes back with the answer, and is absent where nothing was said", async () => {
    const upstream = bench.upstream(bench.fixture("reports"));
    expect((await upstream.callTool("meta", {}, patiently())).meta).toEqual({ "example.com/seen": true });
    expect(await upstream.callTool("report", { steps: 0 }, patiently())).not.toHaveProperty("meta");
    expect(await textOf(upstream, "meta")).toBe("null");
  });
});
