import { describe, expect, it } from "vitest";
import { toServerTools } from "../../../src/catalog/server-tools.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import { createArgumentValidator } from "../../../src/gateway/validator.ts";
import type { ErrorInfo } from "../../../src/lib/errors.ts";
import { checkNames } from "../../../src/script/preflight.ts";
import type { JsonSchema, ToolDefinition } from "../../../src/upstream/upstream.ts";
import { prepare } from "./run-script.ts";

function tool(server: string, name: string, inputSchema: JsonSchema): ToolDefinition {
  return { server, name, description: `${name}.`, inputSchema };
}

const PATH_SCHEMA = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const FILES = [
  tool("files", "read_file", PATH_SCHEMA),
  tool("files", "write_file", {
    type: "object",
    properties: { path: { type: "string" }, content: { type: "string" }, mode: { enum: ["w", "a"] } },
    required: ["path", "content"],
    additionalProperties: false,
  }),
  tool("files", "list-directory", PATH_SCHEMA),
  tool("files", "v2.search", { type: "object", properties: { query: { type: "string" } }, required: ["query"] }),
  tool("files", "either", {
    type: "object",
    properties: { a: { type: "string" }, c: { type: "string" } },
    anyOf: [{ required: ["a"] }, { required: ["b"] }],
    required: ["c"],
  }),
  tool("files", "roots", { type: "object", properties: {} }),
  tool("files", "apply", {
    type: "object",
    properties: { change: { type: "object" }, dry: { type: "boolean" } },
    required: ["change"],
    additionalProperties: false,
  }),
];

function snapshot(unlisted: readonly string[] = []): Catalog {
  return createSnapshot([
    { server: "files", namespace: "files", tools: toServerTools("files", "files", FILES, true) },
    ...unlisted.map((server) => ({ server, namespace: server, tools: undefined })),
  ]);
}

const catalog = snapshot();
const validator = createArgumentValidator();

async function check(text: string, against = catalog): Promise<readonly ErrorInfo[]> {
  return checkNames(await prepare(text), against, validator);
}

describe("a tool that does not exist is found before anything runs", () => {
  it.each([
    ["a wrong method", "await mcp.files.readFil({ path: 'a' })", 1, 7],
    ["a wrong server", "const a = 1;\nawait mcp.fils.readFile({ path: 'a' })", 2, 7],
    ["a wrong flat name", "return mcp.readFil('a')", 1, 8],
    ["in brackets", 'await mcp["files"]["read-fil"]({})', 1, 7],
    ["in a template without substitutions", "await mcp[`files`].readFil({})", 1, 7],
    ["a server called as a tool", "await mcp.files()", 1, 7],
    ["in a try block", "try {\n  await mcp.files.readFil('a')\n} catch {}", 2, 9],
    ["in a function that may never run", "const f = () => mcp.files.readFil('a');\n1", 1, 17],
    ["in a fence", "Text\n```js\nmcp.files.readFil('a')\n```", 3, 1],
    ["in TypeScript", "const a: string = await mcp.files.readFil('a');", 1, 25],
    ["after an enum", "enum A { B }\nawait mcp.files.readFil('a')", 2, 7],
    ["in a chain", "mcp.files.readFil('a').then((a) => a)", 1, 1],
  ])("%s", async (_claim, text, line, column) => {
    expect(await check(text)).toMatchObject([{ code: "TOOL_NOT_FOUND", line, column }]);
  });

  it("the error has the line, the wrong name, and the three nearest tools with their signatures", async () => {
    const [error, ...others] = await check("const a = 1;\n  const b = await mcp.files.readFiles({ path: 'x' });");
    expect(others).toEqual([]);
    expect(error).toMatchObject({
      code: "TOOL_NOT_FOUND",
      fault: "client",
      retryable: false,
      line: 2,
      column: 19,
      snippet: "const b = await mcp.files.readFiles({ path: 'x' });",
    });
    expect(error?.message).toContain("mcp.files.readFiles");
    expect(error?.hint).toContain(catalog.find("files", "read_file")?.signature);
    expect(error?.hint?.split("\n").length).toBeLessThanOrEqual(4);
    expect(error?.details).toMatchObject({ nearest: expect.arrayContaining(["files.read_file"]) });
  });

  it("a name like no other gets a way to find one", async () => {
    const [error] = await check("mcp.qqqqqqqq.zzzzzzzz()");
    expect(error).toMatchObject({ code: "TOOL_NOT_FOUND", details: { nearest: [] } });
    expect(error?.hint).toContain("mcp.$search");
  });

  it("a name that is wrong twice is told once, two names twice, in the order of the text", async () => {
    const errors = await check("mcp.files.b1();\nmcp.files.a1();\nmcp.files.b1();\nmcp['files'].b1()");
    expect(errors.map(({ line }) => line)).toEqual([1, 2]);
  });

  it("a hundred wrong names give ten errors", async () => {
    const text = Array.from({ length: 100 }, (_, i) => `mcp.files.wrong${i}();`).join("\n");
    expect((await check(text)).length).toBe(10);
  });
});

