import type { Promised } from "./promise.ts";

const SCHEMA = "test/unit/catalog/declarations/schema-to-type.test.ts";
const DECLARED = "test/unit/catalog/declarations/declared-types.test.ts";
const DECLARATIONS = "test/unit/catalog/declarations/declarations.test.ts";
const CORPORA = "test/unit/catalog/declarations/corpus-declarations.test.ts";
const NAMES = "test/unit/catalog/tool-names.test.ts";
const COMMENTS = "test/unit/catalog/declarations/comment-bounds.test.ts";
const SEARCH = "test/unit/catalog/search/search.test.ts";
const INDEX = "test/unit/catalog/catalog-index.test.ts";
const DISCOVERY = "test/e2e/discovery.test.ts";
const LEARNED = "test/e2e/learned-types.test.ts";

/** How tools are declared and found. */
export const TOOL_PROMISES: readonly Promised[] = [
  {
    id: "declared:comments",
    promise: "A tool's comment is its first sentence of at most 120 characters, a property's at most 60.",
    tests: [
      { file: COMMENTS, name: "say the purpose of a tool in at most 120 characters" },
      { file: COMMENTS, name: "say the purpose of a property in at most 60 characters, beside its format and default" },
      { file: "test/unit/catalog/doc-text.test.ts", name: "a long sentence is cut at a word and marked" },
    ],
  },
  {
    id: "declared:kept",
    promise: "Values of enumerations, defaults and formats are kept.",
    tests: [
      { file: COMMENTS, name: "keep every default and every value of an enumeration" },
      { file: SCHEMA, name: "tell purpose, format and default, and nothing that the name says" },
    ],
  },
  {
    id: "declared:references",
    promise: "References and recursion become named types.",
    tests: [
      { file: DECLARATIONS, name: "names a definition that several tools share once, and writes short ones out" },
      { file: DECLARATIONS, name: "keeps different definitions of one name apart" },
      { file: SCHEMA, name: "%s", rows: ["through others", "back through an array"] },
    ],
  },
  {
    id: "declared:output",
    promise: "A tool's answer has its declared type, else one that was learned and is marked so, else `unknown`.",
    tests: [
      {
        file: "test/unit/catalog/declarations/tool-types.test.ts",
        name: "a signature is one line that says how the tool is called and what it answers",
      },
      {
        file: "test/unit/catalog/declarations/compact-declarations.test.ts",
        name: "an answer learned from results is marked, and one that is declared is not",
      },
      { file: LEARNED, name: "learns from scripts what a tool answers, and shows it by every door" },
    ],
  },
  {
    id: "declared:learned",
    promise:
      "What a client's results have taught is shown to that client alone, holds no value, and is of one version of the tool.",
    tests: [
      { file: LEARNED, name: "tells a client nothing of what another one's results looked like" },
      { file: LEARNED, name: "learns no key that is data, and no value" },
      {
        file: LEARNED,
        name: "what was learned outlives the service; a tool that changed is learned anew; learning can be switched off",
      },
    ],
  },
  {
    id: "declared:tokens",
    promise: "The declarations of real tools take less than 0.42 of the tokens of their servers' own lists.",
    tests: [
      {
        file: "test/unit/catalog/declarations/declaration-tokens.test.ts",
        name: "take less than 0.42 of the tokens of their servers' own lists, answers and all",
      },
    ],
  },
  {
    id: "declared:compile",
    promise: "Every declaration and every signature compiles under `--strict`.",
    tests: [
      { file: DECLARED, name: "each server's declarations, and each signature, compile alone" },
      { file: DECLARATIONS, name: "the declarations of any schemas compile alone" },
      { file: CORPORA, name: "the declarations and the signatures of all tools of the retrieval sets compile" },
      {
        file: CORPORA,
        name: "the declarations and the signatures of all tools of $name compile, and its recorded calls against them",
        rows: ["NesTools", "BFCL", "tau-bench", "API-Bank"],
        data: "test/support/pack-data.ts",
      },
      {
        file: "test/e2e/http-lifecycle.test.ts",
        name: "/declarations is TypeScript that compiles alone, and a script compiles against it",
      },
    ],
  },
  {
    id: "names:identifiers",
    promise: "A tool has a valid identifier whatever it is called, a longest and an empty name included.",
    tests: [
      { file: NAMES, name: "writes %j as %j", rows: ["get-weather", "api.v2.search", "3drender", "class", ""] },
      { file: NAMES, name: "is a valid identifier whatever the name is, and JavaScript agrees" },
      { file: "test/e2e/tool-names.test.ts", name: "by names that are identifiers, and by those its server gave it" },
    ],
  },
  {
    id: "names:deterministic",
    promise: "Identifiers do not depend on the order of the tools, nor declarations on when they are asked for.",
    tests: [
      { file: NAMES, name: "gives distinct words, none of which is another name, in any order of the names" },
      {
        file: "test/e2e/tool-names.test.ts",
        name: "in the declarations compile, whatever the tools are called, and are the same each time",
      },
    ],
  },
  {
    id: "surface:tokens",
    promise: "An MCP client's list of tools takes less than 600 tokens, however many tools there are behind it.",
    tests: [
      {
        file: "test/integration/mcp-cost.test.ts",
        name: "takes less than 600 tokens, the same whether there are 10 tools or 4,000",
      },
    ],
  },
  {
    id: "index:budget",
    promise: "The index of all tools keeps to its budget of tokens, whatever the tools are called.",
    tests: [
      { file: INDEX, name: "of real servers uses its budget well and never exceeds it" },
      { file: INDEX, name: "never exceeds its budget, whatever the names are" },
    ],
  },
  {
    id: "index:fair",
    promise:
      "The index names tools of each server before it completes one, and says whether it is complete or how much is missing.",
    tests: [
      { file: INDEX, name: "shows each server before it completes one, and says what is missing" },
      { file: INDEX, name: "counts what it shows" },
      { file: INDEX, name: "names every tool where all fit, by server, as a script writes them" },
    ],
  },
  {
    id: "index:planner",
    promise: "A planner is told every declaration where they are few, else the index and the signatures for the task.",
    tests: [
      { file: INDEX, name: "is every declaration where all fit" },
      { file: INDEX, name: "is else an index and the signatures of the tools for the task and each of its clauses" },
      { file: "test/e2e/doors.test.ts", name: "is planned, run and answered with its script" },
    ],
  },
  {
    id: "index:request",
    promise: "A client that asks for all tools gets the index when they do not fit.",
    tests: [
      {
        file: "test/unit/mcp/search-tools.test.ts",
        name: "begins a list of all tools that does not fit with an index of their names",
      },
    ],
  },
  {
    id: "search:signatures",
    promise: "A search answers with complete signatures, by every door.",
    tests: [
      {
        file: DISCOVERY,
        name: "gives signatures that are complete, so that nothing has to be looked up before a call",
      },
      {
        file: "test/unit/catalog/search/search-cost.test.ts",
        name: "over MCP takes at most a quarter of the tools' own JSON, as text and as structure",
      },
    ],
  },
  {
    id: "search:fields",
    promise: "A word in a tool's name counts more than one in its description, and that more than one in a parameter.",
    tests: [
      { file: SEARCH, name: "a name counts more than a description, and that more than a parameter" },
      { file: SEARCH, name: "the server's name finds its tools" },
    ],
  },
  {
    id: "search:words",
    promise: "Words of camelCase and snake_case names, plurals and other forms of a word meet.",
    tests: [
      { file: SEARCH, name: "plural, camelCase and inflected words meet" },
      { file: "test/unit/catalog/search/stem.test.ts", name: "of words that look alike is not the same" },
    ],
  },
  {
    id: "search:whole",
    promise: "A whole word outranks the same letters inside another: `zones` finds `get_zones` before `get_timezones`.",
    tests: [{ file: SEARCH, name: "a whole word outranks the same letters inside another" }],
  },
  {
    id: "search:tie",
    promise: "On a tie a tool that looks comes before one that changes, and that before one that removes.",
    tests: [{ file: SEARCH, name: "on a tie what looks comes before what changes, and that before what removes" }],
  },
  {
    id: "search:pages",
    promise: "Pages of a search put together are the whole, and each tells the total.",
    tests: [
      { file: DISCOVERY, name: "comes in pages that together are the whole" },
      { file: SEARCH, name: "pages put together are the whole, and each tells the total" },
    ],
  },
  {
    id: "search:count",
    promise: "A page says how many of how many tools it shows, and how to go on.",
    tests: [{ file: DISCOVERY, name: "over MCP a page says how many there are and how to go on" }],
  },
  {
    id: "search:empty",
    promise: "A search without words lists every tool.",
    tests: [
      { file: DISCOVERY, name: "without words lists every tool that the caller may use, and no other" },
      { file: SEARCH, name: "an empty query gives every tool in the catalog's order" },
    ],
  },
  {
    id: "search:server",
    promise: "A search of a server that is not there names those that are.",
    tests: [
      { file: DISCOVERY, name: "over HTTP" },
      { file: DISCOVERY, name: "over MCP" },
      { file: DISCOVERY, name: "in a script, and one that is hidden is answered in the same words" },
    ],
  },
  {
    id: "search:hidden",
    promise: "Tools that a caller may not use are never listed, found or suggested.",
    tests: [
      { file: DISCOVERY, name: "never finds a tool that is hidden" },
      { file: DISCOVERY, name: "without words lists every tool that the caller may use, and no other" },
      { file: "test/unit/gateway/access.test.ts", name: "suggests only tools that the caller may use" },
    ],
  },
  {
    id: "search:recall",
    promise: "The right tool is among the first hits, in recorded sets and for requests that the ranking has not seen.",
    tests: [
      {
        file: "test/unit/catalog/search/search-recall.test.ts",
        name: "in %s",
        rows: ["bfcl-simple-python", "mcpproxy-golden"],
      },
      {
        file: "test/unit/catalog/search/search-recall.test.ts",
        name: "among recorded tools, by requests %s",
        rows: ["that the tuning has not seen"],
      },
    ],
  },
];
