import type { Promised } from "./promise.ts";

const CORPUS = "test/security/hostile-corpus.test.ts";
const CONFINEMENT = "test/integration/confinement.test.ts";
const CONFINED = "test/integration/confined-service.test.ts";
const SUPERVISION = "test/unit/executor/supervision/supervision.test.ts";
const IMPOSTOR = "test/unit/executor/supervision/impersonation.test.ts";
const GARBAGE = "test/security/executor-impersonation.test.ts";
const RESILIENCE = "test/e2e/resilience.test.ts";
const LIMITS = "test/e2e/limits.test.ts";
const HTTP = "test/e2e/http-lifecycle.test.ts";
const ISOLATION = "test/e2e/isolation.test.ts";
const CROWDING = "test/security/crowding-out.test.ts";
const TYPES = "test/security/typecheck-hostile.test.ts";
const CLOCK = "test/unit/sandbox-runtime/clock.test.ts";
const INTL = "test/unit/sandbox-runtime/intl.test.ts";
const MATRIX = "test/integration/policy-matrix.test.ts";
const REVOCATION = "test/integration/revocation.test.ts";
const TOKENS = "test/integration/access-tokens.test.ts";
const QUOTAS = "test/integration/quotas.test.ts";
const STORE = "test/unit/config/secrets/secret-store.test.ts";
const LOGIN = "test/integration/upstream-login.test.ts";
const QUESTIONS = "test/integration/mcp-questions.test.ts";
const CONTAINER = "test/integration/upstream-container.test.ts";
const RELOAD = "test/integration/hot-reload.test.ts";
const AUDIT = "test/integration/audit.test.ts";

