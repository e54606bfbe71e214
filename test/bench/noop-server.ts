/** A stdio MCP server for benchmarks: `noop` answers at once, `wait` after 50 ms. */
import { setTimeout as sleep } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";

const server = new McpServer({ name: "bench", version: "1.0.0" });
const answer = { content: [{ type: "text" as const, text: "ok" }] };
server.registerTool("noop", { description: "Answers at once." }, () => answer);
server.registerTool("wait", { description: "Answers after 50 ms." }, async () => {
  await sleep(50);
  return answer;
});
await server.connect(new StdioServerTransport());
