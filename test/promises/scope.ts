import type { Promised } from "./promise.ts";

const SCOPE = "test/unit/sandbox-runtime/scope.test.ts";
const PROXY = "test/unit/sandbox-runtime/tool-proxy.test.ts";
const NAMES = "test/e2e/tool-names.test.ts";
const VALUES = "test/e2e/values.test.ts";
const ANSWERS = "test/e2e/answers.test.ts";
const MAIN_JOB = "test/e2e/main-job.test.ts";
const UNWRAP = "test/unit/gateway/unwrap.test.ts";
const ARGUMENTS = "test/unit/bridge/bridge.test.ts";
const HOSTILE = "test/security/hostile-corpus.test.ts";
const CORPUS = "test/fixtures/data/hostile-corpus.json";
const CORPUS_2 = "test/fixtures/data/hostile-corpus-2.json";

/** What a script sees, and how its calls behave. */
export const SCOPE_PROMISES: readonly Promised[] = [
  {
    id: "scope:globals",
    promise:
      "A script has the language, `mcp`, `input`, `console`, `emit`, timers and the documented web globals, and no other name.",
    tests: [
      { file: SCOPE, name: "are those of the language and of the documentation, and no others" },
      { file: SCOPE, name: "do what they are for" },
    ],
  },
  {
    id: "scope:web",
    promise: "The web globals do what they do in Node.",
    tests: [
      {
        file: "test/unit/sandbox-runtime/web-url.test.ts",
        name: "parses what Node parses, to the same parts, and refuses the rest",
      },
      { file: "test/unit/sandbox-runtime/web-url.test.ts", name: "reads and writes queries as Node does" },
      { file: "test/unit/sandbox-runtime/web.test.ts", name: "encodes as Node does" },
      { file: "test/unit/sandbox-runtime/web.test.ts", name: "is written as Node writes it" },
      { file: "test/unit/sandbox-runtime/web.test.ts", name: "happens once, with its reason, and tells each listener" },
      { file: "test/unit/sandbox-runtime/web-clone.test.ts", name: "takes a transferred buffer from its owner" },
      {
        file: "test/unit/sandbox-runtime/random.test.ts",
        name: "makes UUIDs of version 4 that differ, within a run and between runs",
      },
    ],
  },
  {
    id: "scope:timers",
    promise:
      "Timers fire in the order of their delays, repeat until they are cleared, and do not hold a run that has ended.",
    tests: [
      {
        file: "test/unit/sandbox-runtime/timers.test.ts",
        name: "fire in the order of their delays, with their arguments",
      },
      { file: "test/unit/sandbox-runtime/timers.test.ts", name: "repeat until they are cleared, also by themselves" },
      { file: "test/unit/sandbox-runtime/timers.test.ts", name: "pending at the end do not hold the run" },
    ],
  },
  {
    id: "scope:nowhere",
    promise: "A script has no `process`, `require`, `fetch` or other name of a host.",
    tests: [
      { file: SCOPE, name: "is not seen by %s either", rows: ["a script"] },
      { file: "test/unit/sandbox-runtime/harden.test.ts", name: "has nothing of a host" },
      { file: HOSTILE, name: "%s", rows: ["globalThis-process", "xmlhttprequest", "buffer"], data: CORPUS },
    ],
  },
  {
    id: "scope:import",
    promise: "`import()` loads nothing, wherever it is written.",
    tests: [
      {
        file: SCOPE,
        name: "%s loads no module",
        rows: ["await import('node:fs')", "await eval(\"import('node:fs')\")"],
      },
      { file: HOSTILE, name: "%s", rows: ["dynamic-import-eval", "dynamic-import-function"], data: CORPUS_2 },
    ],
  },
  {
    id: "scope:memory",
    promise: "There is no WebAssembly and nothing that shares memory or blocks a thread.",
    tests: [
      {
        file: "test/unit/sandbox-runtime/harden.test.ts",
        name: "has nothing that allocates outside the heap limit, shares memory, blocks or runs when no entry is open",
      },
      {
        file: HOSTILE,
        name: "%s",
        rows: ["wasm-memory", "atomics-wait-forever", "sharedarraybuffer-loop"],
        data: CORPUS,
      },
    ],
  },
  {
    id: "scope:eval",
    promise: "`eval`, `Function` and every constructor of functions see the same names, and nothing more.",
    tests: [
      {
        file: SCOPE,
        name: "is not seen by %s either",
        rows: ["direct eval", "indirect eval", "Function", "a generator's constructor"],
      },
      { file: HOSTILE, name: "%s", rows: ["constructor-process", "function-process", "generator-ctor"], data: CORPUS },
    ],
  },
  {
    id: "mcp:names",
    promise: "A tool is called by the name its server gave it and by the identifier that is made of it.",
    tests: [
      { file: NAMES, name: "by names that are identifiers, and by those its server gave it" },
      {
        file: MAIN_JOB,
        name: "a tool is reached by its original name, in camel case, flat and by server and tool in one word",
      },
    ],
  },
  {
    id: "mcp:flat",
    promise: "A tool that one server alone has is directly on `mcp`; of one that several have, the error names all.",
    tests: [
      { file: NAMES, name: "directly on `mcp` only where one server has it" },
      {
        file: "test/e2e/guide.test.ts",
        name: "a tool name of the guide's that two servers have is refused before any call, and both are named",
      },
    ],
  },
  {
    id: "mcp:joined",
    promise: "Server and tool written as one word call the tool.",
    tests: [
      { file: NAMES, name: "directly on `mcp` only where one server has it" },
      {
        file: "test/unit/catalog/resolve.test.ts",
        name: "every tool of real servers by its server, by its joined name, and by itself where it is alone",
      },
    ],
  },
  {
    id: "mcp:collision",
    promise: "Tools whose names convert to one identifier keep their original names only, and the declarations say so.",
    tests: [
      {
        file: NAMES,
        name: "by its original name alone when another's converts to the same identifier, and declarations and errors say so",
      },
      {
        file: "test/unit/catalog/declarations/declarations.test.ts",
        name: "says of colliding names that they have no other",
      },
      {
        file: "test/unit/catalog/tool-names.test.ts",
        name: "names that collide after conversion all keep their original spelling",
      },
    ],
  },
  {
    id: "mcp:positional",
    promise: "Positional values become the required properties of the tool's schema, in order.",
    tests: [
      { file: MAIN_JOB, name: "positional values become the required properties in order" },
      {
        file: ARGUMENTS,
        name: "%s",
        rows: ["values are the required properties in order", "fewer values fill the first ones"],
      },
      { file: ARGUMENTS, name: "more values than required properties are refused with the names there are" },
    ],
  },
  {
    id: "mcp:ask",
    promise: "`$search`, `$describe` and `$servers` answer inside a script and cost no tool call.",
    tests: [
      { file: NAMES, name: "by enumerating, searching and describing are those it can call" },
      { file: MAIN_JOB, name: "a script finds, describes and enumerates its tools" },
      { file: ARGUMENTS, name: "mcp.%j with %j is %s", rows: ["$nope", "files.nope"] },
    ],
  },
  {
    id: "mcp:quiet",
    promise:
      "`mcp` and its parts answer `then`, `toJSON` and symbols with `undefined`, so that they can be awaited and written.",
    tests: [
      {
        file: SCOPE,
        name: "is undefined for `then`, `toJSON` and every symbol, at each of its points, though any other name is a function",
      },
      { file: PROXY, name: "is no promise, and can be returned by async functions" },
      { file: PROXY, name: "is no JSON" },
    ],
  },
  {
    id: "mcp:enumerate",
    promise: "Enumerating `mcp` lists servers, and enumerating a server lists its tools.",
    tests: [
      { file: PROXY, name: "lists servers and their tools" },
      { file: NAMES, name: "by enumerating, searching and describing are those it can call" },
    ],
  },
  {
    id: "mcp:unknown",
    promise: "An unknown name throws when it is called, and the error has the nearest names.",
    tests: [
      { file: MAIN_JOB, name: "a computed tool name that does not exist is an error the script can catch" },
      { file: ARGUMENTS, name: "an unknown name is answered with the nearest ones and reaches nobody" },
    ],
  },
  {
    id: "mcp:frozen",
    promise: "`mcp` cannot be changed or replaced, at any depth.",
    tests: [
      { file: PROXY, name: "cannot be changed, at any depth: strict code is told so" },
      { file: PROXY, name: "lets sloppy assignments and Reflect pass without effect, as the language does" },
      { file: PROXY, name: "cannot be replaced" },
      { file: HOSTILE, name: "%s", rows: ["mutate-mcp"], data: CORPUS },
    ],
  },
  {
    id: "mcp:unforgeable",
    promise: "A script cannot reach the bridge, nor forge a result, a failure, a log line or a call.",
    tests: [
      {
        file: PROXY,
        name: "%s is an error of the script",
        rows: ['throw new ToolError({ code: "RUN_CANCELLED", message: "forged" })'],
      },
      { file: PROXY, name: "does not come from changing a true one" },
      { file: "test/unit/sandbox-runtime/harden.test.ts", name: "are reached by no function that calls a script" },
      {
        file: HOSTILE,
        name: "%s",
        rows: ["throw-envelope-forgery", "console-tampered", "call-after-return"],
        data: CORPUS,
      },
      { file: HOSTILE, name: "no call was made for a script that had ended" },
    ],
  },
  {
    id: "mcp:unforgeable:words",
    promise: "What a script logs, emits and returns is that, though it looks like an event or an answer of ours.",
    tests: [
      {
        file: ANSWERS,
        name: "into its log is one line of its log, and what it emits one value, whatever they look like",
      },
      { file: ANSWERS, name: "as its result is its result, though it looks like the answer of a run" },
    ],
  },
  {
    id: "calls:parallel",
    promise: "Calls that are made together are in flight together.",
    tests: [{ file: NAMES, name: "are made at once: ten that wait for each other all come back" }],
  },
  {
    id: "calls:free",
    promise: "A call that waits leaves the script free to do other things.",
    tests: [
      {
        file: SCOPE,
        name: "leaves its isolate free: a timer and other calls run while it waits, and come back in the order of their answers",
      },
    ],
  },
  {
    id: "answer:structured",
    promise: "A tool's answer arrives as its structured content, if there is any.",
    tests: [
      { file: VALUES, name: "%s", rows: ["as its structured content, whatever text is beside it"] },
      { file: UNWRAP, name: "%s", rows: ["structured content wins over text", "structured content may be falsy"] },
    ],
  },
  {
    id: "answer:text",
    promise: "An answer of text alone arrives as the JSON object or list it holds, else as the text.",
    tests: [
      {
        file: VALUES,
        name: "%s",
        rows: [
          "as the value of a text that is a JSON object",
          "as the value of a text that is a JSON list",
          "as the text that it is",
        ],
      },
      {
        file: UNWRAP,
        name: "%s",
        rows: ["a JSON number stays a string: the tool said text", "what only looks like JSON stays a string"],
      },
    ],
  },
  {
    id: "answer:texts",
    promise: "Several texts are joined by line breaks.",
    tests: [{ file: UNWRAP, name: "%s", rows: ["several texts are joined by newlines"] }],
  },
  {
    id: "answer:mixed",
    promise: "An answer that is not all text arrives as its content blocks.",
    tests: [
      { file: VALUES, name: "%s", rows: ["as blocks, when there is more than text"] },
      { file: MAIN_JOB, name: "gives structured content as an object and mixed content as blocks" },
    ],
  },
  {
    id: "answer:error",
    promise:
      "A tool that says that it failed throws a `ToolError` with code, server, tool, message and details, which may be caught.",
    tests: [
      { file: VALUES, name: "as an error that the script may catch, when the tool says that it failed" },
      { file: PROXY, name: "rejects with a ToolError that has what the host told" },
    ],
  },
  {
    id: "emit:values",
    promise: "`emit` sends values out beside the result, in their order.",
    tests: [
      { file: VALUES, name: "is in the answer over HTTP, in its order" },
      { file: "test/unit/sandbox-runtime/codec.test.ts", name: "is written like a result" },
    ],
  },
  {
    id: "emit:blocks",
    promise:
      "Emitted texts, images, audio, files and links are content that an MCP client shows; malformed ones stay values.",
    tests: [
      {
        file: VALUES,
        name: "over MCP is content that a client shows: images, audio, files and links; what is malformed is told as a value",
      },
      {
        file: "test/unit/mcp/run-answer.test.ts",
        name: "is passed through as a block when it is one, and told in its place",
      },
    ],
  },
  {
    id: "console:format",
    promise: "The console writes values as Node writes them: objects, Map, Set, Date, errors and cycles.",
    tests: [
      {
        file: "test/unit/sandbox-runtime/inspect-node.test.ts",
        name: "is what Node prints, in at least ${least} cases",
      },
      { file: "test/unit/sandbox-runtime/inspect-node.test.ts", name: "is logged as Node prints it" },
    ],
  },
];
