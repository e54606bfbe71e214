import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { canonicalJson } from "../../src/lib/json.ts";
import type { AuditEntry } from "../../src/observability/audit.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { ServiceClient } from "../support/service-client.ts";

/** May call `echo` of one server, and nothing else. */
const KEY = createClientKey();
const folder = createFolder();
let service: RunningService;
let caller: ServiceClient;

beforeAll(async () => {
  service = await startService({
    folder,
    mcpServers: { tiny: fixtureServer("tiny"), other: fixtureServer("tiny") },
    clients: { narrow: { key: KEY.hash, servers: ["tiny"], tools: { tiny: ["echo"] } } },
  });
  caller = service.as(KEY.key);
});

afterAll(() => service.remove());

interface Spoken {
  readonly result?: unknown;
  readonly code?: string;
  readonly error?: { readonly code: string };
}

/** The doors that take a call as JSON text: what is sent is exactly `call`. */
const DOORS: Readonly<Record<string, (call: string) => Promise<Spoken>>> = {
  invoke: async (call) => (await caller.post<Spoken>("/invoke", call)).body,
  async batch(call) {
    const { body } = await caller.post<Spoken & { results?: readonly Spoken[] }>("/batch", `{"calls":[${call}]}`);
    return body.results?.[0] ?? body;
  },
};

const said = ({ result, code, error }: Spoken): unknown => result ?? error?.code ?? code;

function lastAudit(): AuditEntry | undefined {
  const lines = readFileSync(join(folder, "data", "audit.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  return JSON.parse(lines.at(-1) ?? "{}") as AuditEntry;
}

describe.each(Object.keys(DOORS))("a call as JSON text, through /%s", (door) => {
  const send = (call: string): Promise<Spoken> => DOORS[door]?.(call) ?? Promise.reject(new Error("no door"));

  test.each([
    ["a tool named twice, the second one forbidden", '{"server":"tiny","tool":"echo","tool":"crash","arguments":{}}'],
    [
      "a server named twice, the second one forbidden",
      '{"server":"tiny","server":"other","tool":"echo","arguments":{}}',
    ],
    ["an escaped name for the forbidden tool", '{"server":"tiny","tool":"echo","\\u0074ool":"crash","arguments":{}}'],
  ])("%s, is judged by what would be called: refused", async (_what, call) => {
    expect(said(await send(call))).toMatch(/^(?:TOOL|SERVER)_NOT_FOUND$/u);
  });

  test.each([
    [
      "a tool named twice, the second one allowed",
      '{"server":"tiny","tool":"crash","tool":"echo","arguments":{"a":1}}',
    ],
    [
      "a server named twice, the second one allowed",
      '{"server":"other","server":"tiny","tool":"echo","arguments":{"a":1}}',
    ],
    ["arguments twice", '{"server":"tiny","tool":"echo","arguments":{"a":0},"arguments":{"a":1}}'],
    ["an argument twice", '{"server":"tiny","tool":"echo","arguments":{"a":0,"a":1}}'],
  ])("%s, is what was judged: called", async (_what, call) => {
    expect(said(await send(call))).toEqual({ a: 1 });
  });

  test.each([
    '{"server":"tiny","tool":"echo","Tool":"crash","arguments":{}}',
    '{"server":"tiny","TOOL":"crash","tool":"echo","arguments":{}}',
    '{"server":"tiny","Server":"other","tool":"echo","arguments":{}}',
    '{"server":"tiny","tool":"echo","arguments":{},"ARGUMENTS":{"a":1}}',
    '{"server":"tiny","tool":"echo","arguments":{},"__proto__":{"tool":"crash"}}',
  ])("%s is refused: a key in other letters is an unknown key", async (call) => {
    expect(said(await send(call))).toBe("REQUEST_INVALID");
  });

  test.each([
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"toString":1,"hasOwnProperty":2,"valueOf":3}',
    '{"a":1,"A":2,"\\u0061b":3}',
    '{"nested":[{"__proto__":{"polluted":true}}]}',
  ])("arguments %s reach the server as they are, and as they were judged", async (args) => {
    const answer = await send(`{"server":"tiny","tool":"echo","arguments":${args}}`);
    const expected: unknown = JSON.parse(args);
    expect(JSON.stringify(answer.result)).toBe(JSON.stringify(expected));
    const hash = createHash("sha256").update(canonicalJson(expected)).digest("hex");
    await expect.poll(() => lastAudit()?.argumentsSha256).toBe(hash);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
});

describe("a script's call", () => {
  test.each([
    '{ "__proto__": 1, ["__proto__"]: { polluted: true } }',
    'JSON.parse(\'{"__proto__":{"polluted":true},"a":1,"A":2}\')',
  ])("with %s sends what the script holds, and changes no prototype", async (text) => {
    const script = `
        const sent = ${text};
        const got = await mcp.tiny.echo(sent);
        return { own: Object.keys(sent), got: Object.keys(got), polluted: ({}).polluted ?? null };`;
    const { result } = await caller.run(script, { check: "none" });
    const { own, got, polluted } = result as { own: string[]; got: string[]; polluted: unknown };
    expect([got, polluted]).toEqual([own, null]);
  });

  test("of run_script twice in one message is the one that was judged", async () => {
    const script = (tool: string): string => JSON.stringify(`return await mcp.tiny.${tool}({})`);
    const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`;
    const message = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${meta},"name":"search_tools","name":"run_script","arguments":{"script":${script("echo")},"script":${script("crash")}}}}`;
    const headers = {
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "run_script",
    };
    const { body } = await caller.post("/mcp", message, { headers });
    expect(JSON.stringify(body)).toContain("TOOL_NOT_FOUND");
  });
});