/** Constants `a1` to `a<length>`, each of the one before. */
function chain(length: number): string {
  return Array.from({ length }, (_, i) => `const a${i + 1} = a${i};`).join("\n");
}

describe("constants that are parts of mcp are followed", () => {
  it.each([
    ["a server", "const files = mcp.files;\nawait files.readFil('a')", 2, 7],
    ["mcp itself", "const tools = mcp;\nawait tools.files.readFil('a')", 2, 7],
    ["a server, taken out", "const { files } = mcp;\nawait files.readFil('a')", 2, 7],
    ["a server, taken out under another name", "const { files: f } = mcp;\nawait f.readFil('a')", 2, 7],
    ["a server, taken out by its quoted name", "const { 'files': f } = mcp;\nawait f.readFil('a')", 2, 7],
    ["a tool", "const read = mcp.files.readFil;\nawait read('a')", 2, 7],
    ["a tool, taken out", "const { readFil } = mcp.files;\nawait readFil('a')", 2, 7],
    ["a tool, taken out in two steps at once", "const { files: { readFil } } = mcp;\nawait readFil('a')", 2, 7],
    ["a constant of a constant", "const f = mcp.files, read = f.readFil;\nawait read('a')", 2, 7],
    ["used before it stands", "const main = async () => read('a');\nconst read = mcp.files.readFil;\nmain()", 1, 26],
    [
      "in the function that has it",
      "async function main() {\n  const f = mcp.files;\n  f.readFil('a')\n}\nmain()",
      3,
      3,
    ],
    ["in a function within", "const f = mcp.files;\n[1].map(() => f.readFil('a'))", 2, 15],
    ["in TypeScript", "const f = mcp.files as any;\nawait f.readFil('a')", 2, 7],
  ])("%s", async (_claim, text, line, column) => {
    expect(await check(text)).toMatchObject([{ code: "TOOL_NOT_FOUND", line, column }]);
  });

  it("and what is passed through them is judged", async () => {
    const errors = await check("const { readFile, writeFile: w } = mcp.files;\nreadFile({ path: 1 });\nw('a')");
    expect(errors.map(({ code, line, column }) => [code, line, column])).toEqual([
      ["TOOL_ARGUMENTS_INVALID", 2, 10],
      ["TOOL_ARGUMENTS_INVALID", 3, 3],
    ]);
  });

  it.each([
    ["one that is no constant", "let f = mcp.files;\nf.nope()"],
    ["a name that is declared again elsewhere", "const f = mcp.files;\nfunction g(f) { f.nope() }"],
    ["a name that is a function's, too", "const f = mcp.files;\n{ function f() {} }\nf.nope()"],
    ["a name that is assigned", "const f = mcp.files;\nf = 1;\nf.nope()"],
    ["outside of the block that has it", "{ const URL = mcp.files; }\nURL.parse('a')"],
    ["a default value", "const { nope = () => 1 } = mcp.files;\nnope()"],
    ["what is left over", "const { files, ...others } = mcp;\nothers.nope()"],
    ["a computed name", "const { [input.name]: f } = mcp;\nf.nope()"],
    ["a part that may not be there", "const f = mcp?.nope;\nf.nope()"],
    ["a choice", "const f = input.a ? mcp.files : { nope() {} };\nf.nope()"],
    ["a constant of a loop", "for (const f of [mcp.files]) f.nope()"],
    ["a constant of a name that is not mcp", "const files = other.files;\nfiles.nope()"],
    ["a constant of itself", "{ const f = f.nope; f.nope() }"],
    ["a constant of a name that means another thing there", "const b = URL;\n{ const URL = mcp.files; b.nope() }"],
    ["a constant many steps away", `const a0 = mcp.files;\n${chain(20)}\na20.nope()`],
    ["a constant of one that is of it", "const a = b.x, b = a.y;\na.nope()"],
    ["in a script that gives mcp another meaning", "const g = (mcp) => 1, f = mcp.files;\nf.nope()"],
    ["in a script with eval", "const f = mcp.files;\neval(input.code);\nf.nope(); mcp.nope()"],
    ["in a script with `with`", "with (input) { mcp.nope() }"],
    ["a method of a tool's function", "const read = mcp.files.readFile;\nread.call(null, 1); read.bind(null)"],
  ])("%s is not judged", async (_claim, text) => {
    expect(await check(text)).toEqual([]);
  });
});

