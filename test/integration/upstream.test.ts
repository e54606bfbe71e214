import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TestServer } from "../support/mcp-http-server.ts";
import { processesWithMark } from "../support/processes.ts";
import {
  createBench,
  httpConfig,
  packageProgram,
  killProcess,
  patiently,
  stdioConfig,
  textOf,
  until,
  type UpstreamBench,
} from "../support/upstreams.ts";

let bench: UpstreamBench;
const servers: TestServer[] = [];

beforeEach(() => {
  bench = createBench();
});

afterEach(async () => {
  const { mark } = bench;
  await bench.close();
  for (const server of servers.splice(0)) await server.close();
  expect(processesWithMark(mark), "processes left behind").toEqual([]);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("the reference servers", () => {
  it("serves files through server-filesystem", async () => {
    writeFileSync(join(bench.folder, "note.txt"), "hello from a file");
    const program = packageProgram("@modelcontextprotocol/server-filesystem");
    const upstream = bench.upstream(stdioConfig([program, bench.folder], { name: "files" }));
    const tools = await upstream.tools();
    expect(tools).toHaveLength(14);
    expect(tools.every((tool) => tool.server === "files" && tool.outputSchema !== undefined)).toBe(true);
    expect(tools.find(({ name }) => name === "read_text_file")?.annotations?.readOnlyHint).toBe(true);
    const read = await upstream.callTool("read_text_file", { path: join(bench.folder, "note.txt") }, patiently());
    expect(read).toEqual({
      content: [{ type: "text", text: "hello from a file" }],
      structuredContent: { content: "hello from a file" },
      isError: false,
    });
  });

  it("hands on a failure of a tool that has an output schema as the tool worded it", async () => {
    const program = packageProgram("@modelcontextprotocol/server-filesystem");
    const upstream = bench.upstream(stdioConfig([program, bench.folder]));
    const result = await upstream.callTool("read_text_file", { path: "/etc/passwd" }, patiently());
    expect(result.isError).toBe(true);
    expect(String(result.content[0]?.["text"])).toContain("Access denied");
  });

  it("keeps what server-memory is told", async () => {
    const program = packageProgram("@modelcontextprotocol/server-memory");
    const env = { MEMORY_FILE_PATH: join(bench.folder, "memory.json") };
    const upstream = bench.upstream(stdioConfig([program], { env }));
    const entity = { name: "Ada", entityType: "person", observations: ["wrote programs"] };
    await upstream.callTool("create_entities", { entities: [entity] }, patiently());
    const graph = await upstream.callTool("read_graph", {}, patiently());
    expect(graph.structuredContent).toEqual({ entities: [entity], relations: [] });
  });

  it("speaks to server-everything over stdio", async () => {
    const upstream = bench.upstream(stdioConfig([packageProgram("@modelcontextprotocol/server-everything"), "stdio"]));
    expect((await upstream.tools()).length).toBeGreaterThanOrEqual(13);
    expect(await textOf(upstream, "echo", { message: "over stdio" })).toBe("Echo: over stdio");
    expect(upstream.status().protocolVersion).toBe("2025-11-25");
  });

  it("speaks to server-everything over Streamable HTTP and begins anew when that was restarted", async () => {
    const port = await freePort();
    const program = packageProgram("@modelcontextprotocol/server-everything");
    const run = async (): Promise<TestServer> => {
      const env = { ...process.env, PORT: String(port), MARK: bench.mark };
      const child = spawn(process.execPath, [program, "streamableHttp"], { env, stdio: ["ignore", "ignore", "pipe"] });
      await new Promise<void>((resolve) => child.stderr.once("data", () => resolve()));
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const server = {
        url: `http://127.0.0.1:${port}/mcp`,
        close: async () => {
          child.kill("SIGKILL");
          await ended;
        },
      };
      servers.push(server);
      return server;
    };
    const first = await run();
    const upstream = bench.upstream(httpConfig(first.url));
    expect(await textOf(upstream, "echo", { message: "over HTTP" })).toBe("Echo: over HTTP");
    await first.close();
    await run();
    expect(await textOf(upstream, "echo", { message: "again" })).toBe("Echo: again");
    await upstream.close();
  });
});

describe("both eras of the protocol", () => {
  it("speaks 2026-07-28 with a server of the new era, in one process", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    await upstream.tools();
    expect(upstream.status()).toMatchObject({
      state: "ready",
      protocolVersion: "2026-07-28",
      serverInfo: { name: "modern", version: "2.0.0" },
      tools: 4,
    });
    expect(await textOf(upstream, "greet")).toBe("hello");
    expect(bench.started()).toBe(1);
  });

  it("hands on structured content that is not an object", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    const { structuredContent } = await upstream.callTool("greet", {}, patiently());
    expect(structuredContent).toEqual([1, 2, 3]);
  });

  it("speaks 2025-11-25 with a server of the 1.x SDK, in one process", async () => {
    const upstream = bench.upstream(bench.fixture("legacy-sdk"));
    expect(await textOf(upstream, "greet")).toBe("hello");
    expect(upstream.status().protocolVersion).toBe("2025-11-25");
    expect(bench.started()).toBe(1);
  });

  it("starts a server that dies on unknown requests a second time, and remembers", async () => {
    const upstream = bench.upstream(bench.fixture("exit-on-probe"));
    expect(await textOf(upstream, "speak")).toBe("spoken");
    expect(bench.started()).toBe(2);
    killProcess(upstream);
    await until(() => upstream.status().state === "stopped");
    expect(await textOf(upstream, "speak")).toBe("spoken");
    expect(bench.started()).toBe(3);
  });

  it("falls back to the old handshake with a server that never answers what it does not know", async () => {
    const upstream = bench.upstream(bench.fixture("deaf-to-unknown", { connectTimeoutMs: 2_000 }));
    expect(await textOf(upstream, "speak")).toBe("spoken");
    expect(bench.started()).toBe(1);
  });

  it.each([["tiny"], ["modern-sdk"]])("lists anew when %s says that its tools changed", async (name) => {
    let changes = 0;
    const upstream = bench.upstream(bench.fixture(name), { onChange: () => (changes += 1) });
    const before = (await upstream.tools()).length;
    if (name === "modern-sdk") await until(() => bench.events().length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const seen = changes;
    await upstream.callTool("grow", { name: "grown" }, patiently());
    await until(() => upstream.knownTools()?.length === before + 1);
    expect(upstream.knownTools()?.at(-1)?.name).toBe("grown");
    expect(changes).toBeGreaterThan(seen);
  });

  it("refuses what an old server asks of us at once, and answers its ping", async () => {
    const upstream = bench.upstream(bench.fixture("asks"));
    const answers: unknown = JSON.parse(String(await textOf(upstream, "ask")));
    const refused = (method: string) => ({
      code: -32_601,
      message: `Cannot answer ${method} as this client declares no such capability.`,
      data: { method, reason: "capability not declared" },
    });
    expect(answers).toEqual([
      refused("elicitation/create"),
      refused("sampling/createMessage"),
      refused("roots/list"),
      {},
    ]);
  });

  it("fails a call for which a new server asks input", async () => {
    const upstream = bench.upstream(bench.fixture("modern-sdk"));
    await expect(upstream.callTool("ask", {}, patiently())).rejects.toMatchObject({
      code: "UPSTREAM_NEEDS_INPUT",
      message:
        'Cannot call tool "ask" of server "server" as its caller cannot be asked for input: the tool asks for some.',
      context: { details: { kind: "elicitation" } },
    });
  });
});
