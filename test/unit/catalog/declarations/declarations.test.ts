import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";
import { compileTypes } from "../../../support/compile-types.ts";
import { arbitrarySchema } from "./arbitrary-schema.ts";
import { catalogOf, recordedTools, tool, toolTaking } from "../fake-registry.ts";
import { HOSTILE_NAMES } from "./hostile-names.ts";

const text = { type: "string" };

/** Schemas with arguments that satisfy them and arguments that do not, as TypeScript text. */
const SAMPLES: readonly (readonly [schema: JsonSchema, valid: readonly string[], invalid: readonly string[]])[] = [
  [{ type: "object" }, ["", "{}"], ["1, 2"]],
  [
    { type: "object", properties: { a: text }, required: ["a"] },
    ['{ a: "x" }'],
    ["", "{}", "{ a: 1 }", '{ a: "x", b: 1 }'],
  ],
  [{ type: "object", properties: { a: text } }, ["", "{}", '{ a: "x" }'], ["{ a: null }"]],
  [
    { type: "object", properties: { a: { enum: ['"', "\n", null, 1, { k: "v" }] } } },
    [String.raw`{ a: "\"" }`, String.raw`{ a: "\n" }`, "{ a: null }", "{ a: 1 }", '{ a: { k: "v" } }'],
    ["{ a: 2 }", '{ a: { k: "w" } }'],
  ],
  [{ type: "object", properties: { a: { const: "only" } } }, ['{ a: "only" }'], ['{ a: "other" }']],
  [
    { type: "object", properties: { a: { prefixItems: [text, { type: "number" }], items: false } } },
    ['{ a: ["x", 1] }'],
    ['{ a: [1, "x"] }', '{ a: ["x"] }'],
  ],
  [
    { type: "object", properties: { a: { prefixItems: [text, { type: ["number", "null"] }], minItems: 1 } } },
    ['{ a: ["x"] }', '{ a: ["x", null] }'],
    ["{ a: [] }"],
  ],
  [{ type: "object", additionalProperties: { type: "number" } }, ["{ any: 1 }"], ['{ any: "x" }']],
  [
    { type: "object", properties: { a: text }, additionalProperties: { type: "number" } },
    ['{ a: "x", b: 1 }'],
    ["{ a: 1 }"],
  ],
  [
    { type: "object", properties: { a: { anyOf: [text, { type: "array", items: text }] } } },
    ['{ a: "x" }', '{ a: ["x"] }'],
    ["{ a: [1] }"],
  ],
  [{ type: "object", properties: { a: { type: "string", nullable: true } } }, ["{ a: null }"], ["{ a: 1 }"]],
  [
    { type: "object", properties: { "": text, "a-b": text, "*/": text, "\u2028": text } },
    [String.raw`{ "": "x", "a-b": "y", "*/": "z", "\u2028": "" }`],
    ['{ "": 1 }'],
  ],
  [
    {
      type: "object",
      properties: { tree: { $ref: "#/$defs/node" } },
      $defs: {
        node: {
          type: "object",
          properties: { kids: { type: "array", items: { $ref: "#/$defs/node" } }, name: text },
          required: ["name"],
        },
      },
    },
    ['{ tree: { name: "a", kids: [{ name: "b", kids: [{ name: "c" }] }] } }'],
    ['{ tree: { name: "a", kids: [{ name: "b", kids: [{ name: 3 }] }] } }'],
  ],
  [
    {
      type: "object",
      properties: { p: { $ref: "#/definitions/ping" } },
      definitions: {
        ping: { type: "object", properties: { pong: { $ref: "#/definitions/pong" } } },
        pong: { anyOf: [{ $ref: "#/definitions/ping" }, { type: "null" }] },
      },
    },
    ["{ p: { pong: { pong: null } } }"],
    ["{ p: { pong: { pong: 1 } } }"],
  ],
  [
    { $ref: "#/definitions/args", definitions: { args: { type: "object", properties: { a: text }, required: ["a"] } } },
    ['{ a: "x" }'],
    ["{}"],
  ],
  [
    {
      type: "object",
      properties: { json: { $ref: "#/$defs/json" } },
      $defs: {
        json: {
          anyOf: [
            text,
            { type: "array", items: { $ref: "#/$defs/json" } },
            { type: "object", additionalProperties: { $ref: "#/$defs/json" } },
          ],
        },
      },
    },
    ['{ json: { a: ["x", { b: "y" }] } }'],
    ["{ json: { a: [1] } }"],
  ],
  [
    {
      type: "object",
      properties: { a: { $ref: "#/$defs/loop" } },
      $defs: { loop: { anyOf: [{ $ref: "#/$defs/loop" }, text] } },
    },
    ['{ a: "x" }'],
    ["{ a: 1 }"],
  ],
  [{ type: "object", properties: { a: true, b: false } }, ["{ a: Symbol() }"], ["{ b: 1 }"]],
];

