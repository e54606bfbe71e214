import type { Citation, Promised } from "./promise.ts";

const DEFAULTS = "test/e2e/default-limits.test.ts";
const LIMITS = "test/e2e/limits.test.ts";
const BRIDGE = "test/unit/bridge/bridge.test.ts";
const PROXY = "test/unit/sandbox-runtime/tool-proxy.test.ts";
const CONSOLE = "test/unit/sandbox-runtime/console.test.ts";
const CODEC = "test/unit/sandbox-runtime/codec.test.ts";

/** That a run which asks for nothing gets exactly this much, and one that asks for more than it may, the operator's most. */
function edges(limit: string): readonly Citation[] {
  return [
    { file: DEFAULTS, name: "may use $gets of limits.$limit, and not more", rows: [limit] },
    { file: DEFAULTS, name: "gets the operator's most of limits.%s", rows: [limit] },
  ];
}

/** The limits of one run, by their names in a request. */
export const LIMIT_PROMISES: readonly Promised[] = [
  {
    id: "limits:wallMs",
    promise: "A run may take 30 seconds, waits for tools included.",
    tests: [
      { file: DEFAULTS, name: "may take 30 seconds, waits for tools included" },
      {
        file: LIMITS,
        name: "%s",
        rows: [
          "a tool that never answers ends with the wall limit",
          "timers that go on for ever end with the wall limit",
        ],
      },
    ],
  },
  {
    id: "limits:cpuMs",
    promise: "A run may compute for 5 seconds, in one go or in many.",
    tests: [
      { file: DEFAULTS, name: "may compute for 5 seconds, and not for longer" },
      { file: LIMITS, name: "%s", rows: ["many short slices of computing add up to the computing limit"] },
    ],
  },
  {
    id: "limits:memoryMiB",
    promise: "A run may hold some 64 MiB; one that grows to twice as much has ended before.",
    tests: [...edges("memoryMiB"), { file: LIMITS, name: "%s", rows: ["a heap that grows reaches the memory limit"] }],
  },
  {
    id: "limits:sourceBytes",
    promise: "A script may have 256 KiB of text.",
    tests: [
      ...edges("sourceBytes"),
      { file: "test/unit/script/prepare-errors.test.ts", name: "is taken up to its limit, in UTF-8 bytes" },
    ],
  },
  {
    id: "limits:syntaxNodes",
    promise: "A script's syntax tree may have 100,000 nodes.",
    tests: [
      ...edges("syntaxNodes"),
      {
        file: "test/unit/script/prepare-errors.test.ts",
        name: "is taken up to its limit, whether it is read here or in a thread, and refused where it is over",
      },
    ],
  },
  {
    id: "limits:toolCalls",
    promise: "A run may make 200 tool calls, counted inside of the isolate and on the host.",
    tests: [
      ...edges("toolCalls"),
      { file: PROXY, name: "refuse a call over the number of all, and send it nowhere" },
      { file: BRIDGE, name: "the calls of a run are counted over all its scripts" },
    ],
  },
  {
    id: "limits:concurrency",
    promise: "A run may have 64 tool calls in flight, counted inside of the isolate and on the host.",
    tests: [
      ...edges("concurrency"),
      { file: PROXY, name: "refuse a call over the number in flight until one has ended" },
      { file: BRIDGE, name: "calls in flight are bounded, and a settled call frees its place" },
    ],
  },
  {
    id: "limits:argumentBytes",
    promise: "The arguments of one call may have 1 MiB, measured inside of the isolate and on the host.",
    tests: [
      ...edges("argumentBytes"),
      { file: PROXY, name: "refuse arguments that are too large, alone or together, or too deep" },
      { file: BRIDGE, name: "arguments are counted in bytes, per call and per run" },
    ],
  },
  {
    id: "limits:argumentTotalBytes",
    promise: "The arguments of all calls of a run may have 4 MiB, measured inside of the isolate and on the host.",
    tests: [
      ...edges("argumentTotalBytes"),
      { file: PROXY, name: "refuse arguments that are too large, alone or together, or too deep" },
      { file: BRIDGE, name: "arguments are counted in bytes, per call and per run" },
    ],
  },
  {
    id: "limits:toolResultBytes",
    promise: "The answer of one tool may have 4 MiB.",
    tests: [
      ...edges("toolResultBytes"),
      {
        file: "test/unit/gateway/route.test.ts",
        name: "takes an answer of exactly the limit and refuses one byte more",
      },
    ],
  },
  {
    id: "limits:resultBytes",
    promise: "A result may have 32 MiB, measured inside of the isolate and on the host.",
    tests: [
      ...edges("resultBytes"),
      { file: CODEC, name: "longer than the limit fails, whatever it is made of" },
      { file: "test/unit/executor/outcome.test.ts", name: "are counted in bytes, not characters" },
    ],
  },
  {
    id: "limits:replyBytes",
    promise: "An answer carries 1 MiB of its result.",
    tests: [
      { file: DEFAULTS, name: "has 1 MiB of its result in the answer" },
      { file: "test/e2e/results.test.ts", name: "is not cut for a caller who asks for more, nor is one that fits" },
    ],
  },
  {
    id: "limits:emittedBytes",
    promise: "Emitted values may have 4 MiB together, measured inside of the isolate and on the host.",
    tests: [
      ...edges("emittedBytes"),
      { file: CODEC, name: "over the limit of all together is refused, and the script may go on" },
      { file: BRIDGE, name: "emitted values are bounded in bytes and in number; what is over is dropped and said so" },
    ],
  },
  {
    id: "limits:logBytes",
    promise: "A log may have 64 KiB; what is over is dropped with a notice, and the run goes on.",
    tests: [
      { file: DEFAULTS, name: "has 1,000 lines of log, 64 KiB of it, 8 KiB a line and 4 KiB of an error's text" },
      { file: CONSOLE, name: "stops at the limit of bytes" },
      { file: BRIDGE, name: "logs are bounded in lines, in bytes and by line" },
    ],
  },
  {
    id: "limits:logLines",
    promise: "A log may have 1,000 lines; what is over is dropped with a notice, and the run goes on.",
    tests: [
      { file: DEFAULTS, name: "has 1,000 lines of log, 64 KiB of it, 8 KiB a line and 4 KiB of an error's text" },
      { file: CONSOLE, name: "stops at the limit of lines and says so once" },
      { file: LIMITS, name: "logs over their limit are dropped with a notice, and the run succeeds" },
      { file: BRIDGE, name: "logs are bounded in lines, in bytes and by line" },
    ],
  },
  {
    id: "limits:logLineBytes",
    promise: "A line of the log may have 8 KiB; the rest of it is cut.",
    tests: [
      { file: DEFAULTS, name: "has 1,000 lines of log, 64 KiB of it, 8 KiB a line and 4 KiB of an error's text" },
      { file: CONSOLE, name: "cuts a line and says how much is gone" },
      { file: BRIDGE, name: "logs are bounded in lines, in bytes and by line" },
    ],
  },
  {
    id: "limits:errorBytes",
    promise: "The text of an error may have 4 KiB; the rest is cut.",
    tests: [
      { file: DEFAULTS, name: "has 1,000 lines of log, 64 KiB of it, 8 KiB a line and 4 KiB of an error's text" },
      { file: "test/unit/executor/outcome.test.ts", name: "is cut to the limit of error texts" },
    ],
  },
  {
    id: "limits:timers",
    promise: "1,000 timers may be pending at once, counted inside of the isolate and by its process.",
    tests: [
      ...edges("timers"),
      { file: "test/unit/sandbox-runtime/timers.test.ts", name: "over the limit are refused until others have ended" },
    ],
  },
  {
    id: "limits:journalBytes",
    promise:
      "Arguments and answers of all calls of a run may have 64 MiB together: it must be read again when it is taken up.",
    tests: [{ file: DEFAULTS, name: "gets the operator's most of limits.%s", rows: ["journalBytes"] }],
  },
  {
    id: "limits:request",
    promise: "A request may set each limit, up to the operator's ceiling.",
    tests: [
      {
        file: DEFAULTS,
        name: "gets the operator's most of limits.%s",
        rows: ["wallMs", "cpuMs", "replyBytes", "logLines", "errorBytes"],
      },
      { file: "test/unit/config/limits.test.ts", name: "a number is the default; a pair is default and most" },
      { file: LIMITS, name: "an unknown limit is refused with its place" },
    ],
  },
];
