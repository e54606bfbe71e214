import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { processesWithMark } from "../support/processes.ts";
import { createBench, patiently, textOf, until, type UpstreamBench } from "../support/upstreams.ts";

let bench: UpstreamBench;

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

describe("a call", () => {
  it("passes its arguments as they are", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const args = JSON.parse('{"a":[1,null,{"é":"\\u2028"}],"__proto__":{"x":1},"big":9007199254740993,"":0}') as Record<
      string,
      unknown
    >;
    const { structuredContent } = await upstream.callTool("echo", args, patiently());
    expect(JSON.stringify(structuredContent)).toBe(JSON.stringify(args));
  });

  it("hands on an answer with blocks the SDK does not know", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    expect(await upstream.callTool("odd", {}, patiently())).toEqual({
      content: [{ type: "hologram", depth: 3 }],
      isError: false,
    });
  });

  it("hands on the tool's own failure", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    expect(await upstream.callTool("fail", {}, patiently())).toEqual({
      content: [{ type: "text", text: "it did not work" }],
      structuredContent: { wrong: "shape" },
      isError: true,
    });
  });

  it("fails on a JSON-RPC error and on an answer that is none", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await expect(upstream.callTool("refuse", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_PROTOCOL",
      message: 'Cannot call tool "refuse" of server "server" as the server refused it: refused by the fixture.',
      context: { tool: "refuse", details: { code: -32_602 } },
    });
    await expect(upstream.callTool("broken", {}, patiently())).rejects.toMatchObject({ code: "UPSTREAM_PROTOCOL" });
    expect(upstream.status().state).toBe("ready");
  });

  it("times out alone", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await upstream.tools();
    const slow = upstream.callTool("sleep", { ms: 60_000 }, patiently(150));
    const beside = upstream.callTool("sleep", { ms: 400 }, patiently());
    await expect(slow).rejects.toMatchObject({
      code: "TOOL_TIMEOUT",
      message: 'Cannot wait longer for tool "sleep" of server "server" as its timeout is 150 ms: it has not answered.',
      context: { hint: "Raise mcpServers.server.timeout, or ask the tool for less." },
    });
    expect((await beside).content).toEqual([{ type: "text", text: "slept" }]);
    expect(await textOf(upstream, "echo")).toBe("{}");
    const calls = bench.events().filter(({ event }) => event === "tools/call");
    const cancelled = bench.events().filter(({ event }) => event === "notifications/cancelled");
    expect(cancelled.map(({ params }) => params)).toEqual([{ requestId: calls[0]?.["id"], reason: "timed out" }]);
    expect(bench.started()).toBe(1);
  });

  it("that is aborted is cancelled upstream, and no other", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await upstream.tools();
    const controller = new AbortController();
    const aborted = upstream.callTool("sleep", { ms: 60_000 }, { ...patiently(60_000), signal: controller.signal });
    const other = upstream.callTool("sleep", { ms: 200 }, patiently());
    await until(() => bench.events().filter(({ event }) => event === "tools/call").length === 2);
    controller.abort(new Error("a reason that stays with us"));
    await expect(aborted).rejects.toThrow("a reason that stays with us");
    expect((await other).isError).toBe(false);
    const cancelled = bench.events().filter(({ event }) => event === "notifications/cancelled");
    expect(cancelled.map(({ params }) => (params as { reason: string }).reason)).toEqual(["cancelled by the caller"]);
  });

  it("that is aborted is cancelled in a server of the new era, too", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    await upstream.tools();
    const controller = new AbortController();
    const aborted = upstream.callTool("sleep", {}, { ...patiently(60_000), signal: controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await until(() => bench.events().some(({ event }) => event === "aborted"));
  });

  it("is not made when its signal was aborted before", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const call = upstream.callTool(
      "echo",
      {},
      { ...patiently(1_000), signal: AbortSignal.abort(new Error("too late")) },
    );
    await expect(call).rejects.toThrow("too late");
    expect(bench.started()).toBe(0);
  });

  it("during which the process ends says that it was sent, and the next one works", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    await expect(upstream.callTool("crash", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
      message: 'Cannot call tool "crash" of server "server" as its connection must last: exited with code 7.',
      context: { details: { sent: true } },
    });
    expect(await textOf(upstream, "echo")).toBe("{}");
  });

  it("whose answer is over 16 MiB fails alone: calls beside it and after it go on in the same process", async () => {
    const upstream = bench.upstream(bench.fixture("tiny"));
    const pid = await textOf(upstream, "pid");
    const beside = upstream.callTool("sleep", { ms: 300 }, patiently());
    await expect(upstream.callTool("big", { bytes: 17 * 1024 * 1024 }, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_PROTOCOL",
      message: 'Cannot call tool "big" of server "server" as an answer must be of bounded size: it is larger.',
    });
    expect((await beside).content).toEqual([{ type: "text", text: "slept" }]);
    expect(String(await textOf(upstream, "big", { bytes: 10_000_000 }))).toHaveLength(10_000_000);
    expect(await textOf(upstream, "pid")).toBe(pid);
  });

  it("of a tool that the configuration hides finds none, whatever the server has", async () => {
    const upstream = bench.upstream(bench.fixture("tiny", { allowTools: ["e*", "pid"], denyTools: ["pid"] }));
    expect((await upstream.tools()).map(({ name }) => name)).toEqual(["echo"]);
    for (const name of ["pid", "sleep"]) {
      await expect(upstream.callTool(name, {}, patiently())).rejects.toMatchObject({ code: "TOOL_NOT_FOUND" });
    }
  });
});