describe("what only the call can decide is left to the call", () => {
  it.each([
    ["the right name", "mcp.files.readFile({ path: 'a' })"],
    ["the original name", "mcp.files['read_file']({ path: 'a' })"],
    ["the original name with a dash", "mcp.files['list-directory']({ path: 'a' })"],
    ["a flat name", "mcp.readFile({ path: 'a' })"],
    ["server and tool in one word", "mcp.filesReadFile({ path: 'a' })"],
    ["a name with dots", "mcp.files.v2.search({ query: 'a' })"],
    ["search, describe and servers", "mcp.$search('a'); mcp.$describe('b'); mcp.$servers()"],
    ["a computed name", "mcp[input.name](1); mcp.files[input.name]()"],
    ["a substitution", "mcp.files[`${input.a}`]()"],
    ["an optional call", "mcp.files.nope?.(1)"],
    ["an optional member", "mcp.files?.nope(1); mcp?.nope()"],
    ["a read without a call", "typeof mcp.files.nope; mcp.nope"],
    ["a method of a tool's function", "mcp.readFile.call(undefined, { path: 'a' }); mcp.files.readFile.bind(null)"],
    ["a variable named mcp", "const mcp = { files: { nope() {} } };\nmcp.files.nope()"],
    ["a parameter named mcp", "const f = (mcp) => mcp.nope();\nf({ nope() {} })"],
    ["a pattern that binds mcp", "const f = ({ mcp }) => mcp.nope();\nf({ mcp: { nope() {} } })"],
    ["a catch parameter named mcp", "try {} catch (mcp) { mcp.nope() }"],
    ["another object's member named mcp", "const a = { mcp: { nope() {} } };\na.mcp.nope()"],
    ["a string", "'mcp.files.nope()'"],
    ["a comment", "// mcp.files.nope()"],
    ["a type", "type A = { a: typeof mcp.files.nope };\n1"],
  ])("%s", async (_claim, text) => {
    expect(await check(text)).toEqual([]);
  });

  it.each(["mcp.other.anything(1)", "mcp.anything()", "mcp.files.nope()"])(
    "%s, while a server's tools are not known",
    async (text) => {
      expect(await check(text, snapshot(["other"]))).toEqual([]);
    },
  );

  it("arguments of known tools are judged while another server is not known", async () => {
    expect(await check("mcp.files.readFile({ path: 1 })", snapshot(["other"]))).toMatchObject([
      { code: "TOOL_ARGUMENTS_INVALID" },
    ]);
  });
});

