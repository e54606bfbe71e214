import type { Promised } from "./promise.ts";

const FAULTS = "test/integration/upstream-faults.test.ts";
const LIFE = "test/integration/upstream-life.test.ts";
const SHARING = "test/integration/upstream-sharing.test.ts";
const SERVICE_SHARING = "test/integration/service-sharing.test.ts";
const CALL = "test/integration/upstream-call.test.ts";
const POLICIES = "test/integration/gateway-policies.test.ts";
const MATRIX = "test/integration/policy-matrix.test.ts";
const KEYS = "test/integration/json-keys.test.ts";
const REVOCATION = "test/integration/revocation.test.ts";
const RELOAD = "test/integration/hot-reload.test.ts";
const CONTAINER = "test/integration/upstream-container.test.ts";
const REDACTION = "test/integration/redaction.test.ts";
const LOGIN = "test/integration/upstream-login.test.ts";
const FLOW = "test/integration/data-flow.test.ts";
const STORE = "test/unit/config/secrets/secret-store.test.ts";

/** What a call goes through on its way to a server, and what becomes of the servers. */
export const GATEWAY_PROMISES: readonly Promised[] = [
  {
    id: "gateway:doors",
    promise:
      "Who may call what is the same through scripts, `/invoke`, `/batch` and `/mcp`; what is denied looks like what is not there.",
    tests: [
      { file: MATRIX, name: "$name", rows: ["reader", "tools-of-one", "own-tools-over-glob", "all-at-once"] },
      { file: MATRIX, name: "looks to its caller just like what is nowhere" },
      { file: MATRIX, name: "is named in the audit with the rule, for $name", rows: ["reader", "tools-of-one"] },
    ],
  },
  {
    id: "gateway:one-object",
    promise: "What is judged is what is sent: keys that come twice or in other letters change nothing.",
    tests: [
      {
        file: KEYS,
        name: "%s, is judged by what would be called: refused",
        rows: ["a tool named twice, the second one forbidden"],
      },
      {
        file: KEYS,
        name: "%s is refused: a key in other letters is an unknown key",
        rows: ['{"server":"tiny","tool":"echo","Tool":"crash","arguments":{}}'],
      },
      {
        file: KEYS,
        name: "arguments %s reach the server as they are, and as they were judged",
        rows: ['{"__proto__":{"polluted":true}}'],
      },
    ],
  },
  {
    id: "gateway:revocation",
    promise: "A right that is taken away is gone at the next call, of runs in flight too.",
    tests: [
      { file: REVOCATION, name: "a key that is exchanged while its run is in flight stops the run's next call" },
      { file: REVOCATION, name: "a rule that is narrowed while a run is in flight counts at its next call" },
      { file: RELOAD, name: "takes a client's right away in the middle of its run" },
    ],
  },
  {
    id: "gateway:quotas",
    promise: "A client that has used up its quota is told which, and when to come back.",
    tests: [
      {
        file: "test/integration/quotas.test.ts",
        name: "that has submitted its runs is refused with 429, and told when to come back",
      },
    ],
  },
  {
    id: "gateway:redaction",
    promise: "Secrets are taken out of results, where that is asked for, before anything is made of them.",
    tests: [
      {
        file: REDACTION,
        name: "does not reach who calls %s by /invoke, the second time neither",
        rows: ["text", "json", "structured", "resource", "meta"],
      },
      { file: REDACTION, name: "does not reach a script" },
      { file: REDACTION, name: "does not reach a slot of a batch" },
      { file: REDACTION, name: "is in nothing that is kept" },
      { file: REDACTION, name: "counts before that of all, in one run" },
    ],
  },
  {
    id: "gateway:data-flow",
    promise: "A run that was answered by one server cannot call another that a rule keeps those answers from.",
    tests: [
      { file: FLOW, name: "refuses the call that could carry what the run was answered, and no other" },
      { file: FLOW, name: "counts an answer that is kept from an earlier run" },
      { file: FLOW, name: "lets calls go that were made together with the one whose answer is kept from them" },
      { file: FLOW, name: "leaves a batch alone: every argument of it is older than its first answer" },
      { file: FLOW, name: "is a line of the audit that names the rule" },
      { file: FLOW, name: "rules are exchanged while the service runs, for runs that go on too" },
      {
        file: "test/unit/gateway/flow.test.ts",
        name: "nothing reaches a server after an answer that a rule keeps from it, and all else does",
      },
    ],
  },
  {
    id: "gateway:audit",
    promise: "Every call is a line in the audit, without its arguments.",
    tests: [
      { file: "test/integration/audit.test.ts", name: "has a line for a run's call" },
      {
        file: "test/integration/audit.test.ts",
        name: "has a line for a call that was denied, with the rule, by the id of its request",
      },
    ],
  },
  {
    id: "gateway:side-effects",
    promise: "A call that may have had an effect is not made again.",
    tests: [
      { file: POLICIES, name: "a write that may have happened is never called again" },
      { file: FAULTS, name: "under twenty calls is begun anew once, and each call is made once" },
    ],
  },
  {
    id: "gateway:coalescing",
    promise: "Identical reads in flight of one client are one call.",
    tests: [{ file: POLICIES, name: "makes exactly one call of 100 identical reads" }],
  },
  {
    id: "servers:orphans",
    promise: "A server that is stopped leaves neither child nor grandchild.",
    tests: [
      { file: LIFE, name: "leaves neither child nor grandchild after two hundred starts" },
      { file: FAULTS, name: "of a server below a wrapper leave neither child nor grandchild" },
    ],
  },
  {
    id: "servers:warm",
    promise: "A server stays warm between calls and runs, and keeps its state.",
    tests: [
      { file: SERVICE_SHARING, name: "a server shared as it is by default is warm for the next run" },
      { file: SHARING, name: "is one warm process for one principal, its listing and all its runs" },
    ],
  },
  {
    id: "servers:lost-session",
    promise: "A session that its server has lost is begun anew, once, and the call is made once.",
    tests: [
      { file: FAULTS, name: "is begun anew once for each principal that had one" },
      {
        file: "test/integration/upstream-sse.test.ts",
        name: "that lost our session gets one new one, and the call once",
      },
    ],
  },
  {
    id: "servers:dead",
    promise: "A server that is dead or hangs holds up neither lists nor other servers.",
    tests: [
      { file: LIFE, name: "is not held up by servers that hang or are dead" },
      { file: FAULTS, name: "of which one never answers are listed after the grace time, without it" },
    ],
  },
  {
    id: "servers:apart",
    promise: "Two clients of a server that keeps state never see each other's.",
    tests: [
      { file: SERVICE_SHARING, name: "two principals never see each other's state, by script or by direct call" },
      { file: SHARING, name: "never shows one principal what another left there" },
    ],
  },
  {
    id: "servers:own-failure",
    promise: "A tool that says it failed is believed, whatever its output schema says of its answer.",
    tests: [
      { file: CALL, name: "hands on the tool's own failure" },
      { file: "test/unit/gateway/route.test.ts", name: "throws TOOL_FAILED for isError, whatever its size" },
    ],
  },
  {
    id: "servers:timeout",
    promise: "A call that takes too long ends alone, and each tool can have its own time.",
    tests: [
      { file: CALL, name: "times out alone" },
      {
        file: "test/unit/upstream/call-timers.test.ts",
        name: "end a silent one sooner, and start anew with each report",
      },
    ],
  },
  {
    id: "servers:bad-schema",
    promise: "A tool that is malformed is left out with its reason; the others are served.",
    tests: [
      { file: "test/integration/upstream-start.test.ts", name: "leaves out malformed tools and serves the others" },
    ],
  },
  {
    id: "servers:drift",
    promise: "A tool that changes is told, or withheld until it is approved.",
    tests: [
      {
        file: "test/integration/tool-drift.test.ts",
        name: "tools that a running server changes are withheld from the notice on, and served once approved",
      },
    ],
  },
  {
    id: "servers:questions",
    promise: "What a server asks or reports reaches whoever can take it, and nobody else; else the call says so.",
    tests: [
      {
        file: "test/integration/mcp-questions.test.ts",
        name: "is asked, told by which server, and its answer reaches the tool",
      },
      {
        file: "test/integration/mcp-questions.test.ts",
        name: "is told what was asked when it cannot be asked, which its script can catch",
      },
      {
        file: "test/integration/mcp-questions.test.ts",
        name: "sees what a server reports of a call, beside the calls that settle",
      },
    ],
  },
  {
    id: "servers:containers",
    promise: "A server in a container has no privileges, gets its own variables only, and is removed at the end.",
    tests: [
      { file: CONTAINER, name: "is started without privileges, within its bounds, and removed at the end" },
      { file: CONTAINER, name: "gets its variables and none of ours; their values are in no command line" },
    ],
  },
  {
    id: "config:reload",
    promise:
      "A changed configuration exchanges the servers that changed and no others; one that cannot be used changes nothing.",
    tests: [
      {
        file: RELOAD,
        name: "restarts the server that is changed, brings the one that is new, and leaves the others' processes alone",
      },
      { file: RELOAD, name: "that cannot be used leaves all as it is, and the next one that can is taken" },
    ],
  },
  {
    id: "gateway:login",
    promise:
      "A server that wants a login says so and goes on after one without a restart; tokens are kept encrypted, renewed once for all, and shown to no other server.",
    tests: [
      {
        file: LOGIN,
        name: "%s needs one, says how, and works after it without a restart",
        rows: ["of which nothing is configured", "that is configured so"],
      },
      { file: LOGIN, name: "needs another login when the last one is over; a running service goes on after it" },
      {
        file: LOGIN,
        name: "that takes the token no more under a hundred calls: no call fails, and one exchange is made",
      },
      { file: LOGIN, name: "used by two services keeps its login, whichever of them renews it" },
      {
        file: LOGIN,
        name: "that comes back with $what is refused, and nothing is kept",
        rows: ["another state", "another issuer"],
      },
      { file: LOGIN, name: "is shown no token of another %s", rows: ["issuer", "resource"] },
      { file: LOGIN, name: "is kept in a file of its own that only its owner reads, and that shows nothing" },
      {
        file: "test/integration/cli-auth.test.ts",
        name: "tells that a server needs a login, and calls its tools after one from another terminal",
      },
      {
        file: "test/integration/cli-auth.test.ts",
        name: "tells nobody of its tokens, whatever becomes of them, and the server nothing of its callers",
      },
    ],
  },
  {
    id: "config:secrets",
    promise: "Stored secrets are encrypted, open only with their key, and appear in no answer, log or error.",
    tests: [
      { file: STORE, name: "does not open with another key, and says which it needs" },
      { file: STORE, name: "tells %s from what was kept", rows: ["one value under the name of another", "one bit"] },
      {
        file: "test/e2e/secrets.test.ts",
        name: "reaches the servers it is meant for and no answer, log or error of ours",
      },
    ],
  },
];
