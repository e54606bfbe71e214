/**
 * A stdio MCP server for benchmarks: `noop` answers at once, `wait` after 50 ms, `hold` when `release` is called; `held` tells
 * how many calls of `hold` wait.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";

const server = new McpServer({ name: "bench", version: "1.0.0" });
const text = (content: string) => ({ content: [{ type: "text" as const, text: content }] });
const answer = text("ok");
let held = 0;
let gate = Promise.withResolvers<void>();

server.registerTool("noop", { description: "Answers at once." }, () => answer);
server.registerTool("wait", { description: "Answers after 50 ms." }, async () => {
  await sleep(50);
  return answer;
});
server.registerTool("hold", { description: "Answers when `release` is called." }, async () => {
  held++;
  await gate.promise;
  return answer;
});
server.registerTool("held", { description: "How many calls of `hold` wait." }, () => text(String(held)));
server.registerTool("release", { description: "Lets all calls of `hold` answer." }, () => {
  gate.resolve();
  gate = Promise.withResolvers<void>();
  held = 0;
  return answer;
});
await server.connect(new StdioServerTransport());
