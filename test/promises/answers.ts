import type { Promised } from "./promise.ts";

const ANSWERS = "test/e2e/answers.test.ts";
const RESULTS = "test/e2e/results.test.ts";
const VALUES = "test/e2e/values.test.ts";
const CODEC = "test/unit/sandbox-runtime/codec.test.ts";
const UNAWAITED = "test/unit/sandbox-runtime/unawaited.test.ts";
const LIFECYCLE = "test/e2e/http-lifecycle.test.ts";
const DOORS = "test/e2e/doors.test.ts";

/** What comes back from a run. */
export const ANSWER_PROMISES: readonly Promised[] = [
  {
    id: "run:members",
    promise: "The answer of a run has id, status, result and its type, logs, calls, emitted values and usage.",
    tests: [{ file: ANSWERS, name: "that succeeded has these members and no others" }],
  },
  {
    id: "run:failed",
    promise:
      "The answer of a failed run has code, message, fault, whether it is worth another try, place, server and tool.",
    tests: [
      { file: ANSWERS, name: "that failed says what failed, whose fault it was, where, and what had happened before" },
      {
        file: "test/e2e/main-job.test.ts",
        name: "an uncaught tool error names server, tool, and the line of the call",
      },
    ],
  },
  {
    id: "run:hint",
    promise: "An error has a hint of what to do where something can be said.",
    tests: [
      { file: "test/unit/script/explain-error.test.ts", name: "%s", rows: ["fetch", "kept in a name"] },
      {
        file: "test/unit/script/preflight-real-tools.test.ts",
        name: "is refused with the tool's signature, for each tool that requires one",
      },
    ],
  },
  {
    id: "run:status",
    promise: "A run is queued, running, succeeded, failed or cancelled, and is told so while it lasts.",
    tests: [
      { file: LIFECYCLE, name: "tells its events in order, the last one with the run" },
      { file: LIFECYCLE, name: "in mode queue is answered at once, is durable, and says where it is" },
      { file: LIFECYCLE, name: "a running run ends it and cancels its upstream call" },
      { file: LIFECYCLE, name: "a queued run keeps it from ever starting" },
    ],
  },
  {
    id: "run:logs",
    promise: "Each line of the log has its level, its time and its text.",
    tests: [
      { file: ANSWERS, name: "that succeeded has these members and no others" },
      { file: "test/unit/sandbox-runtime/console.test.ts", name: "gives each method its level" },
    ],
  },
  {
    id: "run:calls",
    promise:
      "Each call is listed with number, server, tool, duration, outcome and sizes; what was refused is told from what failed.",
    tests: [
      { file: ANSWERS, name: "for their arguments, by their tool and by policy are told apart in the list of calls" },
      {
        file: "test/unit/bridge/bridge.test.ts",
        name: "%s is journaled as %s",
        rows: ["TOOL_FAILED", "TOOL_NOT_FOUND"],
      },
      {
        file: "test/unit/bridge/bridge.test.ts",
        name: "a call is written down before it leaves, with canonical arguments, and settled with its answer",
      },
    ],
  },
  {
    id: "run:usage",
    promise: "The usage tells wall time, computing time, heap, calls, and the model's tokens where there was one.",
    tests: [
      { file: ANSWERS, name: "that succeeded has these members and no others" },
      { file: DOORS, name: "is planned, run and answered with its script" },
    ],
  },
  {
    id: "run:script",
    promise: "A planned run is answered with the script that ran.",
    tests: [{ file: DOORS, name: "is planned, run and answered with its script" }],
  },
  {
    id: "codec:bytes",
    promise: "Bytes are written as base 64 under `$bytes`, and read back as bytes.",
    tests: [
      { file: CODEC, name: "has %s", rows: ["bytes as base 64", "a buffer as its bytes", "a data view as its bytes"] },
      { file: VALUES, name: "go from the input through a tool and back into the result as the bytes that they are" },
      {
        file: "test/unit/sandbox-runtime/bytes.test.ts",
        name: "of any content go in and come out as they are, through input, arguments, answers and the result",
      },
    ],
  },
  {
    id: "codec:dates",
    promise: "A date is its ISO text, and `null` when it is none.",
    tests: [{ file: CODEC, name: "has %s", rows: ["a date as ISO text", "null for an invalid date"] }],
  },
  {
    id: "codec:collections",
    promise: "A map with texts for keys is an object, any other map a list of pairs, a set a list.",
    tests: [
      {
        file: CODEC,
        name: "has %s",
        rows: ["a map with text keys as an object", "any other map as pairs", "a set as a list"],
      },
    ],
  },
  {
    id: "codec:numbers",
    promise: "A big integer is its digits, and a number that is not finite is `null`.",
    tests: [{ file: CODEC, name: "has %s", rows: ["a bigint as its digits", "null for a number that is not finite"] }],
  },
  {
    id: "codec:nothing",
    promise: "What JSON has no word for is left out of objects and is `null` in lists.",
    tests: [
      {
        file: CODEC,
        name: "has %s",
        rows: ["nothing for members that have no JSON", "null for items that have no JSON"],
      },
      { file: CODEC, name: "that is undefined is none" },
    ],
  },
  {
    id: "codec:errors",
    promise: "An error is its name, message, members, cause and errors.",
    tests: [
      {
        file: CODEC,
        name: "has %s",
        rows: ["an error's words and members", "an error's cause", "an aggregate error with its errors"],
      },
    ],
  },
  {
    id: "codec:cycles",
    promise: "A cycle is written as a word, and a value that is met twice is written twice.",
    tests: [{ file: CODEC, name: "has %s", rows: ["a cycle as a word", "a value met twice both times"] }],
  },
  {
    id: "codec:never-empty",
    promise: "No value with something in it becomes an empty object without a word.",
    tests: [
      {
        file: "test/unit/sandbox-runtime/never-empty.test.ts",
        name: "%s is written as something, or the log says that it could not be",
        rows: ["new Set([1])", "new (class A { #x = 1 })()", "new Proxy(new Map([[1, 2]]), {})"],
      },
      {
        file: CODEC,
        name: "has %s",
        rows: ["weak collections as a word", "objects of the language without members as a word", "an empty object"],
      },
      { file: CODEC, name: "tells of an object of a class that has nothing to be written" },
    ],
  },
  {
    id: "unawaited:result",
    promise: "A promise in the result that was not awaited is told, with its place and its tool.",
    tests: [
      { file: CODEC, name: "tells of promises that were not awaited" },
      { file: CODEC, name: "tells which tool's answer was not awaited, and where it is" },
      {
        file: VALUES,
        name: "is told in the log: a promise in the result, a rejection of nobody's, a call in flight at the end",
      },
    ],
  },
  {
    id: "unawaited:rejection",
    promise: "A rejected promise that a script drops is told with its line, and one that is handled is not.",
    tests: [
      {
        file: UNAWAITED,
        name: "is told with its line: %s",
        rows: ["a callback of forEach", "a function called at once"],
      },
      { file: UNAWAITED, name: "is not told when it is %s", rows: ["awaited", "handled at once"] },
      {
        file: VALUES,
        name: "is told in the log: a promise in the result, a rejection of nobody's, a call in flight at the end",
      },
    ],
  },
  {
    id: "unawaited:calls",
    promise: "Calls that are in flight when a script ends are cancelled and named.",
    tests: [
      { file: UNAWAITED, name: "are named, with how many there are of each" },
      {
        file: "test/unit/runs/perform.test.ts",
        name: "calls it left in flight are cancelled and settled when it has ended",
      },
    ],
  },
  {
    id: "cut:structure",
    promise: "A result that is too large for its answer is cut to JSON that says what is gone.",
    tests: [
      { file: RESULTS, name: "20 MB of objects are cut to their first ones, and the rest is counted" },
      { file: RESULTS, name: "a text of 20 MB is cut in the answer and whole behind it, byte for byte" },
      { file: "test/unit/lib/bound-json.test.ts", name: "never gives more bytes than asked, and JSON only" },
    ],
  },
  {
    id: "cut:whole",
    promise: "The whole of a result that is cut can be fetched, also after a restart.",
    tests: [
      { file: RESULTS, name: "a text of 20 MB is cut in the answer and whole behind it, byte for byte" },
      { file: RESULTS, name: "is the same after a restart, and so is the whole" },
    ],
  },
  {
    id: "run:kept",
    promise:
      "A run and its whole result are kept for seven days after its end, or as long as configured, and then they are gone.",
    tests: [
      {
        file: "test/integration/retention.test.ts",
        name: "a run and its whole result are kept for %s after its end, and then they are gone: %s",
        rows: ["in SQLite", ":memory:", "as long as configured"],
      },
    ],
  },
  {
    id: "cut:gone",
    promise: "A whole result that is kept no longer is said to be gone, and goes with its run.",
    tests: [
      {
        file: "test/unit/runs/run-results.test.ts",
        name: "that is kept no longer is told to be gone; its part is still there",
      },
      { file: "test/unit/store/results.test.ts", name: "go with their run when it is pruned, and no others do" },
    ],
  },
  {
    id: "cut:mcp",
    promise: "Over MCP the bound holds for the text and for the structured content alike.",
    tests: [
      {
        file: RESULTS,
        name: "over MCP is cut to the answer's size, for text and structure alike, and counts what is gone of the whole",
      },
      {
        file: "test/unit/mcp/run-answer.test.ts",
        name: "holds the bound with large logs and emitted values beside a large result",
      },
    ],
  },
  {
    id: "run:mcp-error",
    promise: "Over MCP a failed run is an error with everything that is known of it.",
    tests: [
      { file: DOORS, name: "a script that fails is an error with its code and line" },
      {
        file: "test/unit/mcp/run-answer.test.ts",
        name: "is an error with everything that is known of it, and what the script had done",
      },
    ],
  },
  {
    id: "failure:kinds",
    promise:
      "The script's fault, the tool's own, a missing server, a policy, a quota and a limit each have a code and a fault of theirs.",
    tests: [
      { file: ANSWERS, name: "$kind is $code", rows: ["the script's", "the tool's own", "a quota's", "a limit's"] },
      { file: ANSWERS, name: "of another kind has another code" },
    ],
  },
  {
    id: "failure:caught",
    promise: "A failure that a script catches has the same code there.",
    tests: [
      {
        file: ANSWERS,
        name: "$kind can be caught, and its code is the same inside of the script",
        rows: ["that of a server that cannot start", "that of a tool that does not answer"],
      },
    ],
  },
  {
    id: "failure:model",
    promise: "A model that is down, refuses or is not configured has codes of its own.",
    tests: [
      { file: DOORS, name: "fails with MODEL_UNAVAILABLE when the model is down" },
      { file: DOORS, name: "fails with MODEL_NO_SCRIPT when the model refuses" },
      { file: DOORS, name: "is refused with 501 where no model is configured" },
    ],
  },
  {
    id: "failure:service",
    promise: "What the service itself did wrong has codes of its own, and tells nothing of its inside.",
    tests: [
      {
        file: "test/e2e/resilience.test.ts",
        name: "costs no run that had made calls: each goes on in another process, which takes its place",
      },
      { file: LIFECYCLE, name: "refuses with Retry-After, and takes runs again when there is room" },
      { file: "test/unit/lib/values.test.ts", name: "anything else that was thrown tells nothing of our inside" },
    ],
  },
  {
    id: "failure:retryable",
    promise: "Each code says whether the same may go well later.",
    tests: [
      { file: ANSWERS, name: "$kind is $code", rows: ["that of a server that cannot start"] },
      { file: "test/unit/lib/values.test.ts", name: "a failure as data has fault and retryability of its code" },
    ],
  },
  {
    id: "failure:limits",
    promise: "Each limit that a run can meet has a code of its own.",
    tests: [
      {
        file: "test/e2e/default-limits.test.ts",
        name: "of time, computing, memory, calls, output, timers and source each have a code of their own",
      },
      {
        file: "test/e2e/limits.test.ts",
        name: "%s",
        rows: [
          "a tool that never answers ends with the wall limit",
          "a loop that does not end reaches the computing limit",
          "a source text over its limit is refused",
        ],
      },
    ],
  },
];
