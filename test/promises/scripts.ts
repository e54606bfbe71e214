import type { Promised } from "./promise.ts";

const NORMALISE = "test/unit/script/normalise.test.ts";
const TYPESCRIPT = "test/unit/script/typescript.test.ts";
const PREFLIGHT = "test/unit/script/preflight.test.ts";
const ERRORS = "test/unit/script/prepare-errors.test.ts";
const PLACES = "test/unit/script/error-places.test.ts";
const POSITIONS = "test/unit/script/positions.test.ts";
const MAIN_JOB = "test/e2e/main-job.test.ts";

/** What a run understands of a text from a model. */
export const SCRIPT_PROMISES: readonly Promised[] = [
  {
    id: "script:N1",
    promise: "A text that is empty, blank or all comments succeeds without a value.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["empty", "blank", "a line comment", "comments only", "an empty fence"] },
      { file: MAIN_JOB, name: "nothing but comments succeeds with no value" },
    ],
  },
  {
    id: "script:N1:json",
    promise: "No value is `null` in the answer, told from a returned `null` by its type.",
    tests: [
      { file: MAIN_JOB, name: "nothing but comments succeeds with no value" },
      { file: "test/unit/runs/perform.test.ts", name: "no value is told from null" },
    ],
  },
  {
    id: "script:N2",
    promise: "A text that is one fence is the body of that fence.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["js", "tildes", "four backticks", "CRLF"] },
      { file: MAIN_JOB, name: "a script in a fence, with and without prose, is the script" },
    ],
  },
  {
    id: "script:N2:label",
    promise: "The label of a fence may be any, in any case, or missing.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["no label", "upper case", "any label", "json", "attributes"] },
      {
        file: "test/unit/script/model-scripts.test.ts",
        name: "$claim",
        rows: ["a fence with the label 'JS'", "a fence with the label 'tsx'", "a fence with the label ''"],
        data: "test/fixtures/data/model-scripts.json",
      },
    ],
  },
  {
    id: "script:N2:loose",
    promise: "Spaces after a fence's lines and a missing close do not matter.",
    tests: [
      {
        file: NORMALISE,
        name: "%s",
        rows: ["trailing spaces", "blank lines before", "no close", "an opening line alone"],
      },
    ],
  },
  {
    id: "script:N3",
    promise: "Of prose with fences, the first fence that parses is the script.",
    tests: [
      {
        file: NORMALISE,
        name: "%s",
        rows: [
          "one fence",
          "the first of two",
          "the second, when the first does not parse",
          "an apostrophe in the prose",
          "prose that would parse as a label",
        ],
      },
      { file: MAIN_JOB, name: "a script in a fence, with and without prose, is the script" },
    ],
  },
  {
    id: "script:N3:largest",
    promise: "When no fence in prose parses, the fault is told in the largest one.",
    tests: [
      {
        file: ERRORS,
        name: "%s",
        rows: ["in the largest fence when none parses", "in the largest fence after prose"],
      },
    ],
  },
  {
    id: "script:N4",
    promise: "A fence inside of a script, in a template literal, a string or a comment, is part of the script.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["escaped", "in a template, with tildes", "in a comment", "in a string"] },
      {
        file: NORMALISE,
        name: "what a template literal quotes never runs when it %s",
        rows: ["ends a template literal by accident"],
      },
    ],
  },
  {
    id: "script:N5",
    promise: "A single function expression, of whatever form, is called and its value is the result.",
    tests: [
      {
        file: NORMALISE,
        name: "%s",
        rows: [
          "async arrow",
          "arrow",
          "concise",
          "parenthesised",
          "as a cast",
          "anonymous function",
          "anonymous async function",
          "named, parenthesised",
          "comments around",
        ],
      },
      { file: MAIN_JOB, name: "an arrow function, a main function and a trailing expression give their value" },
    ],
  },
  {
    id: "script:N6",
    promise: "A default export is the result, and is called when it is a function.",
    tests: [
      {
        file: NORMALISE,
        name: "%s",
        rows: ["expression", "object", "named function", "a constant's name", "a name", "a value that is a function"],
      },
      { file: NORMALISE, name: "a class that is exported is not called" },
    ],
  },
  {
    id: "script:N7",
    promise: "A function declaration that nothing uses is called, whatever its name.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["main", "any name", "with its helper", "main among others nobody uses"] },
    ],
  },
  {
    id: "script:N8",
    promise: "A function that is kept in a constant and that nothing uses is called.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["let", "typed", "with a class"] },
      {
        file: "test/unit/script/model-scripts.test.ts",
        name: "$claim",
        rows: ["a function expression", "beside work of its own it is not called"],
        data: "test/fixtures/data/model-scripts.json",
      },
    ],
  },
  {
    id: "script:N9",
    promise: "The awaited value of a last expression, an IIFE or a call of `main` is the result.",
    tests: [
      {
        file: NORMALISE,
        name: "%s",
        rows: ["sum", "awaited call", "call that is not awaited", "IIFE", "IIFE with a leading semicolon", "main()"],
      },
      { file: MAIN_JOB, name: "an arrow function, a main function and a trailing expression give their value" },
    ],
  },
  {
    id: "script:N10",
    promise: "An object literal as the whole text is the object and no block.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["one member", "JSON", "shorthand", "a block is a block", "its member"] },
    ],
  },
  {
    id: "script:N11",
    promise: "A script that ends with a declaration, a loop or a condition has no value and no error.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["declaration", "loop", "if", "class"] },
      { file: NORMALISE, name: "a helper that is declared beside a tool call is not called" },
    ],
  },
  {
    id: "script:N12",
    promise:
      "Whatever else JavaScript allows means what it means: `await`, `return`, directives, templates, marks and quotes.",
    tests: [
      {
        file: NORMALISE,
        name: "%s",
        rows: [
          "top-level await",
          "top-level return in a branch",
          "use strict is kept as a directive",
          "backticks and substitutions",
          "a byte order mark",
          "smart quotes in strings",
        ],
      },
      { file: POSITIONS, name: "its lines stay where they are" },
    ],
  },
  {
    id: "script:N13",
    promise: "An import or a `require` of anything is refused with the globals that there are.",
    tests: [
      {
        file: ERRORS,
        name: "%s",
        rows: ["a default import", "an import for its effects", "a dynamic import", "require", "import equals"],
      },
    ],
  },
  {
    id: "script:N14",
    promise: "A syntax error has its message, line, column and quoted line in the caller's own text.",
    tests: [
      {
        file: ERRORS,
        name: "%s",
        rows: ["in a script", "in a fence", "after CRLF", "in TypeScript", "in an enum", "at the end of the text"],
      },
      { file: MAIN_JOB, name: "a syntax error tells where, and nothing runs" },
    ],
  },
  {
    id: "script:N15",
    promise: "TypeScript runs, with what is erased and with what has to be rewritten.",
    tests: [
      {
        file: TYPESCRIPT,
        name: "%s",
        rows: [
          "annotations",
          "generics",
          "as",
          "satisfies",
          "non-null",
          "interfaces",
          "enums",
          "parameter properties",
          "type-only programs",
        ],
      },
      { file: MAIN_JOB, name: "TypeScript runs, and positions are those of the caller's text" },
    ],
  },
  {
    id: "script:N15:positions",
    promise: "Errors of TypeScript are told at their places in the text with types.",
    tests: [
      { file: TYPESCRIPT, name: "what is erased keeps every other character where it was" },
      {
        file: PLACES,
        name: "%s",
        rows: ["types before it on its line", "an enum before it", "a parameter property", "an enum in a fence"],
      },
    ],
  },
  {
    id: "script:places",
    promise:
      "An error at run time is told at the line and column of the caller's own text, whatever the form of the script.",
    tests: [
      {
        file: PLACES,
        name: "%s",
        rows: ["an async arrow", "a default export", "a fence after prose", "Promise.all", "after an await"],
      },
      { file: PLACES, name: "no error shows a frame of the runtime or the text that was made of the script" },
      { file: MAIN_JOB, name: "a thrown error tells line, column and the quoted line of the caller's own text" },
    ],
  },
  {
    id: "script:parsed",
    promise: "What a script is, its syntax tree says: texts that only look like code or fences change nothing.",
    tests: [
      { file: NORMALISE, name: "%s", rows: ["regular expressions with braces", "a property named require or import"] },
      { file: PREFLIGHT, name: "%s", rows: ["a string", "a comment", "a type"] },
      { file: POSITIONS, name: "any text at all is either prepared or refused as SCRIPT_SYNTAX" },
    ],
  },
  {
    id: "script:plain",
    promise: "Plain JavaScript never reaches the TypeScript transpiler.",
    tests: [{ file: TYPESCRIPT, name: "%j", rows: ["1 + 1", "async () => 2", "```js\n10\n```"] }],
  },
];