/** Names and texts that break careless writers. */
const HOSTILE = [
  ...HOSTILE_NAMES.map((name) => tool(name, { description: `Says */ } evil(); /* ${name}\u2028 .` })),
  tool("nothing", { inputSchema: true as never, outputSchema: false }),
  tool("long", {
    inputSchema: {
      type: "object",
      properties: Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`property-${at}`, text])),
    },
  }),
];

test("the declarations of any schemas compile alone", async () => {
  const schemas = fc.sample(arbitrarySchema, { numRuns: 200 });
  const tools = schemas.map((inputSchema, at) =>
    tool(`t${at}`, { inputSchema, outputSchema: schemas[(at + 1) % schemas.length] ?? true }),
  );
  const declarations = catalogOf({ any: tools }).declarations();
  const errors = await compileTypes({ "mcp.d.ts": declarations });
  const [, at = "1"] = /\((\d+),/u.exec(errors) ?? [];
  expect(errors && `${errors}\n${declarations.split("\n")[Number(at) - 1]}`).toBe("");
});

test("the declarations of recorded, hostile and sampled tools compile alone, and take and refuse what the schemas do", async () => {
  const samples = Object.fromEntries(SAMPLES.map(([schema], at) => [`s${at}`, schema]));
  const catalog = catalogOf({
    ...recordedTools(),
    map: HOSTILE,
    promise: HOSTILE,
    "sam-ples": Object.entries(samples).map(([name, schema]) => toolTaking(name, schema)),
    unlisted: undefined,
    "not listed": undefined,
  });
  const uses = SAMPLES.flatMap(([, valid, invalid], at) => [
    ...valid.map((args) => `void mcp.samPles.s${at}(${args});`),
    ...invalid.map((args) => `// @ts-expect-error\nvoid mcp.samPles.s${at}(${args});`),
  ]);
  const others = [
    'void mcp.filesystem.readTextFile({ path: "x" }).then((answer) => answer.content.trim());',
    'void mcp.readTextFile({ path: "x" });',
    'void mcp.map["get-weather"]({});',
    'void mcp.promise["new"]();',
    "void mcp.unlisted.anything({ at: 1 });",
    'void mcp.notListed["any-thing"]?.();',
    "// @ts-expect-error several servers have it\nvoid mcp.searchIssues({});",
    "// @ts-expect-error nobody has it\nvoid mcp.noSuchTool({});",
    "// @ts-expect-error nobody has it\nvoid mcp.filesystem.readFiles({});",
  ];
  const declarations = catalog.declarations();
  expect(await compileTypes({ "mcp.d.ts": declarations, "uses.ts": [...uses, ...others].join("\n") })).toBe("");
  expect(await compileTypes({ "mcp.d.ts": `${declarations}declare const broken: NoSuchType;` })).toContain(
    "NoSuchType",
  );
});

describe("the text", () => {
  test("a comment keeps what the description says of the tool being out of date", () => {
    const described = tool("old", { description: "Reads a file. It can take a while. DEPRECATED: Use new_one." });
    expect(catalogOf({ s: [described] }).declarations()).toContain("/** Reads a file — DEPRECATED: Use new_one */");
  });

  test("declares methods with comments, and what each server has on mcp itself", () => {
    const search = (server: string): ReturnType<typeof tool> =>
      tool("search", { server, inputSchema: { type: "object", properties: { q: text }, required: ["q"] } });
    const catalog = catalogOf({
      "my-files": [
        tool("read-file", {
          description: "Reads a file. In full.",
          inputSchema: {
            type: "object",
            properties: { path: { ...text, description: "Where it is" } },
            required: ["path"],
          },
          outputSchema: { type: "object", properties: { content: text }, required: ["content"] },
        }),
        search("my-files"),
        tool("web", { title: "Open the web" }),
      ],
      web: [search("web")],
    });
    expect(catalog.declarations()).toBe(`interface MyFilesTools {
  /** Reads a file */
  readFile(args: {
    path: string; // Where it is
  }): Promise<{ content: string }>;
  search(args: { q: string }): Promise<unknown>;
  /** Open the web */
  web(args?: {}): Promise<unknown>;
}
interface WebTools {
  search(args: { q: string }): Promise<unknown>;
}
interface Mcp extends Omit<MyFilesTools, "search" | "web"> {
  readonly myFiles: MyFilesTools;
  readonly web: WebTools;
}
declare const mcp: Mcp;
`);
  });

  test("holds only the servers asked for, by either of their names", () => {
    const catalog = catalogOf({ "a-b": [tool("x")], c: [tool("y")] });
    expect(catalog.declarations(["a-b"])).toBe(catalog.declarations(["aB"]));
    expect(catalog.declarations(["c"])).not.toContain("aB");
    expect(catalog.declarations(["nobody"])).toBe("interface Mcp {}\ndeclare const mcp: Mcp;\n");
    expect(catalogOf({}).declarations()).toBe("interface Mcp {}\ndeclare const mcp: Mcp;\n");
  });

  test("says of colliding names that they have no other", () => {
    const declarations = catalogOf({ s: [tool("get-x"), tool("get_x", { description: "Gets." })] }).declarations();
    expect(declarations).toContain(
      '/** Only by this name: another tool\'s converts to the same identifier. */\n  "get-x"(',
    );
    expect(declarations).toContain(
      "/** Gets — Only by this name: another tool's converts to the same identifier. */\n  get_x(",
    );
  });

  test("names a definition that several tools share once, and writes short ones out", () => {
    const $defs = {
      "rich-text": { type: "object", properties: { text, bold: { type: "boolean" }, italic: { type: "boolean" } } },
      id: { type: "string" },
    };
    const schema = {
      type: "object",
      properties: { t: { $ref: "#/$defs/rich-text" }, id: { $ref: "#/$defs/id" } },
      $defs,
    };
    const declarations = catalogOf({ n: [toolTaking("a", schema), toolTaking("b", schema)] }).declarations();
    expect(declarations).toBe(`type N_RichText = { text?: string; bold?: boolean; italic?: boolean };
interface NTools {
  a(args?: { t?: N_RichText; id?: string }): Promise<unknown>;
  b(args?: { t?: N_RichText; id?: string }): Promise<unknown>;
}
interface Mcp extends NTools {
  readonly n: NTools;
}
declare const mcp: Mcp;
`);
  });

  test("keeps different definitions of one name apart", () => {
    const taking = (name: string, of: JsonSchema): ReturnType<typeof tool> =>
      toolTaking(name, {
        type: "object",
        properties: { t: { $ref: "#/$defs/t" } },
        $defs: { t: { type: "object", properties: { kids: { items: { $ref: "#/$defs/t" } }, of } } },
      });
    const declarations = catalogOf({ n: [taking("a", text), taking("b", { type: "number" })] }).declarations();
    expect(declarations).toContain("type N_T = { kids?: N_T[]; of?: string };");
    expect(declarations).toContain("type N_T2 = { kids?: N_T2[]; of?: number };");
    expect(declarations).toContain("b(args?: { t?: N_T2 })");
  });

  test("is written once", () => {
    const catalog = catalogOf({ s: [tool("x")] });
    expect(catalog.declarations()).toBe(catalog.declarations());
  });
});
