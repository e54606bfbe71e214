/** An MCP server over Streamable HTTP for benchmarks: every tool answers at once. Prints its URL; ends when its stdin does. */
import { startModernServer } from "../support/mcp-http-server.ts";

const server = await startModernServer(() => [{ name: "noop", inputSchema: { type: "object" } }]);
process.stdout.write(`${server.url}\n`);
process.stdin.resume();
process.stdin.once("end", () => void server.close());