describe("written-out arguments that the schema refuses are found", () => {
  it.each([
    ["a wrong type", "mcp.files.readFile({ path: 1 })", 1, 20, "/path"],
    ["a missing property", "mcp.files.writeFile({ path: 'a' })", 1, 21, "/content"],
    ["no arguments", "await mcp.files.readFile()", 1, 7, "/path"],
    ["null", "mcp.files.readFile(null)", 1, 20, "/path"],
    ["an unknown property", "mcp.files.writeFile({ path: 'a', content: 'b', mod: 'w' })", 1, 21, "/mod"],
    ["a value not listed", "mcp.files.writeFile({ path: 'a', content: 'b', mode: 'x' })", 1, 21, "/mode"],
    ["a negative number", "mcp.files.readFile({ path: -1 })", 1, 20, "/path"],
    ["an array", "mcp.files.readFile({ path: ['a', [null, true]] })", 1, 20, "/path"],
    ["quoted and numbered keys", 'mcp.files.readFile({ "path": {1: "a"} })', 1, 20, "/path"],
    ["on another line", "await mcp.files.readFile(\n  {\n    path: 1\n  }\n)", 2, 3, "/path"],
    ["a positional value", "mcp.files.readFile(1)", 1, 20, "/path"],
    ["a second positional value", "mcp.files.writeFile('a', 2)", 1, 21, "/content"],
    ["too few positional values", "mcp.files.writeFile('a')", 1, 21, "/content"],
    ["an array alone", "mcp.files.readFile(['a'])", 1, 20, "/path"],
    ["by a flat name", "mcp.readFile(1)", 1, 14, "/path"],
    ["in TypeScript", "const a: string = await mcp.files.readFile({ path: 1 as any });", 1, 44, "/path"],
  ])("%s", async (_claim, text, line, column, pointer) => {
    const errors = await check(text);
    expect(errors).toMatchObject([{ code: "TOOL_ARGUMENTS_INVALID", line, column, server: "files" }]);
    expect(errors[0]?.details).toMatchObject({
      problems: expect.arrayContaining([expect.objectContaining({ pointer })]),
    });
    expect(errors[0]?.message).toMatch(/^Cannot call mcp\.\S+ as its arguments do not satisfy the tool's schema: \S/u);
    expect(errors[0]?.hint).toMatch(/^The tool is mcp\.files\./u);
  });

  it("more values than the tool takes", async () => {
    expect(await check("mcp.files.readFile('a', 'b')")).toMatchObject([
      {
        code: "TOOL_ARGUMENTS_INVALID",
        tool: "read_file",
        details: {
          problems: [{ pointer: "", message: "it takes one object, or 1 value (path): 2 arguments are written" }],
        },
      },
    ]);
    expect(await check("mcp.files.roots('a')")).toMatchObject([
      { details: { problems: [{ message: "it takes one object: 1 arguments are written" }] } },
    ]);
  });

  it.each([
    ["a value from elsewhere", "mcp.files.readFile({ path: input.path })"],
    ["a spread object", "mcp.files.readFile({ ...input })"],
    ["spread arguments", "mcp.files.readFile(...input)"],
    ["a computed key", "mcp.files.readFile({ [input.key]: 1 })"],
    ["shorthand", "const path = 1;\nmcp.files.readFile({ path })"],
    ["a method", "mcp.files.readFile({ path() {} })"],
    ["a getter", "mcp.files.readFile({ get path() { return 'a' } })"],
    ["undefined", "mcp.files.readFile({ path: undefined })"],
    ["a bigint or a regular expression", "mcp.files.readFile({ path: 1n }); mcp.files.readFile({ path: /a/ })"],
    ["a hole in an array", "mcp.files.readFile({ path: [,] })"],
    ["__proto__", "mcp.files.readFile({ __proto__: { path: 'a' } })"],
    ["a template with a substitution", "mcp.files.readFile({ path: `${input.path}` })"],
  ])("%s is not judged", async (_claim, text) => {
    expect(await check(text)).toEqual([]);
  });

  it.each([
    ["templates", "mcp.files.readFile({ path: `a` })"],
    ["positional", "mcp.files.writeFile('a', 'b')"],
    ["optional property", "mcp.files.writeFile({ path: 'a', content: 'b', mode: 'w' })"],
    ["no arguments where none are needed", "mcp.files.roots()"],
    ["the last of two equal keys", "mcp.files.readFile({ path: 1, path: 'a' })"],
    ["an object that is the one required property", "mcp.files.apply({ to: 'a' })"],
    ["the required object by its name", "mcp.files.apply({ change: { to: 'a' }, dry: true })"],
  ])("%s that fit pass", async (_claim, text) => {
    expect(await check(text)).toEqual([]);
  });

  it.each([
    ["a member that is missing", "mcp.files.writeFile({ path: input.path })", ["/content"]],
    ["a wrong value", "mcp.files.writeFile({ path: input.path, content: 1 })", ["/content"]],
    ["a name that is not known", "const path = 1;\nmcp.files.writeFile({ path, content: 'a', mod: 'w' })", ["/mod"]],
    [
      "a value not listed, beside a function's",
      "mcp.files.writeFile({ path: f(), content: `${1}`, mode: 'x' })",
      ["/mode"],
    ],
    ["several", "mcp.files.writeFile({ path: input.path, mode: 'x' })", ["/content", "/mode"]],
    ["more values than the tool takes", "mcp.files.readFile(input.path, input.other)", [""]],
  ])("%s is found beside values that come from elsewhere", async (_claim, text, pointers) => {
    const [error, ...others] = await check(text);
    expect(others).toEqual([]);
    expect(error?.details).toMatchObject({ problems: pointers.map((pointer) => ({ pointer })) });
  });

  it.each([
    ["of an unknown name that may be undefined", "mcp.files.writeFile({ path: 'a', content: 'b', mod: input.mod })"],
    ["with a method", "mcp.files.readFile({ path() {} })"],
    ["with toJSON", "mcp.files.readFile({ toJSON: f })"],
    ["with __proto__", "mcp.files.readFile({ __proto__: input })"],
    ["with a computed name", "mcp.files.writeFile({ path: input.path, [input.key]: 1 })"],
    ["with what is spread", "mcp.files.writeFile({ path: input.path, ...input })"],
    ["that may be the tool's one property", "mcp.files.apply({ change: input.change, to: 1 })"],
    ["of a name that is written again", "mcp.files.readFile({ path: 1, path: input.path })"],
    ["spread, as arguments", "mcp.files.readFile(input.path, ...input.more)"],
    ["of a schema whose members depend on each other", "mcp.files.either({ a: input.a, c: 1 })"],
  ])("an object %s is not judged", async (_claim, text) => {
    expect(await check(text)).toEqual([]);
  });

  it("wrong names and wrong arguments come in the order of the text", async () => {
    const errors = await check("mcp.files.readFile(1);\nmcp.files.nope();\nmcp.files.writeFile('a', 2)");
    expect(errors.map(({ code, line }) => [code, line])).toEqual([
      ["TOOL_ARGUMENTS_INVALID", 1],
      ["TOOL_NOT_FOUND", 2],
      ["TOOL_ARGUMENTS_INVALID", 3],
    ]);
  });
});

describe("the calls of a prepared script", () => {
  it("are told as they are written, with what is known of their arguments", async () => {
    const { calls } = await prepare(
      "const a = await mcp.files.readFile('x');\nmcp.b(a);\nmcp.c({ d: [1] }, -2);\nmcp.e({ f: a, g: 1 })",
    );
    expect(calls).toEqual([
      {
        path: ["files", "readFile"],
        args: ["x"],
        count: 1,
        open: undefined,
        position: { line: 1, column: 17 },
        argsPosition: { line: 1, column: 36 },
        lacksAwait: false,
      },
      {
        path: ["b"],
        args: undefined,
        count: 1,
        open: undefined,
        position: { line: 2, column: 1 },
        argsPosition: { line: 2, column: 7 },
        lacksAwait: false,
      },
      {
        path: ["c"],
        args: [{ d: [1] }, -2],
        count: 2,
        open: undefined,
        position: { line: 3, column: 1 },
        argsPosition: { line: 3, column: 7 },
        lacksAwait: false,
      },
      {
        path: ["e"],
        args: undefined,
        count: 1,
        open: { value: { f: null, g: 1 }, open: new Set(["f"]) },
        position: { line: 4, column: 1 },
        argsPosition: { line: 4, column: 7 },
        lacksAwait: false,
      },
    ]);
  });
});
