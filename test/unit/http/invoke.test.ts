import { describe, expect, test } from "vitest";
import { BUILT_IN_LIMITS } from "../../../src/config/limits.ts";
import { LOCAL_PRINCIPAL } from "../../../src/config/principal.ts";
import { createApp } from "../../../src/http/app.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { fakeDeps, postJson, readJson } from "./fakes.ts";

describe("POST /invoke", () => {
  test.each(["arguments", "params"])("calls a tool with its %s and gives what it answered", async (member) => {
    const deps = fakeDeps();
    const body = { server: "files", tool: "read_file", [member]: { path: "/a" } };
    const answer = await createApp(deps).request("/invoke", postJson(body, { "x-client-id": "older-client" }));
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toEqual({
      result: { path: "/a" },
      content: [{ type: "text", text: "ok" }],
      ms: expect.any(Number),
      outcome: "ok",
    });
    expect(deps.gateway.calls).toEqual([
      {
        principal: LOCAL_PRINCIPAL,
        narrow: undefined,
        requestId: expect.stringMatching(/^req_/u),
        server: "files",
        tool: "read_file",
        arguments: { path: "/a" },
        signal: expect.any(AbortSignal),
        maxResultBytes: BUILT_IN_LIMITS.defaults.toolResultBytes,
      },
    ]);
  });

  test("needs no arguments, and leaves content out where there is none", async () => {
    const deps = fakeDeps();
    deps.gateway.answer = () => ({ value: undefined, content: [], outcome: "cached", bytes: 4 });
    const answer = await createApp(deps).request("/invoke", postJson({ server: "files", tool: "list" }));
    expect(await readJson(answer)).toEqual({ result: null, ms: expect.any(Number), outcome: "cached" });
    expect(deps.gateway.calls[0]?.arguments).toEqual({});
  });

  test.each([
    [{ server: "a" }, [{ pointer: "/tool", message: "is required" }]],
    [
      { server: "a", tool: "b", arguments: {}, params: {} },
      [{ pointer: "", message: 'must have at most one of "arguments", "params"' }],
    ],
    [
      { server: "a", tool: "b", args: {} },
      [{ pointer: "/args", message: 'is not known; known are "server", "tool", "arguments", "_meta"' }],
    ],
    [{ server: "a", tool: "b", arguments: [] }, [{ pointer: "/arguments", message: "must be object" }]],
  ])("refuses %j", async (body, problems) => {
    const deps = fakeDeps();
    const answer = await createApp(deps).request("/invoke", postJson(body));
    expect(answer.status).toBe(400);
    expect((await readJson(answer))["problems"]).toEqual(problems);
    expect(deps.gateway.calls).toEqual([]);
  });

  test("tells faults of the tool's arguments with their pointers", async () => {
    const deps = fakeDeps();
    const problems = [{ pointer: "/path", message: "must be string" }];
    deps.gateway.answer = () => {
      throw new RunletError("TOOL_ARGUMENTS_INVALID", "Cannot call files.read_file.", { details: { problems, x: 1 } });
    };
    const answer = await createApp(deps).request("/invoke", postJson({ server: "files", tool: "read_file" }));
    expect(answer.status).toBe(400);
    expect(await readJson(answer)).toMatchObject({ code: "TOOL_ARGUMENTS_INVALID", problems, details: { x: 1 } });
  });

  test("cancels the call when the client goes", async () => {
    const deps = fakeDeps();
    const client = new AbortController();
    deps.gateway.answer = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    const body = postJson({ server: "files", tool: "read_file" });
    const pending = createApp(deps).request("/invoke", { ...body, signal: client.signal });
    await expect.poll(() => deps.gateway.calls.length).toBe(1);
    client.abort("a text is no error");
    expect((await pending).status).toBe(499);
    expect(deps.gateway.calls[0]?.signal.reason).toMatchObject({ code: "RUN_CANCELLED" });
    expect(deps.log.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });
});

describe("POST /batch", () => {
  test("gives each call its own outcome, in the order of the calls", async () => {
    const deps = fakeDeps();
    deps.gateway.answer = async ({ tool, arguments: args }) => {
      if (tool === "fails") throw new RunletError("TOOL_FAILED", "It said no.", { server: "a", tool });
      if (tool === "breaks") throw new TypeError("secret inside");
      await new Promise((resolve) => setTimeout(resolve, tool === "slow" ? 20 : 0));
      return { value: args["n"], content: [], outcome: "ok", bytes: 1 };
    };
    const call = (tool: string, n: number) => ({ server: "a", tool, arguments: { n } });
    const calls = [
      call("slow", 1),
      call("fails", 2),
      call("fast", 3),
      call("breaks", 4),
      { server: "a", tool: "x", params: { n: 5 } },
    ];
    const answer = await createApp(deps).request("/batch", postJson({ calls }));
    expect(answer.status).toBe(200);
    expect(await readJson(answer)).toEqual({
      results: [
        { ok: true, result: 1 },
        {
          ok: false,
          error: {
            code: "TOOL_FAILED",
            message: "It said no.",
            fault: "upstream",
            retryable: false,
            server: "a",
            tool: "fails",
          },
        },
        { ok: true, result: 3 },
        {
          ok: false,
          error: expect.objectContaining({ code: "INTERNAL", message: expect.not.stringContaining("secret") }),
        },
        { ok: true, result: 5 },
      ],
    });
    expect(deps.log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("takes up to 100 calls, 16 in flight at once", async () => {
    const deps = fakeDeps({ config: { ...fakeDeps().config, maxBodyBytes: 100_000 } });
    const gate = Promise.withResolvers<void>();
    let inFlight = 0;
    let most = 0;
    deps.gateway.answer = async () => {
      most = Math.max(most, ++inFlight);
      await gate.promise;
      inFlight--;
      return { value: 1, content: [], outcome: "ok", bytes: 1 };
    };
    const app = createApp(deps);
    const calls = Array.from({ length: 101 }, () => ({ server: "a", tool: "b" }));
    expect((await app.request("/batch", postJson({ calls }))).status).toBe(400);
    expect((await app.request("/batch", postJson({ calls: [] }))).status).toBe(400);
    const pending = app.request("/batch", postJson({ calls: calls.slice(1) }));
    await expect.poll(() => deps.gateway.calls.length).toBe(16);
    gate.resolve();
    expect((await readJson(await pending))["results"]).toHaveLength(100);
    expect([most, deps.gateway.calls.length]).toEqual([16, 100]);
  });

  test("carries 32 MiB of answers: what does not fit fails alone, and smaller ones after it still fit", async () => {
    const deps = fakeDeps();
    const MIB = 1024 ** 2;
    deps.gateway.answer = ({ arguments: args }) => ({
      value: args["mib"],
      content: [],
      outcome: "ok",
      bytes: Number(args["mib"]) * MIB,
    });
    const calls = [16, 15, 2, 1, 1].map((mib) => ({ server: "a", tool: "b", arguments: { mib } }));
    const answer = await createApp(deps).request("/batch", postJson({ calls }));
    const refusal = (bytes: number) => ({
      ok: false,
      error: expect.objectContaining({
        code: "TOOL_RESULT_TOO_LARGE",
        retryable: false,
        details: { bytes, limitBytes: 32 * MIB },
        hint: expect.stringContaining("The call was made."),
      }),
    });
    expect((await readJson(answer))["results"]).toEqual([
      { ok: true, result: 16 },
      { ok: true, result: 15 },
      refusal(2 * MIB),
      { ok: true, result: 1 },
      refusal(MIB),
    ]);
  });

  test("points at the call that is malformed", async () => {
    const calls = [
      { server: "a", tool: "b" },
      { server: "a", toll: "b" },
    ];
    const answer = await createApp(fakeDeps()).request("/batch", postJson({ calls }));
    expect((await readJson(answer))["problems"]).toEqual([
      { pointer: "/calls/1/tool", message: "is required" },
      { pointer: "/calls/1/toll", message: 'is not known; did you mean "tool"?' },
    ]);
  });
});
