import { describe, expect, test } from "vitest";
import { declareForChecking } from "../../../../src/catalog/declarations/checking-declarations.ts";
import type { CatalogServer } from "../../../../src/catalog/resolve.ts";
import { toServerTools } from "../../../../src/catalog/server-tools.ts";
import { assignIdentifiers } from "../../../../src/catalog/tool-names.ts";
import type { JsonSchema, ToolDefinition } from "../../../../src/upstream/upstream.ts";
import { compileTypes, literalText } from "../../../support/compile-types.ts";
import { sampleOf } from "../../../support/sample-schema.ts";
import { HOSTILE_NAMES } from "./hostile-names.ts";
import { recordedTools, tool, toolTaking } from "../fake-registry.ts";

const text = { type: "string" };

function serversOf(lists: Readonly<Record<string, readonly ToolDefinition[] | undefined>>): readonly CatalogServer[] {
  const namespaces = assignIdentifiers(Object.keys(lists));
  return Object.entries(lists).map(([server, tools]) => {
    const namespace = namespaces.get(server) ?? server;
    const own = tools?.map((one) => Object.assign({}, one, { server }));
    return { server, namespace, tools: own === undefined ? undefined : toServerTools(server, namespace, own, true) };
  });
}

const FILES: readonly ToolDefinition[] = [
  toolTaking("read-file", {
    type: "object",
    properties: {
      path: text,
      mode: { enum: ["text", "base64"] },
      limits: { type: "object", properties: { lines: { type: "number" } } },
    },
    required: ["path"],
  }),
  toolTaking("move", {
    type: "object",
    properties: { to: text, from: text, force: { const: true } },
    required: ["from", "to"],
  }),
  toolTaking("find", {
    type: "object",
    properties: { words: { type: "array", items: text }, at: { prefixItems: [{ type: "number" }, text] } },
    required: ["words"],
    additionalProperties: false,
  }),
  toolTaking("api.v2.list", { type: "object", properties: { page: { type: "integer" } } }),
  toolTaking("api.v2.drop", { type: "object" }),
  toolTaking("tree", {
    $ref: "#/$defs/node",
    $defs: {
      node: {
        type: "object",
        properties: { kids: { type: "array", items: { $ref: "#/$defs/node" } }, name: text },
        required: ["name"],
      },
    },
  }),
  toolTaking("loop", {
    type: "object",
    properties: { json: { $ref: "#/$defs/json" } },
    $defs: { json: { anyOf: [text, { type: "array", items: { $ref: "#/$defs/json" } }] } },
  }),
  tool("stat", {
    outputSchema: {
      type: "object",
      properties: {
        size: { type: "number" },
        owner: { type: ["string", "null"] },
        kind: { enum: ["file", "folder"] },
        entry: { oneOf: [{ properties: { a: text } }, { properties: { b: text } }] },
        range: { prefixItems: [{ type: "number" }] },
        anything: {},
        nested: { type: "object", properties: { deep: { type: "object" } } },
      },
    },
  }),
  Object.assign(tool("learned"), { observedSchema: { type: "object", properties: { seen: text } } }),
];
const SERVERS = serversOf({
  "my-files": FILES,
  web: [toolTaking("move", { type: "object" }), tool("my_files")],
  later: undefined,
});

/** Lines that would not fail when they run. */
const ACCEPTED = [
  'mcp.myFiles.readFile({ path: "a" });',
  'mcp.my_files.read_file({ path: "a" });',
  'mcp["my-files"]["read-file"]({ path: "a" });',
  'mcp.readFile("a"); mcp.read_file("a"); mcp["read-file"]("a");',
  'mcp.myFilesReadFile({ path: "a" }); mcp.my_files_read_file("a");',
  'const options = { path: "a", mode: "text" }; mcp.myFiles.readFile(options);',
  'interface Options { path: string; more?: number } const typed: Options = { path: "a" }; mcp.myFiles.readFile(typed);',
  'class Request { path = "a"; limits = new Map(); } mcp.myFiles.readFile(new Request());',
  'mcp.myFiles.readFile({ path: "a", unlisted: 1, limits: { lines: 1, unlisted: true } });',
  "mcp.myFiles.readFile({ path: new Date() }); mcp.myFiles.readFile({ path: 12n });",
  "const built: any = {}; built.path = 1; mcp.myFiles.readFile(built);",
  'mcp.myFiles.move("a", "b"); mcp.myFiles.move({ from: "a", to: "b", force: Boolean(1) });',
  'const words = ["a"] as const; mcp.myFiles.find({ words }); mcp.myFiles.find(words);',
  'mcp.myFiles.find({ words: new Set(["a"]), at: [1, "a"] });',
  "const at = [1]; mcp.myFiles.find({ words: [], at });",
  "mcp.myFiles.api.v2.list({ page: 1 }); mcp.myFiles.apiV2List(); mcp.myFiles.apiV2List(null);",
  'mcp.myFiles.tree({ name: "a", kids: [{ name: "b", kids: [] }] }); mcp.myFiles.tree("a");',
  'mcp.myFiles.loop({ json: ["a", ["b", []]] });',
  "mcp.later.anything(1, 2).then((x: any) => x); mcp.myFiles.learned().then((answer) => answer.unseen.more);",
  "mcp.web.my_files(); mcp.web.myFiles(); mcp.myFiles.stat();",
  "mcp.myFiles.stat().then(({ size, owner, kind, entry, range, anything, nested }) => [size?.toFixed(), owner?.trim(), kind === 'file', entry.a, entry.b, range?.[5], anything.x.y, nested?.deep.x]);",
  'mcp.$search("a", { limit: 3 }).then((page) => page.results[0].signature); mcp.$describe("a"); mcp.$servers();',
];

