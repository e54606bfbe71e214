import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { ClientOptions, ServerOptions } from "../../src/config/options.ts";
import type { AuditEntry } from "../../src/observability/audit.ts";
import { connectModern } from "../support/mcp-doors.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { ServiceClient } from "../support/service-client.ts";

/** The same tools on servers that the operator says different things of. */
const SERVERS = {
  trusted: fixtureServer("rights"),
  doubted: { ...fixtureServer("rights"), trustAnnotations: false },
  ruled: { ...fixtureServer("rights"), classes: { "mute_*": "read", get_it: "destructive" } },
  served: { ...fixtureServer("rights"), tools: { allow: ["*_it"], deny: ["drop_*"] } },
} as const satisfies Readonly<Record<string, ServerOptions>>;

const TOOLS = ["get_it", "put_it", "drop_it", "mute_it"] as const;
type ServerName = keyof typeof SERVERS;

/** One principal: its rules, and of each server the tools that it may call; of a server that is missing, none. */
interface Row {
  readonly name: string;
  readonly rules: Omit<ClientOptions, "key">;
  readonly may: Readonly<Partial<Record<ServerName, readonly (typeof TOOLS)[number][]>>>;
  /** Rules that the audit names for what is denied. */
  readonly denied: readonly string[];
}

const SERVED = ["get_it", "put_it", "mute_it"] as const;

const ROWS: readonly Row[] = [
  {
    name: "nothing-said",
    rules: {},
    may: { trusted: TOOLS, doubted: TOOLS, ruled: TOOLS, served: SERVED },
    denied: [],
  },
  {
    name: "no-server",
    rules: { servers: [] },
    may: {},
    denied: ["principal.servers"],
  },
  {
    name: "one-server",
    rules: { servers: ["trusted"] },
    may: { trusted: TOOLS },
    denied: ["principal.servers"],
  },
  {
    name: "glob-of-servers",
    rules: { servers: ["*ed"] },
    may: { trusted: TOOLS, doubted: TOOLS, ruled: TOOLS, served: SERVED },
    denied: [],
  },
  {
    name: "reader",
    rules: { classes: ["read"] },
    may: { trusted: ["get_it"], ruled: ["mute_it"], served: ["get_it"] },
    denied: ["principal.classes"],
  },
  {
    name: "writer",
    rules: { classes: ["write"] },
    may: { trusted: ["put_it", "mute_it"], doubted: TOOLS, ruled: ["put_it"], served: ["put_it", "mute_it"] },
    denied: ["principal.classes"],
  },
  {
    name: "destroyer",
    rules: { classes: ["destructive"] },
    may: { trusted: ["drop_it"], ruled: ["get_it", "drop_it"] },
    denied: ["principal.classes"],
  },
  {
    name: "no-class",
    rules: { classes: [] },
    may: {},
    denied: ["principal.classes"],
  },
  {
    name: "tools-of-one",
    rules: { servers: ["trusted", "served"], tools: { trusted: ["get_*", "put_it"] } },
    may: { trusted: ["get_it", "put_it"], served: SERVED },
    denied: ["principal.servers", "principal.tools.trusted"],
  },
  {
    name: "tools-of-all",
    rules: { tools: { "*": ["mute_it"] } },
    may: { trusted: ["mute_it"], doubted: ["mute_it"], ruled: ["mute_it"], served: ["mute_it"] },
    denied: ["principal.tools.trusted"],
  },
  {
    name: "own-tools-over-glob",
    rules: { tools: { "*": ["mute_it"], trusted: ["get_it"], doubted: [] } },
    may: { trusted: ["get_it"], ruled: ["mute_it"], served: ["mute_it"] },
    denied: ["principal.tools.trusted", "principal.tools.doubted"],
  },
  {
    name: "all-at-once",
    rules: { servers: ["trusted", "ruled"], classes: ["read", "destructive"], tools: { "*": ["get_it", "put_it"] } },
    may: { trusted: ["get_it"], ruled: ["get_it"] },
    denied: ["principal.servers", "principal.classes", "principal.tools.trusted"],
  },
  {
    name: "a-name-is-no-glob-of-another",
    rules: { servers: ["trust"], tools: { trusted: ["get"] } },
    may: {},
    denied: ["principal.servers"],
  },
  {
    name: "an-administrator-is-held-to-its-rules",
    rules: { admin: true, servers: ["doubted"], classes: ["read"] },
    may: {},
    denied: ["principal.servers", "principal.classes"],
  },
];

/** Every call there can be, in one order. */
const CALLS = (Object.keys(SERVERS) as ServerName[]).flatMap((server) => TOOLS.map((tool) => ({ server, tool })));

/** What a door says of each call: the tool's answer, or the code of the refusal. */
type Verdicts = Readonly<Record<string, string>>;

const keys = new Map(ROWS.map(({ name }) => [name, createClientKey()]));
const folder = createFolder();
let service: RunningService;

beforeAll(async () => {
  const clients = Object.fromEntries(
    ROWS.map(({ name, rules }) => [name, { key: keys.get(name)?.hash ?? "", ...rules }]),
  );
  service = await startService({ folder, mcpServers: SERVERS, clients });
});

