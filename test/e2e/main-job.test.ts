import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cliEnvironment, createFolder, pause, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import { packageProgram } from "../support/upstreams.ts";

const EVERYTHING = packageProgram("@modelcontextprotocol/server-everything");

let service: RunningService;
let webServer: ChildProcess;
/** Folder that the server of files serves. */
let files: string;

/** What the scripts are given. */
const ORDERS = [
  { file: "a.txt", text: "apples 3" },
  { file: "b.txt", text: "pears 5" },
  { file: "c.md", text: "# not an order" },
];

beforeAll(async () => {
  const folder = realpathSync(createFolder());
  files = join(folder, "files");
  mkdirSync(files);
  for (const { file, text } of ORDERS) writeFileSync(join(files, file), text);
  const port = await freePort();
  webServer = spawn(process.execPath, [EVERYTHING, "streamableHttp"], {
    env: { ...cliEnvironment(), PORT: String(port) },
    stdio: "ignore",
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  await answering(url);
  const node = (args: readonly string[]): { command: string; args: readonly string[] } => ({
    command: process.execPath,
    args,
  });
  service = await startService({
    folder,
    mcpServers: {
      files: node([packageProgram("@modelcontextprotocol/server-filesystem"), files]),
      memory: {
        ...node([packageProgram("@modelcontextprotocol/server-memory")]),
        env: { MEMORY_FILE_PATH: join(folder, "memory.jsonl") },
      },
      everything: node([EVERYTHING, "stdio"]),
      web: { url },
    },
  });
});

afterAll(async () => {
  webServer.kill("SIGKILL");
  await service.remove();
});

/** A port that was free a moment ago, for a server that cannot pick one itself. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      await fetch(url, { method: "GET" });
      return;
    } catch {
      await pause(50);
    }
  }
  throw new Error(`${url} does not answer`);
}

describe("a script that does a whole job", () => {
  test("lists, reads, loops, branches, calls in parallel, catches, writes and uses its input", async () => {
    const run = await service.run(
      `
      const { content } = await mcp.files.list_directory({ path: input.folder });
      const names = content.split("\\n").map((line) => line.replace(/^\\[\\w+\\] /, ""));
      const orders = names.filter((name) => name.endsWith(".txt"));
      console.log("orders", orders);
      const texts = await Promise.all(orders.map((name) => mcp.files.readTextFile({ path: input.folder + "/" + name })));
      let total = 0;
      for (const { content } of texts) {
        const [what, count] = content.split(" ");
        if (what === "apples") total += Number(count) * 2;
        else total += Number(count);
      }
      let missing;
      try {
        await mcp.files.read_text_file({ path: input.folder + "/none.txt" });
      } catch (error) {
        missing = { isError: error instanceof Error, name: error.name, code: error.code, server: error.server, tool: error.tool };
      }
      await mcp.files.writeFile({ path: input.folder + "/total.json", content: JSON.stringify({ total }) });
      emit({ total });
      return { orders, total, missing };
      `,
      { input: { folder: files }, metadata: { job: 7 } },
    );
    expect(run).toMatchObject({
      status: "succeeded",
      resultType: "json",
      truncated: false,
      result: {
        orders: ["a.txt", "b.txt"],
        total: 11,
        missing: { isError: true, name: "ToolError", code: "TOOL_FAILED", server: "files", tool: "read_text_file" },
      },
      emitted: [{ total: 11 }],
      metadata: { job: 7 },
    });
    expect(run.error).toBeUndefined();
    expect(run.logs).toMatchObject([{ level: "info", text: "orders [ 'a.txt', 'b.txt' ]" }]);
    expect(run.calls.map(({ seq, server, tool, outcome }) => [seq, server, tool, outcome])).toEqual([
      [1, "files", "list_directory", "ok"],
      [2, "files", "read_text_file", "ok"],
      [3, "files", "read_text_file", "ok"],
      [4, "files", "read_text_file", "error"],
      [5, "files", "write_file", "ok"],
    ]);
    expect(run.calls[3]?.error).toBe("TOOL_FAILED");
    expect(run.usage).toMatchObject({ toolCalls: 5, modelTokens: null });
    for (const { ms, argsBytes, resultBytes, outcome } of run.calls) {
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(argsBytes).toBeGreaterThan(10);
      if (outcome === "ok") expect(resultBytes).toBeGreaterThan(0);
    }
    expect(run.usage.wallMs).toBeGreaterThan(0);
    expect(run.usage.cpuMs).toBeGreaterThan(0);
    expect(run.usage.heapPeakMiB).toBeGreaterThan(0);
    expect(JSON.parse(readFileSync(join(files, "total.json"), "utf8"))).toEqual({ total: 11 });
  });

  test("keeps knowledge in a second server and reads it back in one run", async () => {
    const run = await service.run(`
      await mcp.memory.create_entities({ entities: [{ name: "Ada", entityType: "person", observations: ["writes"] }] });
      await mcp.memory.addObservations({ observations: [{ entityName: "Ada", contents: ["counts"] }] });
      const { entities } = await mcp.memory.readGraph();
      return entities.find(({ name }) => name === "Ada").observations`);
    expect(run).toMatchObject({ status: "succeeded", result: ["writes", "counts"] });
  });

  test("uses one server over stdio and over HTTP side by side", async () => {
    const run = await service.run(`
      const [a, b] = await Promise.all([mcp.everything.getSum({ a: 1, b: 2 }), mcp.web.getSum({ a: 3, b: 4 })]);
      return [a, b]`);
    expect(run).toMatchObject({ status: "succeeded", usage: { toolCalls: 2 } });
    expect(JSON.stringify(run.result)).toMatch(/\b3\b.*\b7\b/u);
    expect(run.calls.map(({ server }) => server).toSorted()).toEqual(["everything", "web"]);
  });

  test("gives structured content as an object and mixed content as blocks", async () => {
    const run = await service.run(`
      const weather = await mcp.web.getStructuredContent({ location: "Chicago" });
      const image = await mcp.web.getTinyImage();
      return { weather, kinds: image.map(({ type }) => type) }`);
    expect(run.status).toBe("succeeded");
    expect(run.result).toMatchObject({ weather: { conditions: expect.any(String) as string } });
    expect(run.result).toMatchObject({ kinds: expect.arrayContaining(["image", "text"]) as string[] });
  });
});

describe("names", () => {
  test("a tool is reached by its original name, in camel case, flat and by server and tool in one word", async () => {
    const run = await service.run(`
      return [
        await mcp.everything["get-sum"]({ a: 1, b: 1 }),
        await mcp.everything.getSum({ a: 1, b: 1 }),
        await mcp.everythingGetSum({ a: 1, b: 1 }),
        (await mcp.readGraph()).entities !== undefined,
      ]`);
    expect(run.status, JSON.stringify(run.error)).toBe("succeeded");
    const [first, ...others] = run.result as unknown[];
    expect(others).toEqual([first, first, true]);
  });

  test("positional values become the required properties in order", async () => {
    const run = await service.run(`return (await mcp.files.readTextFile(input)).content`, {
      input: join(files, "a.txt"),
    });
    expect(run).toMatchObject({ status: "succeeded", result: "apples 3" });
    const sum = await service.run("return [await mcp.web.getSum(2, 3), await mcp.web.getSum({ a: 2, b: 3 })]");
    const [positional, named] = sum.result as unknown[];
    expect(positional).toEqual(named);
  });

  test("a script finds, describes and enumerates its tools", async () => {
    const run = await service.run(`
      const found = await mcp.$search("read a text file", { limit: 3 });
      const described = await mcp.$describe("files.readTextFile");
      const servers = (await mcp.$servers()).map(({ name }) => name);
      return { best: found.results[0].signature, count: found.results.length, described: described.inputSchema.required,
        servers: servers.toSorted(), has: "files" in mcp, keys: Object.keys(mcp.memory).length }`);
    expect(run).toMatchObject({
      status: "succeeded",
      result: {
        count: 3,
        described: ["path"],
        servers: ["everything", "files", "memory", "web"],
        has: true,
      },
    });
    expect((run.result as { best: string }).best).toContain("mcp.files.");
    expect((run.result as { keys: number }).keys).toBeGreaterThan(5);
  });

  test("a run sees the servers and tools it is narrowed to, and no others", async () => {
    const narrowed = { servers: ["files"], tools: { files: ["list_*"] } };
    const run = await service.run("return [Object.keys(mcp), (await mcp.$servers()).map((s) => s.tools)]", narrowed);
    expect(run.result).toEqual([["files"], [expect.arrayContaining(["list_directory"])]]);
    const denied = await service.run("const read = 'read_text_file'; return await mcp.files[read]({ path: input })", {
      ...narrowed,
      input: join(files, "a.txt"),
    });
    expect(denied).toMatchObject({ status: "failed", error: { code: "TOOL_NOT_FOUND" } });
  });
});

describe("failures", () => {
  test("a thrown error tells line, column and the quoted line of the caller's own text", async () => {
    const run = await service.run("const a = 1;\nfunction f() {\n  throw new RangeError('too far');\n}\nf();");
    expect(run.status).toBe("failed");
    expect(run.error).toEqual({
      code: "SCRIPT_ERROR",
      message: "RangeError: too far",
      fault: "script",
      retryable: false,
      line: 3,
      column: 9,
      snippet: expect.stringContaining("throw new RangeError('too far');") as string,
    });
    expect(run).toMatchObject({ result: null, resultType: "none" });
  });

  test("an uncaught tool error names server, tool, and the line of the call", async () => {
    const run = await service.run(
      `const path = input;\nconst text = await mcp.files.readTextFile({ path });\nreturn text`,
      {
        input: join(files, "none.txt"),
      },
    );
    expect(run.error).toMatchObject({
      code: "TOOL_FAILED",
      fault: "upstream",
      retryable: false,
      server: "files",
      tool: "read_text_file",
      line: 2,
      snippet: "const text = await mcp.files.readTextFile({ path });",
    });
    expect(run.error?.message).toContain("ENOENT");
  });

  test("a syntax error tells where, and nothing runs", async () => {
    const run = await service.run("const ok = 1;\nreturn ok +;");
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "SCRIPT_SYNTAX", line: 2, snippet: "return ok +;" },
      calls: [],
      usage: { toolCalls: 0 },
    });
  });

  test("a misspelt tool is refused before a write that stands before it has happened", async () => {
    const run = await service.run(
      `await mcp.files.writeFile({ path: input + "/before.txt", content: "x" });\nreturn await mcp.files.readTextFlie({ path: "a" })`,
      { input: files },
    );
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "TOOL_NOT_FOUND", fault: "client", line: 2 },
      calls: [],
      usage: { toolCalls: 0 },
    });
    expect(JSON.stringify(run.error)).toContain("readTextFile");
    expect(readdirSync(files)).not.toContain("before.txt");
  });

  test("literal arguments that cannot be right are refused before anything runs", async () => {
    const run = await service.run(
      `await mcp.files.writeFile({ path: input + "/early.txt", content: "x" });\nreturn await mcp.web.getSum({ a: "one", b: 2 })`,
      { input: files },
    );
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "TOOL_ARGUMENTS_INVALID", server: "web", tool: "get-sum", line: 2 },
      calls: [],
    });
    expect(readdirSync(files)).not.toContain("early.txt");
  });

  test("a computed tool name that does not exist is an error the script can catch", async () => {
    const run = await service.run(`
      const name = "readTextFlie";
      try { await mcp.files[name]({ path: "a" }) } catch (error) { return [error.code, error.details.nearest[0]] }`);
    expect(run).toMatchObject({ status: "succeeded", result: ["TOOL_NOT_FOUND", "files.readTextFile"] });
  });
});

describe("shapes of scripts", () => {
  test("TypeScript runs, and positions are those of the caller's text", async () => {
    const run = await service.run(`interface Point { readonly x: number }
enum Side { Left = 1, Right }
const point: Point = { x: Side.Right } satisfies Point;
const sum = (await mcp.web.getSum({ a: point.x as number, b: 1 })) as string;
return { right: Side.Right, sum };`);
    expect(run).toMatchObject({ status: "succeeded", result: { right: 2 } });
    const failed = await service.run(
      `interface A { x: number }\nconst a: A = { x: 1 };\nthrow new Error(String(a.x));`,
    );
    expect(failed.error).toMatchObject({ code: "SCRIPT_ERROR", message: "Error: 1", line: 3 });
  });

  test("a script in a fence, with and without prose, is the script", async () => {
    const fence = "```ts\nconst x: number = 41;\nreturn x + 1;\n```";
    for (const text of [fence, `Here is the script:\n\n${fence}\nIt returns the answer.`]) {
      expect(await service.run(text)).toMatchObject({ status: "succeeded", result: 42 });
    }
  });

  test("an arrow function, a main function and a trailing expression give their value", async () => {
    const scripts = ["async () => 42", "async function main() { return 42 }", "const a = 40;\na + 2", "({ a: 42 }).a"];
    for (const script of scripts) expect(await service.run(script), script).toMatchObject({ result: 42 });
  });

  test("nothing but comments succeeds with no value", async () => {
    expect(await service.run("// nothing to do")).toMatchObject({
      status: "succeeded",
      result: null,
      resultType: "undefined",
    });
  });
});