/** Lines that would. */
const REFUSED = [
  "mcp.myFiles.readFile();",
  'mcp.myFiles.readFile({ pth: "a" });',
  "mcp.myFiles.readFile({ path: 1 });",
  "mcp.myFiles.readFile(1);",
  'mcp.myFiles.readFile("a", "b");',
  'mcp.myFiles.readFile({ path: "a", mode: 1 });',
  'mcp.myFiles.readFile({ path: "a", limits: { lines: "many" } });',
  'mcp.myFiles.move("a");',
  'mcp.myFiles.find({ words: "a" });',
  "mcp.myFiles.find({ words: [1] });",
  'mcp.myFiles.find({ words: ["a"], wrods: 1 });',
  "mcp.myFiles.tree({ name: 1 });",
  'mcp.myFiles.tree({ name: "a", kids: [{ kids: [] }] });',
  "mcp.myFiles.loop({ json: 1 });",
  "mcp.myFiles.readFiles({});",
  "mcp.nowhere.x();",
  'mcp.move("a", "b");',
  "mcp.myFiles.stat().then((answer) => answer.sise);",
  "mcp.myFiles.stat().then((answer) => answer.size?.trim());",
  "mcp.$find();",
];

describe("declarations for checking", () => {
  test("accept each way to call a tool that could succeed, and refuse what could not", async () => {
    const accepted = ACCEPTED.map((line) => `{ ${line} }`);
    const refused = REFUSED.map((line) => `// @ts-expect-error\n{ ${line} }`);
    const declarations = declareForChecking(SERVERS, undefined);
    expect(await compileTypes({ "mcp.d.ts": declarations, "calls.ts": [...accepted, ...refused].join("\n") })).toBe("");
  });

  test("accept what the schemas of real tools accept, and hostile names", async () => {
    const lists = {
      ...recordedTools(),
      map: HOSTILE_NAMES.map((name) => tool(name)),
      promise: HOSTILE_NAMES.map((name) => tool(name)),
    };
    const servers = serversOf(lists);
    const lines = servers.flatMap(({ server, tools }) =>
      (tools?.tools ?? []).flatMap(({ name, inputSchema }) =>
        [true, false].map((omits) => `void ${callOf(server, name)}(${argumentsFor(inputSchema, omits)});`),
      ),
    );
    expect(lines.length).toBeGreaterThan(964);
    expect(
      await compileTypes({ "mcp.d.ts": declareForChecking(servers, undefined), "calls.ts": lines.join("\n") }),
    ).toBe("");
  });

  test("hold the servers asked for, by either name, and what they have directly on mcp", () => {
    const some = declareForChecking(SERVERS, ["my-files"]);
    expect(some).toBe(declareForChecking(SERVERS, ["myFiles"]));
    expect(some).toContain('readonly readFile: MyFilesTools["readFile"];');
    expect(some).not.toContain("WebTools");
    expect(some).not.toContain("later");
    // `move` alone stays ambiguous, whoever is left out.
    expect(some).not.toContain("readonly move:");
    expect(declareForChecking(SERVERS, [])).toMatch(/interface Mcp \{\n\}\ndeclare const mcp: Mcp;\n$/u);
  });
});

function callOf(server: string, name: string): string {
  return `mcp[${literalText(server)}][${literalText(name)}]`;
}

function argumentsFor(schema: JsonSchema, omits: boolean): string {
  return literalText(sampleOf(schema, { omits: () => omits, choose: () => 0 }));
}
