import type { Promised } from "./promise.ts";

const PREFLIGHT = "test/unit/script/preflight.test.ts";
const REAL_TOOLS = "test/unit/script/preflight-real-tools.test.ts";
const MAIN_JOB = "test/e2e/main-job.test.ts";

/** What is found in a script before anything of it runs. */
export const CHECK_PROMISES: readonly Promised[] = [
  {
    id: "preflight:names",
    promise: "Each written-out name of a tool that does not exist is found before anything runs.",
    tests: [
      { file: PREFLIGHT, name: "%s", rows: ["a wrong method", "a wrong server", "a wrong flat name", "in brackets"] },
      {
        file: REAL_TOOLS,
        name: "is found for each of 482 tools, and what is offered are signatures of up to three tools that there are",
      },
    ],
  },
  {
    id: "preflight:arguments",
    promise: "Each written-out argument object that cannot satisfy its tool's schema is found before anything runs.",
    tests: [
      {
        file: PREFLIGHT,
        name: "%s",
        rows: ["a wrong type", "a missing property", "an unknown property", "a value not listed"],
      },
      { file: REAL_TOOLS, name: "is refused with the tool's signature, for each tool that requires one" },
      {
        file: "test/unit/script/preflight-property.test.ts",
        name: "a required member that is missing from a literal object is told",
      },
    ],
  },
  {
    id: "preflight:told",
    promise: "The error has the line, the wrong name, and the three nearest tools with their signatures.",
    tests: [
      { file: REAL_TOOLS, name: "is told with the three nearest tools and their signatures, the right one first" },
      {
        file: PREFLIGHT,
        name: "the error has the line, the wrong name, and the three nearest tools with their signatures",
      },
    ],
  },
  {
    id: "preflight:before",
    promise: "A fault that is found before the run costs no side effect, not even of the calls before it.",
    tests: [
      { file: MAIN_JOB, name: "a misspelt tool is refused before a write that stands before it has happened" },
      { file: MAIN_JOB, name: "literal arguments that cannot be right are refused before anything runs" },
    ],
  },
  {
    id: "preflight:always",
    promise:
      "Names and arguments are checked in every run that does not ask otherwise, by every door, planned ones too.",
    tests: [
      { file: MAIN_JOB, name: "a misspelt tool is refused before a write that stands before it has happened" },
      {
        file: "test/e2e/doors.test.ts",
        name: "whose script names a tool that does not exist is mended in one round, before any call",
      },
      { file: "test/unit/runs/perform.test.ts", name: "without the check wrong names are found by the call" },
    ],
  },
  {
    id: "preflight:sound",
    promise: "Nothing that may succeed is refused: what only the call can decide is left to it.",
    tests: [
      { file: "test/unit/script/preflight-property.test.ts", name: "valid arguments are not refused" },
      { file: PREFLIGHT, name: "%s is not judged", rows: ["a computed name", "a choice", "in a script with eval"] },
      { file: PREFLIGHT, name: "%s", rows: ["a variable named mcp", "a parameter named mcp", "an optional call"] },
    ],
  },
  {
    id: "types:request",
    promise: "A run that asks for it has its types checked before anything is called; one that does not ask has not.",
    tests: [
      {
        file: "test/e2e/typecheck.test.ts",
        name: "calls nothing when the answer's type shows the mistake, which unasked it lets run",
      },
      { file: "test/e2e/typecheck.test.ts", name: "checks TypeScript before its types are erased" },
    ],
  },
  {
    id: "types:planned",
    promise: "Every script that a model planned has its types checked, and the model is told its mistake.",
    tests: [
      {
        file: "test/e2e/typecheck.test.ts",
        name: "gives a model its mistake before anything is called, and runs what it makes of it",
      },
      {
        file: "test/unit/runs/check-script.test.ts",
        name: "of a script that a model wrote are checked without being asked for, unless nothing is to be checked",
      },
    ],
  },
  {
    id: "types:namespaces",
    promise: "Types are checked against the declarations of the servers that the script names.",
    tests: [
      {
        file: "test/unit/script/typecheck/typecheck-namespaces.test.ts",
        name: "are %s",
        rows: ["none", "those it names", "that of a tool it names directly"],
      },
      {
        file: "test/unit/catalog/declarations/checking-declarations.test.ts",
        name: "hold the servers asked for, by either name, and what they have directly on mcp",
      },
    ],
  },
  {
    id: "types:five",
    promise: "At most five faults are told, with how many more there are.",
    tests: [
      {
        file: "test/unit/script/typecheck/typecheck.test.ts",
        name: "is five places at most, and how many more there are",
      },
    ],
  },
  {
    id: "types:stub",
    promise: "Each fault has the signature of the tool that it is about.",
    tests: [
      {
        file: "test/unit/script/typecheck/typecheck.test.ts",
        name: "is one error of the script's with the place, TypeScript's words and the tool's signature",
      },
    ],
  },
  {
    id: "types:sound",
    promise: "No fault is told of what cannot fail when it runs.",
    tests: [
      {
        file: "test/unit/script/typecheck/typecheck.test.ts",
        name: "$claim",
        rows: [
          "options built up step by step",
          "a variable that gets its right type later",
          "TypeScript: implicit any and unused names",
          "TypeScript: possibly undefined everywhere",
        ],
        data: "test/fixtures/data/type-check/valid.json",
      },
      { file: "test/unit/script/typecheck/typecheck-packs.test.ts", name: "nor of texts as models send them" },
    ],
  },
  {
    id: "types:globals",
    promise: "The type check, the declarations and the errors know the globals that a script really has.",
    tests: [
      { file: "test/unit/script/known-globals.test.ts", name: "are all known to the type check" },
      {
        file: "test/unit/script/known-globals.test.ts",
        name: "have those among them that a refused import is told of, and those that the declarations declare",
      },
    ],
  },
];