afterAll(() => service.remove());

const keyOf = (name: string): string => keys.get(name)?.key ?? "";

/** A script that makes every call and says what became of each. */
const SCRIPT = `
  const said = {};
  for (const { server, tool } of ${JSON.stringify(CALLS)}) {
    try {
      said[server + "." + tool] = await mcp[server][tool]({});
    } catch (error) {
      said[server + "." + tool] = error.code ?? error.name;
    }
  }
  return said;`;

/** The four ways to make a call. */
const DOORS: Readonly<Record<string, (caller: ServiceClient, key: string) => Promise<Verdicts>>> = {
  async script(caller) {
    const { result } = await caller.run(SCRIPT, { check: "none" });
    return result as Verdicts;
  },
  async mcp(_caller, key) {
    const transport = new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${key}` } },
    });
    const client = await connectModern("v2 auto", transport);
    try {
      const answer = await client.call("run_script", { script: SCRIPT });
      return (answer.structuredContent as { result: Verdicts }).result;
    } finally {
      await client.close();
    }
  },
  async invoke(caller) {
    const said: [string, string][] = [];
    for (const { server, tool } of CALLS) {
      const { body } = await caller.post<Spoken>("/invoke", { server, tool, arguments: {} });
      said.push([`${server}.${tool}`, spoken(body)]);
    }
    return Object.fromEntries(said);
  },
  async batch(caller) {
    const calls = CALLS.map((call) => ({ ...call, arguments: {} }));
    const { body } = await caller.post<{ readonly results: readonly Spoken[] }>("/batch", { calls });
    return Object.fromEntries(body.results.map((one, at) => [`${CALLS[at]?.server}.${CALLS[at]?.tool}`, spoken(one)]));
  },
};

interface Spoken {
  readonly result?: unknown;
  readonly code?: string;
  readonly error?: { readonly code: string };
}

const spoken = ({ result, code, error }: Spoken): string =>
  typeof result === "string" ? result : (error?.code ?? code ?? "nothing");

/** What is expected of each call: that a denied one looks like one that is not there. */
function expected({ may }: Row): Verdicts {
  const verdict = (server: ServerName, tool: (typeof TOOLS)[number]): string => {
    if (may[server] === undefined) return "not there";
    return may[server].includes(tool) ? tool : "not there";
  };
  return Object.fromEntries(CALLS.map(({ server, tool }) => [`${server}.${tool}`, verdict(server, tool)]));
}

/** Every word for a tool that a caller does not know of. */
const NOT_THERE = new Set(["TOOL_NOT_FOUND", "SERVER_NOT_FOUND"]);

const folded = (verdicts: Verdicts): Verdicts =>
  Object.fromEntries(Object.entries(verdicts).map(([call, said]) => [call, NOT_THERE.has(said) ? "not there" : said]));

describe.each(Object.keys(DOORS))("what each principal may call, through %s", (door) => {
  test.each(ROWS)("$name", async (row) => {
    const key = keyOf(row.name);
    expect(folded((await DOORS[door]?.(service.as(key), key)) ?? {})).toEqual(expected(row));
  });
});

describe("what is denied", () => {
  test("looks to its caller just like what is nowhere", async () => {
    const caller = service.as(keyOf("reader"));
    const ask = async (server: string, tool: string) => {
      const { status, body } = await caller.post<Record<string, unknown>>("/invoke", { server, tool, arguments: {} });
      // What differs is the name that was asked for, and the id of the request.
      const text = JSON.stringify({ ...body, instance: "", requestId: "" });
      return [status, text.replaceAll(tool, "TOOL").replaceAll(server, "SERVER")];
    };
    expect(await ask("trusted", "put_it")).toEqual(await ask("trusted", "not_it"));
    const stranger = service.as(keyOf("one-server"));
    const missing = await stranger.post<{ code: string }>("/invoke", {
      server: "nowhere",
      tool: "get_it",
      arguments: {},
    });
    const hidden = await stranger.post<{ code: string }>("/invoke", { server: "ruled", tool: "get_it", arguments: {} });
    expect([hidden.status, hidden.body.code]).toEqual([missing.status, missing.body.code]);
  });

  test("is not listed either", async () => {
    const { body } = await service
      .as(keyOf("reader"))
      .get<{ tools: readonly { server: string; name: string }[] }>("/tools");
    expect(body.tools.map(({ server, name }) => `${server}.${name}`).toSorted()).toEqual([
      "ruled.mute_it",
      "served.get_it",
      "trusted.get_it",
    ]);
  });

  // The last of all: the audit is read when every call has been made.
  test.each(ROWS)("is named in the audit with the rule, for $name", async ({ name, denied }) => {
    const read = (): AuditEntry[] =>
      readFileSync(join(folder, "data", "audit.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as AuditEntry)
        .filter((entry) => entry.principal === name && entry.outcome === "denied");
    const rules = (): unknown[] => [...new Set(read().map(({ rule }) => rule))];
    await expect.poll(rules).toEqual(expect.arrayContaining([...denied]));
    if (denied.length === 0) expect(rules()).toEqual([]);
  });
});
