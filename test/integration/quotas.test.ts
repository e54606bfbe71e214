import { join } from "node:path";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { readEventsFile } from "../support/events-file.ts";
import { connectModern } from "../support/mcp-doors.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { Problem } from "../support/service-client.ts";

/** Rules, each with a client that has one call, and what every further call of `write` is refused with. */
const RULES = [
  { rule: "calls", limits: { calls: "1/day" }, code: "QUOTA_EXCEEDED", server: "free", reason: "quota" },
  { rule: "bytes", limits: { bytes: "1/day" }, code: "QUOTA_EXCEEDED", server: "free", reason: "quota" },
  { rule: "rate", limits: {}, code: "RATE_LIMITED", server: "rated", reason: "rate" },
] as const;
const ROOMY = { calls: "1000/minute" } as const;

const folder = createFolder();
const eventsFile = join(folder, "events.jsonl");
const names = [...RULES.map(({ rule }) => rule), "runs", "crowd", "roomy"] as const;
const keys = new Map(names.map((name) => [name as string, createClientKey()]));
let service: RunningService;

const keyOf = (name: string) => keys.get(name) ?? expect.fail(`no client ${name}`);
const client = (name: string) => service.as(keyOf(name).key);
const sent = (): number => readEventsFile(eventsFile).filter(({ event }) => event === "call").length;

beforeAll(async () => {
  const tally = fixtureServer("tally", { EVENTS_FILE: eventsFile });
  const limits = new Map<string, Record<string, string>>(RULES.map((each) => [each.rule, { ...each.limits }]));
  limits.set("runs", { runs: "1/day" });
  limits.set("roomy", ROOMY);
  service = await startService({
    folder,
    mcpServers: {
      free: tally,
      rated: { ...tally, rateLimit: { "wri*": "1/day" } },
      narrow: { ...tally, concurrency: 1, coalesce: false },
    },
    clients: Object.fromEntries(
      names.map((name) => [name, { key: keyOf(name).hash, limits: limits.get(name) ?? {}, admin: name === "roomy" }]),
    ),
    executors: { processes: 1 },
  });
});

afterAll(() => service.remove());

const script = (server: string) => `
  try { await mcp.${server}.write({}); return "sent" } catch ({ code, details }) { return [code, details] }`;

/** How each door calls `write`, and the code it is refused with. */
const DOORS: Readonly<Record<string, (name: string, server: string) => Promise<unknown>>> = {
  script: async (name, server) => ((await client(name).run(script(server))).result as readonly unknown[])[0],
  "/invoke": async (name, server) => {
    const { status, body, headers } = await client(name).post<Problem>("/invoke", { server, tool: "write" });
    expect([status, Number(headers.get("retry-after")) > 1]).toEqual([429, true]);
    return body.code;
  },
  "/batch": async (name, server) => {
    const calls = [{ server, tool: "write" }];
    const { body } = await client(name).post<{ results: { error?: Problem }[] }>("/batch", { calls });
    return body.results[0]?.error?.code;
  },
  "/mcp": async (name, server) => {
    const headers = { authorization: `Bearer ${keyOf(name).key}` };
    const transport = new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit: { headers } });
    const door = await connectModern("v2 auto", transport);
    const { structuredContent } = await door.call("run_script", { script: script(server) });
    await door.close();
    return (structuredContent as { result: readonly unknown[] }).result[0];
  },
};

describe.each(RULES)("once the $rule of a client are used up, its call", ({ rule, code, server, reason }) => {
  beforeAll(async () => {
    const { status } = await client(rule).post("/invoke", { server, tool: "write" });
    expect(status).toBe(200);
  });

  test.each(Object.keys(DOORS))("is refused unsent through %s", async (door) => {
    const before = sent();
    expect(await DOORS[door]?.(rule, server)).toBe(code);
    expect(sent()).toBe(before);
  });

  test("is counted with its reason, and another client's call is served", async () => {
    const other = await client("roomy").post("/invoke", { server, tool: rule === "rate" ? "read" : "write" });
    expect(other.status).toBe(200);
    const { body } = await client("roomy").get<string>("/metrics");
    expect(body).toContain(`runlet_gateway_rejected_total{reason="${reason}",`);
  });
});

describe("a client", () => {
  test("that has submitted its runs is refused with 429, and told when to come back", async () => {
    await client("runs").run("return 1");
    const { status, headers, body } = await client("runs").post<Problem>("/run", { script: "return 1" });
    expect([status, body.code, body.details]).toMatchObject([
      429,
      "QUOTA_EXCEEDED",
      { scope: "runs", limit: 1, period: "day" },
    ]);
    expect(body.detail).toContain("Stop: every further try is refused");
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(86_000);
    expect(headers.get("ratelimit-policy")).toBe('"runs";q=1;w=86400');
    expect(headers.get("ratelimit")).toMatch(/^"runs";r=0;t=86\d\d\d$/u);
  });

  test("is told with each call what is left", async () => {
    const { headers } = await client("roomy").post("/invoke", { server: "free", tool: "write" });
    expect(headers.get("ratelimit-policy")).toBe('"calls";q=1000;w=60');
    expect(headers.get("ratelimit")).toMatch(/^"calls";r=9\d\d;t=\d+$/u);
    expect((await client("crowd").post("/invoke", { server: "free", tool: "write" })).headers.has("ratelimit")).toBe(
      false,
    );
  });

  test("that floods a server does not make another wait for all of its calls", async () => {
    await client("crowd").post("/invoke", { server: "narrow", tool: "read" });
    let isOver = false;
    const calls = Array.from({ length: 30 }, () => ({ server: "narrow", tool: "slow", arguments: { ms: 100 } }));
    const crowd = client("crowd")
      .post<{ results: { ok: boolean }[] }>("/batch", { calls })
      .then(({ body }) => {
        isOver = true;
        return body.results;
      });
    const first = sent();
    while (sent() === first) await new Promise((resolve) => setTimeout(resolve, 5));
    const other = await client("roomy").post("/invoke", { server: "narrow", tool: "slow", arguments: { ms: 1 } });
    expect([other.status, isOver]).toEqual([200, false]);
    expect((await crowd).every(({ ok }) => ok)).toBe(true);
  });
});
