import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectModern } from "../support/mcp-doors.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

let service: RunningService;

beforeAll(async () => {
  service = await startService({ mcpServers: { lab: fixtureServer("lab"), answers: fixtureServer("answers") } });
  await service.run("return 1");
});

afterAll(() => service.remove());

describe("a tool's answer arrives in a script", () => {
  test.each([
    ["as its structured content, whatever text is beside it", "structured({ value: { a: [1] } })", { a: [1] }],
    ["as the value of a text that is a JSON object", "json({ value: { a: [1] } })", { a: [1] }],
    ["as the value of a text that is a JSON list", "json({ value: [1, { b: null }] })", [1, { b: null }]],
    ["as the text that it is", "text({ value: 'plain' })", "plain"],
    ["as a text, when it is JSON and neither object nor list", "json({ value: 42 })", "42"],
    [
      "as blocks, when there is more than text",
      "picture({ value: 'seen' })",
      [
        { type: "text", text: "seen" },
        { type: "image", data: "AAAA", mimeType: "image/png" },
      ],
    ],
  ])("%s", async (_, call, value) => {
    expect(await service.run(`return await mcp.answers.${call}`)).toMatchObject({ status: "succeeded", result: value });
  });

  test("as an error that the script may catch, when the tool says that it failed", async () => {
    const { result } = await service.run(`
      try { await mcp.answers.fail({ value: { left: 0 } }) } catch (error) {
        const { name, code, message, server, tool, retryable } = error;
        return { name, code, message, server, tool, retryable, details: error.details, isError: error instanceof Error, isToolError: error instanceof ToolError };
      }`);
    expect(result).toEqual({
      name: "ToolError",
      code: "TOOL_FAILED",
      message: '{"left":0}',
      server: "answers",
      tool: "fail",
      retryable: false,
      details: { content: [{ type: "text", text: '{"left":0}' }] },
      isError: true,
      isToolError: true,
    });
  });
});

describe("bytes", () => {
  const ALL = Array.from({ length: 256 }, (_, byte) => byte);

  test("go from the input through a tool and back into the result as the bytes that they are", async () => {
    const input = { picture: { $bytes: Buffer.from(ALL).toString("base64") } };
    const run = await service.run(
      `const sent = input.picture;
       const back = (await mcp.lab.echo({ sent, more: [new Uint8Array([1, 2]), sent.buffer] }));
       return { kinds: [sent, back.sent, ...back.more].map((one) => one.constructor.name), same: back.sent.every((byte, at) => byte === at),
         length: back.sent.length, turned: back.sent.toReversed(), none: new Uint8Array(0) }`,
      { input },
    );
    expect(run.result).toEqual({
      kinds: ["Uint8Array", "Uint8Array", "Uint8Array", "Uint8Array"],
      same: true,
      length: 256,
      turned: { $bytes: Buffer.from(ALL.toReversed()).toString("base64") },
      none: { $bytes: "" },
    });
    const { body } = await service.get<{ readonly calls: readonly { readonly arguments: unknown }[] }>(
      `/runs/${run.id}/calls`,
    );
    expect(body.calls[0]?.arguments).toEqual({ sent: input.picture, more: [{ $bytes: "AQI=" }, input.picture] });
  });
});

describe("what a script emits beside its result", () => {
  const PNG = "iVBORw0KGgo=";
  const SCRIPT = `
    emit("a text"); emit({ n: [1] }); emit({ type: "text", text: "a block of text" });
    emit({ type: "image", data: "${PNG}", mimeType: "image/png" });
    emit({ type: "image", data: new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]), mimeType: "image/png" });
    emit({ type: "audio", data: "${PNG}", mimeType: "audio/wav" });
    emit({ type: "resource", resource: { uri: "file:///report.txt", mimeType: "text/plain", text: "whole file" } });
    emit({ type: "resource", resource: { uri: "file:///report.bin", blob: new Uint8Array([1, 2]) } });
    emit({ type: "resource_link", uri: "https://example.com/a", name: "a" });
    emit({ type: "image", data: "no base 64!" });
    return "result"`;
  const BLOCKS = [
    { type: "image", data: PNG, mimeType: "image/png" },
    { type: "image", data: PNG, mimeType: "image/png" },
    { type: "audio", data: PNG, mimeType: "audio/wav" },
    { type: "resource", resource: { uri: "file:///report.txt", mimeType: "text/plain", text: "whole file" } },
    { type: "resource", resource: { uri: "file:///report.bin", blob: "AQI=" } },
    { type: "resource_link", uri: "https://example.com/a", name: "a" },
  ];
  const MALFORMED = { type: "image", data: "no base 64!" };

  test("is in the answer over HTTP, in its order", async () => {
    const run = await service.run(SCRIPT);
    expect(run).toMatchObject({ status: "succeeded", result: "result" });
    expect(run.emitted).toEqual([
      "a text",
      { n: [1] },
      { type: "text", text: "a block of text" },
      ...BLOCKS,
      MALFORMED,
    ]);
  });

  test("over MCP is content that a client shows: images, audio, files and links; what is malformed is told as a value", async () => {
    const door = await connectModern("v2 auto", new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`)));
    try {
      const { content, structuredContent } = await door.call("run_script", { script: SCRIPT });
      expect(content.slice(1)).toEqual(BLOCKS);
      expect(structuredContent).toMatchObject({
        result: "result",
        emitted: [
          "a text",
          { n: [1] },
          "a block of text",
          ...BLOCKS.map(({ type }, at) => ({ type, contentIndex: at + 1 })),
          MALFORMED,
        ],
      });
    } finally {
      await door.close();
    }
  });
});

describe("what a script forgets to await", () => {
  test("is told in the log: a promise in the result, a rejection of nobody's, a call in flight at the end", async () => {
    const inResult = await service.run("return { items: [mcp.lab.echo({ n: 1 })] }");
    expect(inResult.status).toBe("succeeded");
    expect(inResult.logs.map(({ level }) => level)).toContain("warn");
    expect(inResult.logs.map(({ text }) => text).join("\n")).toMatch(/not awaited[^]*items/u);
    const rejected = await service.run("Promise.reject(new Error('lost'));\nawait mcp.lab.echo({});\nreturn 1");
    expect(rejected).toMatchObject({ status: "succeeded", result: 1 });
    expect(rejected.logs).toMatchObject([{ level: "warn", text: expect.stringMatching(/line 1[^]*lost/u) }]);
    const inFlight = await service.run("[1, 2, 3].forEach(async (n) => { await mcp.lab.never({ n }) });\nreturn 1");
    expect(inFlight).toMatchObject({ status: "succeeded", result: 1 });
    expect(inFlight.logs.map(({ text }) => text).join("\n")).toMatch(/3 tool calls[^]*mcp\.lab\.never/u);
  });
});
