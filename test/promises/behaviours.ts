import type { Promised } from "./promise.ts";

const SCHEMA = "test/unit/catalog/declarations/schema-to-type.test.ts";
const DECLARED = "test/unit/catalog/declarations/declared-types.test.ts";
const DECLARATIONS = "test/unit/catalog/declarations/declarations.test.ts";
const LIMITS = "test/e2e/limits.test.ts";
const RESULTS = "test/e2e/results.test.ts";
const ISOLATION = "test/e2e/isolation.test.ts";
const HOSTILE = "test/security/hostile-corpus.test.ts";
const CORPUS = "test/fixtures/data/hostile-corpus.json";
const CORPUS_2 = "test/fixtures/data/hostile-corpus-2.json";

/** Behaviours of the whole that other sandboxes have been seen to lack. */
export const BEHAVIOUR_PROMISES: readonly Promised[] = [
  {
    id: "types:objects",
    promise: "Required, optional, nested and further properties are what the schema says.",
    tests: [
      {
        file: SCHEMA,
        name: "%s",
        rows: ["required and optional", "required but not listed", "map beside properties", "closed and empty"],
      },
    ],
  },
  {
    id: "types:arrays",
    promise: "Lists and tuples are typed, of either dialect, with what may follow or be missing.",
    tests: [
      {
        file: SCHEMA,
        name: "%s",
        rows: [
          "nested array",
          "2020-12 tuple",
          "draft-07 tuple",
          "2020-12 tuple with rest",
          "tuple that may be shorter",
        ],
      },
    ],
  },
  {
    id: "types:enums",
    promise: "Enumerations and constants of quotes, line breaks, null, numbers and objects are literals.",
    tests: [{ file: SCHEMA, name: "%s", rows: ["enum", "enum of objects", "const", "const null", "empty enum"] }],
  },
  {
    id: "types:references",
    promise: "References are followed, chained ones too; those to other documents are `unknown`.",
    tests: [
      {
        file: SCHEMA,
        name: "%s",
        rows: ["into $defs", "into definitions", "through others", "to another document", "to a file", "to nowhere"],
      },
    ],
  },
  {
    id: "types:recursion",
    promise: "A schema that refers to itself, directly or through others, is typed and ends.",
    tests: [
      {
        file: SCHEMA,
        name: "%s",
        rows: ["to itself alone", "in a circle of aliases", "back to what holds it", "back through an array"],
      },
      { file: SCHEMA, name: "definitions that double at every step cost no more than their limit" },
    ],
  },
  {
    id: "types:booleans",
    promise: "Boolean and nullable schemas are typed.",
    tests: [{ file: SCHEMA, name: "%s", rows: ["true", "false", "nullable", "type list", "anyOf with true"] }],
  },
  {
    id: "types:hostile",
    promise: "No name and no description can end a comment or a literal, and an empty name is a name.",
    tests: [
      { file: SCHEMA, name: "%s", rows: ["names that are not identifiers"] },
      { file: SCHEMA, name: "stay on their line and end nothing, whatever they hold" },
      {
        file: DECLARATIONS,
        name: "the declarations of recorded, hostile and sampled tools compile alone, and take and refuse what the schemas do",
      },
    ],
  },
  {
    id: "types:agree",
    promise: "What a schema accepts compiles against its type, and what it refuses does not.",
    tests: [
      {
        file: DECLARED,
        name: "of any schema, what it accepts compiles against the declaration and what it refuses does not",
      },
      {
        file: DECLARED,
        name: "of each real tool, what its schema accepts compiles against the declaration and what it refuses does not",
      },
    ],
  },
  {
    id: "values:error-wins",
    promise: "An answer that says it failed is a failure, whatever content it has beside.",
    tests: [
      {
        file: "test/unit/gateway/unwrap.test.ts",
        name: "wins over structured content, which is kept in the details when it is small",
      },
      {
        file: "test/integration/upstream.test.ts",
        name: "hands on a failure of a tool that has an output schema as the tool worded it",
      },
    ],
  },
  {
    id: "values:large",
    promise: "Results of 20 MB and 20,000 lines of log give a bounded, valid answer and a run that succeeded.",
    tests: [
      { file: RESULTS, name: "20,000 log lines beside a large result leave a bounded answer and a run that succeeded" },
      { file: RESULTS, name: "a text of 20 MB is cut in the answer and whole behind it, byte for byte" },
      { file: RESULTS, name: "20 MB of objects are cut to their first ones, and the rest is counted" },
    ],
  },
  {
    id: "hostile:loop",
    promise: "A loop without end is ended, at the start of a script, after a call and in a timer.",
    tests: [
      {
        file: LIMITS,
        name: "%s",
        rows: [
          "a loop that does not end reaches the computing limit",
          "a loop after an awaited tool call reaches the computing limit",
          "a loop in a timer reaches the computing limit",
        ],
      },
      {
        file: HOSTILE,
        name: "%s",
        rows: ["spin-after-return", "for-empty-try-catch-finally", "await-null-loop"],
        data: CORPUS,
      },
    ],
  },
  {
    id: "hostile:never",
    promise:
      "A tool that never answers is waited for until the wall limit; a promise that nothing settles is told at once.",
    tests: [
      {
        file: LIMITS,
        name: "%s",
        rows: [
          "a tool that never answers ends with the wall limit",
          "a promise that nothing settles is a deadlock, told at once",
        ],
      },
    ],
  },
  {
    id: "hostile:memory",
    promise: "Bombs of heap, buffers and texts cost their own run only.",
    tests: [
      {
        file: LIMITS,
        name: "%s",
        rows: [
          "a heap that grows reaches the memory limit",
          "a map with text keys that grows until V8 gives up costs its own run only",
        ],
      },
      {
        file: HOSTILE,
        name: "%s",
        rows: ["arraybuffer-loop", "strings-flat", "string-doubling", "json-parse-bomb"],
        data: CORPUS,
      },
    ],
  },
  {
    id: "hostile:floods",
    promise: "Floods of promises, microtasks and calls cost their own run only.",
    tests: [
      {
        file: HOSTILE,
        name: "%s",
        rows: ["microtask-queue-bomb", "flood-unawaited-forever", "flood-sequential"],
        data: CORPUS,
      },
      { file: HOSTILE, name: "%s", rows: ["promise-all-million", "queue-microtask-flood"], data: CORPUS_2 },
      {
        file: HOSTILE,
        name: "a crowd of attacks in shared processes is answered, each with a code that is not a defect",
      },
    ],
  },
  {
    id: "hostile:regexp",
    promise: "A regular expression that takes for ever is ended, in a script and in a schema.",
    tests: [
      { file: HOSTILE, name: "%s", rows: ["regex-catastrophic-2", "regex-backreference-bomb"], data: CORPUS },
      {
        file: "test/unit/runs/output-schema.test.ts",
        name: "whose check takes for ever does not pass, and the next one is checked",
      },
    ],
  },
  {
    id: "hostile:recursion",
    promise: "Recursion without end is an error of the script, and no crash.",
    tests: [
      {
        file: HOSTILE,
        name: "%s",
        rows: ["deep-recursion", "deep-recursion-native", "deep-recursion-json"],
        data: CORPUS,
      },
      {
        file: "test/unit/script/error-places.test.ts",
        name: "a recursion without end is told in the function that does it",
      },
    ],
  },
  {
    id: "hostile:quota",
    promise: "The call over the quota is refused in a way that a script can catch, and it goes on.",
    tests: [{ file: LIMITS, name: "a script that catches the refusal of a call goes on" }],
  },
  {
    id: "hostile:neighbours",
    promise: "While a run goes over a limit, runs of others notice nothing.",
    tests: [
      { file: LIMITS, name: "logs over their limit are dropped with a notice, and the run succeeds" },
      { file: LIMITS, name: "%s", rows: ["a heap that grows reaches the memory limit"] },
    ],
  },
  {
    id: "isolation:next",
    promise: "Nothing of a run is seen by the next one, of the same caller or of another.",
    tests: [
      { file: ISOLATION, name: "leave nothing to the next run of the same caller or of the other" },
      { file: "test/unit/sandbox-runtime/harden.test.ts", name: "is a new one for every run" },
      { file: HOSTILE, name: "%s", rows: ["mark-every-global", "look-for-marks"], data: CORPUS_2 },
    ],
  },
  {
    id: "isolation:callers",
    promise: "Two callers' runs that run together see neither each other's tools, nor results, nor context.",
    tests: [
      { file: ISOLATION, name: "see their own tools, input, answers and globals, and nothing of the other's" },
      { file: "test/e2e/http-lifecycle.test.ts", name: "do not see each other's runs; an administrator sees both" },
      { file: "test/e2e/http-lifecycle.test.ts", name: "do not see tools of servers they may not use, by any door" },
    ],
  },
  {
    id: "isolation:revoked",
    promise: "A tool that is taken away during a run is denied at the next call, and its server is not reached.",
    tests: [
      { file: ISOLATION, name: "is denied at the next call, which does not reach its server" },
      {
        file: "test/unit/gateway/access.test.ts",
        name: "is judged anew for each call: a tool that is taken away mid-run is refused at the next call",
      },
    ],
  },
  {
    id: "isolation:self",
    promise: "A script finds no way to run a script: `run_script` is none of its tools.",
    tests: [{ file: ISOLATION, name: "are none of a script's: no name leads back to `run_script`" }],
  },
];