/** What SECURITY.md claims, word for word, each with the tests that show it. */
export const SECURITY_PROMISES: readonly Promised[] = [
  {
    id: "security:limits",
    promise:
      "Endless loops, heap bombs, a growing `Map`, a promise that never settles, a tool that never answers: each ends its own run with a typed error.",
    tests: [
      {
        file: LIMITS,
        name: "%s",
        rows: [
          "a heap that grows reaches the memory limit",
          "a map with text keys that grows until V8 gives up costs its own run only",
          "a tool that never answers ends with the wall limit",
          "many short slices of computing add up to the computing limit",
        ],
      },
    ],
  },
  {
    id: "security:corpora",
    promise:
      "Hundreds of recorded attacks end as they should; the next run is right, no thread computes on, and nothing reaches the host.",
    tests: [
      { file: CORPUS, name: "no executor process computes 8 s later, and no call comes late" },
      { file: CORPUS, name: "no call was made for a script that had ended" },
      { file: CORPUS, name: "nothing on the host was polluted" },
      { file: CORPUS, name: "no executor process held more memory than one may" },
    ],
  },
  {
    id: "security:surface",
    promise:
      "What a script replaces, traps or pollutes shows it nothing of the runtime, of isolated-vm or of the host, and forges nothing.",
    tests: [
      {
        file: "test/security/runtime-attacks.test.ts",
        name: "%s",
        rows: [
          "getters on Object.prototype are handed no function of the runtime",
          "the runtime iterates no list by a replaced iterator, and hands none of its functions to one",
        ],
        data: "test/security/surface-attacks.ts",
      },
    ],
  },
  {
    id: "security:random",
    promise: "Random programs end with a code that is no defect; random messages bring down neither side of the pipe.",
    tests: [
      {
        file: "test/fuzz/fuzz.test.ts",
        name: "random programs are all answered with a code that is no defect, and the service is right after each batch",
      },
      {
        file: "test/fuzz/fuzz.test.ts",
        name: "random messages bring down neither the service, whoever sends them, nor an executor while they are right",
      },
      {
        file: "test/fuzz/fuzz.test.ts",
        name: "does none: $name",
        rows: ["a getter on Object.prototype that throws, where the runtime reads what a failed call has not"],
        data: "test/fuzz/found.ts",
      },
    ],
  },
  {
    id: "security:neighbours",
    promise: "While one client attacks, alone or in a crowd, runs of another client are answered and right.",
    tests: [
      { file: CORPUS, name: "runs of another client were right all the while" },
      {
        file: CORPUS,
        name: "a crowd of attacks in shared processes is answered, each with a code that is not a defect",
      },
      { file: CORPUS, name: "a crowd leaves runs of another client right, and nothing behind" },
    ],
  },
  {
    id: "security:runs-apart",
    promise: "A run sees nothing of another run, of the same caller or of others.",
    tests: [
      { file: ISOLATION, name: "see their own tools, input, answers and globals, and nothing of the other's" },
      { file: ISOLATION, name: "leave nothing to the next run of the same caller or of the other" },
    ],
  },
  {
    id: "security:outside-heap",
    promise: "What `Intl` holds outside the heap counts to the memory limit.",
    tests: [
      { file: INTL, name: "takes no longer text: its work is outside the heap" },
      { file: INTL, name: "formats no list of more than 100,000 items" },
    ],
  },
  {
    id: "security:clock",
    promise: "Clocks step by whole milliseconds; a seeded run's clock tells nothing of the machine's.",
    tests: [
      { file: CLOCK, name: "is the machine's, in whole milliseconds" },
      { file: CLOCK, name: "leads nowhere to the machine's clock" },
    ],
  },
  {
    id: "security:namespaces",
    promise:
      "Where namespaces hold, an executor process has no network, no process table, no files but Node's own, no capability and another user.",
    tests: [
      { file: CONFINEMENT, name: "cannot read what others on the machine may read, nor the process table" },
      { file: CONFINEMENT, name: "cannot write anywhere, not even over its own files" },
      { file: CONFINEMENT, name: "has no way to the network, to local servers and to sockets without a file" },
      { file: CONFINEMENT, name: "sees no process of the machine and can signal none" },
      { file: CONFINEMENT, name: "can start no other program" },
      { file: CONFINEMENT, name: "is not root, and cannot become another user" },
      {
        file: CONFINEMENT,
        name: "has no capability, can gain none, and shares no namespace with the service but that of time",
      },
    ],
  },
  {
    id: "security:level",
    promise:
      "How far processes are confined is tested at start and said; `require` starts with nothing less than namespaces.",
    tests: [
      { file: CONFINEMENT, name: "is the strongest that this machine allows, and never said to be more" },
      { file: CONFINEMENT, name: "is the next lower one where bubblewrap fails, hangs, or does not hold" },
      { file: CONFINED, name: "says at /readyz and in its log which level was reached" },
      { file: CONFINED, name: "require does not start, says why, and what to do" },
    ],
  },
  {
    id: "security:descriptors",
    promise: "No descriptor of the service is open in an executor process.",
    tests: [
      {
        file: "test/unit/cli/inherited-descriptors.test.ts",
        name: "what whoever started the process left open is closed",
      },
    ],
  },
  {
    id: "security:orphans",
    promise: "No executor process outlives the service, however either ends.",
    tests: [
      { file: CONFINED, name: "killed at once, leaves no executor process behind" },
      { file: CONFINEMENT, name: "killed at any moment of its start, leaves nothing" },
      { file: CONFINEMENT, name: "ends with the service, even where its thread never stops" },
    ],
  },
  {
    id: "security:impostor",
    promise:
      "An executor process that is taken over, lies, floods, repeats, falls silent or dies harms nobody but the runs it holds.",
    tests: [
      { file: GARBAGE, name: "is killed when it stops answering" },
      { file: IMPOSTOR, name: "messages for runs it does not hold are not heard" },
      { file: IMPOSTOR, name: "nothing of a run is heard after its end" },
      {
        file: IMPOSTOR,
        name: "a flood of calls whose answers it does not take stops being read, and it is killed for its silence",
      },
      {
        file: IMPOSTOR,
        name: "%s: what serves nothing is borne up to what its runs could have left, then the process is killed",
        rows: ["flood of lines", "flood of ends", "flood of pongs", "flood of readies", "flood of taints"],
      },
      {
        file: GARBAGE,
        name: "what a process sends is rebuilt: members that are not of the protocol do not get through",
      },
    ],
  },
  {
    id: "security:watchdog",
    promise:
      "Processes that stand still, hold too much or compute without a run are found from outside and killed; swollen ones take no more runs.",
    tests: [
      { file: SUPERVISION, name: "that stands still is killed for its silence" },
      { file: SUPERVISION, name: "of the machine's memory is killed, and the run that was alone in it told so" },
      {
        file: SUPERVISION,
        name: "of its time without having a run is killed: a thread went on after the run had ended",
      },
      { file: SUPERVISION, name: "swollen by the run in it takes no more; those in it end" },
    ],
  },
  {
    id: "security:blame",
    promise:
      "A crash is told to the run that caused it; others are run again if they had done nothing yet, and else are told so.",
    tests: [
      {
        file: SUPERVISION,
        name: "runs that waited meanwhile are run again where there is room; the one that computed is run again alone",
      },
      {
        file: SUPERVISION,
        name: "a run that crashes its process again when it is alone is to blame, and costs the others nothing",
      },
      { file: SUPERVISION, name: "a run that had made a call is not run again, and is told whose doing it was not" },
    ],
  },
  {
    id: "security:crashers",
    promise: "Who crashes processes again and again runs alone, then slower, then not for a while, and is told.",
    tests: [
      { file: SUPERVISION, name: "has its runs alone from then on: others are never beside them" },
      { file: SUPERVISION, name: "is slowed, then refused for a while and told so; nobody else is" },
      { file: RESILIENCE, name: "is refused for a while, and told how long; another client is not" },
    ],
  },
  {
    id: "security:callers",
    promise: "One caller sees nothing of another's runs and tools.",
    tests: [
      { file: HTTP, name: "do not see each other's runs; an administrator sees both" },
      { file: HTTP, name: "do not see tools of servers they may not use, by any door" },
    ],
  },
  {
    id: "security:learned",
    promise: "What one caller's answers taught of a tool's types is shown to that caller only.",
    tests: [
      {
        file: "test/e2e/learned-types.test.ts",
        name: "tells a client nothing of what another one's results looked like",
      },
    ],
  },
  {
    id: "security:readers",
    promise: "Hostile types, schemas and results end in bounded time, and no caller keeps others waiting by them.",
    tests: [
      { file: CROWDING, name: "whose results take long to be checked holds up its own runs" },
      { file: CROWDING, name: "whose TypeScript takes long to be read does" },
      {
        file: CROWDING,
        name: "whose schemas take long to be tried is the one who is refused, and the service ends all the same",
      },
      { file: TYPES, name: "has nothing of the service's environment" },
    ],
  },
  {
    id: "security:doors",
    promise:
      "Who may call what is the same through every door, and is judged again at each call: a right that is taken away ends with the run's next call.",
    tests: [
      { file: MATRIX, name: "$name", rows: ["reader", "tools-of-one"] },
      { file: MATRIX, name: "looks to its caller just like what is nowhere" },
      { file: REVOCATION, name: "a key that is exchanged while its run is in flight stops the run's next call" },
      { file: TOKENS, name: "a client whose tokens count no more is stopped at its run's next call" },
    ],
  },
  {
    id: "security:quotas",
    promise: "What one client may use is counted for it alone, and holds through every door.",
    tests: [{ file: QUOTAS, name: "is counted with its reason, and another client's call is served" }],
  },
  {
    id: "security:secrets",
    promise:
      "Stored secrets are encrypted under a key of their own, and reach the servers they are meant for and no answer, log or error of ours.",
    tests: [
      { file: STORE, name: "is for its owner alone: both files and the folder that is made" },
      { file: STORE, name: "does not open with another key, and says which it needs" },
      {
        file: "test/e2e/secrets.test.ts",
        name: "reaches the servers it is meant for and no answer, log or error of ours",
      },
    ],
  },
  {
    id: "security:tokens",
    promise:
      "An access token goes to the server that it was given for and to no other; a login answers one request, of the one that began it.",
    tests: [
      { file: LOGIN, name: "at another address is shown no token" },
      { file: LOGIN, name: "asks for a token for this server alone, and for what the server says that it needs" },
      { file: LOGIN, name: "takes one answer: whoever comes late finds nobody" },
    ],
  },
  {
    id: "security:state",
    promise: "Two clients never share a session of a server that keeps state.",
    tests: [
      {
        file: "test/integration/service-sharing.test.ts",
        name: "two principals never see each other's state, by script or by direct call",
      },
    ],
  },
  {
    id: "security:questions",
    promise: "What a server asks is put to the caller of that very call, and only that caller can answer.",
    tests: [
      {
        file: QUESTIONS,
        name: "clients whose runs ask at once, each of a server of its own, are each asked their own questions only",
      },
      { file: QUESTIONS, name: "of another caller is refused, and the run still waits for its own" },
    ],
  },
  {
    id: "security:containers",
    promise: "A server in a container has no privileges, gets its own variables only, and is removed at the end.",
    tests: [
      { file: CONTAINER, name: "is started without privileges, within its bounds, and removed at the end" },
      { file: CONTAINER, name: "gets its variables and none of ours; their values are in no command line" },
    ],
  },
  {
    id: "security:reload",
    promise:
      "A changed configuration that cannot be used changes nothing; secrets that come with one that can are hidden from then on.",
    tests: [
      { file: RELOAD, name: "that cannot be used leaves all as it is, and the next one that can is taken" },
      { file: RELOAD, name: "hides the secrets that it brings" },
    ],
  },
  {
    id: "security:audit",
    promise:
      "Each call leaves a line that says who called what and which rule refused it, and nothing of what was given or answered.",
    tests: [
      { file: AUDIT, name: "has a line for a run's call" },
      { file: AUDIT, name: "has a line for a call that was denied, with the rule, by the id of its request" },
    ],
  },
  {
    id: "security:logs",
    promise: "Secrets do not reach logs.",
    tests: [
      {
        file: "test/unit/observability/logger.test.ts",
        name: "are in no part of a line: message, fields, child's fields, errors",
      },
      {
        file: "test/unit/observability/redact.test.ts",
        name: "no secret of at least four characters gets through, whatever stands around it",
      },
    ],
  },
];
