/** One way in which an executor process that a script has taken over treats the run it was given. */
export interface Takeover {
  /** Also the name of it in `test/fixtures/executors/taken-over.mjs`. */
  readonly mode: string;
  /** Ways its run may be answered: a code, or `value` and the JSON of a result. A run that is lost may have been moved instead. */
  readonly ends: readonly string[];
}

const FORGED = 'value "forged"';
const LOST = "EXECUTOR_LOST";
const LATE = "SCRIPT_TIMEOUT";

/** What a process that is not ours any more may do to its own run and to nothing else. */
export const TAKEOVERS: readonly Takeover[] = [
  { mode: "ends the runs of others", ends: [FORGED] },
  { mode: "makes calls and writes logs for the runs of others", ends: [FORGED] },
  { mode: "makes thousands of calls with one number", ends: [FORGED] },
  { mode: "never reads the replies to its calls", ends: [LOST, LATE] },
  { mode: "writes a gigabyte in one line", ends: [LOST] },
  { mode: "writes a line of ten million lists", ends: [LOST] },
  { mode: "writes a line of ten million records", ends: [LOST] },
  { mode: "writes a line that is nested ten million deep", ends: [LOST] },
  { mode: "writes lines of ten million lists again and again", ends: [LOST] },
  { mode: "writes large bodies for runs that are not there", ends: [FORGED, LOST, LATE] },
  { mode: "announces a large body and never sends it", ends: [LOST, LATE] },
  { mode: "floods logs", ends: [FORGED, LOST, LATE] },
  { mode: "floods emitted values", ends: [FORGED, LOST, LATE] },
  { mode: "floods calls", ends: [FORGED, LOST, LATE] },
  { mode: "floods calls that cannot be read", ends: [FORGED, LOST, LATE] },
  { mode: "floods pongs without end", ends: [LOST, LATE] },
  { mode: "floods ends of runs that are not there", ends: [LOST, LATE] },
  { mode: "says ready again and again", ends: [FORGED, LOST] },
  { mode: "says tainted again and again", ends: [FORGED] },
  { mode: "goes on after the end", ends: [FORGED] },
  { mode: "blames the runs of others again and again", ends: [FORGED] },
  { mode: "blames the runs of others and dies", ends: [LOST] },
  { mode: "gives a result that is no JSON", ends: ["RESULT_INVALID"] },
  { mode: "gives a result that is nested deep", ends: ["RESULT_INVALID"] },
  {
    mode: "gives a result with keys twice",
    ends: ['value {"a":2,"__proto__":{"polluted":1},"constructor":{"prototype":1}}'],
  },
  { mode: "gives a result with lone surrogates", ends: ['value "\ufffd\\ud800 \\udfff"'] },
  { mode: "gives a large result that is no text", ends: ["RESULT_INVALID"] },
  { mode: "gives a large result that is no JSON", ends: ["RESULT_INVALID"] },
  { mode: "gives a large result that is nested deep", ends: ["RESULT_INVALID"] },
  { mode: "used nothing that is a number", ends: [LOST] },
  { mode: "used no end of time", ends: [LOST] },
  { mode: "used more than there is", ends: [LOST] },
  { mode: "logs at times that are not", ends: [FORGED, LOST] },
  // What a run of its own ended with is the process' to say; not how long the message is.
  { mode: "fails with a code of another failure", ends: ["INTERNAL", "SCRIPT_ERROR"] },
  { mode: "fails with a code that is none", ends: ["SCRIPT_ERROR"] },
  { mode: "throws what is no error", ends: ["SCRIPT_ERROR"] },
  { mode: "throws ten megabytes", ends: ["SCRIPT_ERROR", LOST] },
  { mode: "drips the end of a run", ends: [FORGED] },
  { mode: "drips a line that never ends", ends: [LOST, LATE] },
  { mode: "does not answer pings and goes on", ends: [FORGED] },
  { mode: "says nothing", ends: [LATE] },
  { mode: "stops reading and writing", ends: [LATE, LOST] },
  { mode: "floods its standard error", ends: [FORGED, LATE] },
  { mode: "dies at once", ends: [LOST] },
  { mode: "dies after a call", ends: [LOST] },
  { mode: "dies after its end", ends: [FORGED] },
  { mode: "dies in the middle of a line", ends: [LOST] },
  { mode: "dies in the middle of a body", ends: [LOST] },
  { mode: "ends as if all were well", ends: [LOST] },
  { mode: "refuses every run", ends: [LOST] },
  { mode: "closes its pipe and lives on", ends: [LOST, LATE] },
];
