import type { Promised } from "./promise.ts";

const APPROVALS = "test/integration/approvals.test.ts";
const DOORS = "test/integration/approval-doors.test.ts";
const INTERCEPTOR = "test/unit/gateway/approval.test.ts";
const RULES = "test/unit/config/approval-keys.test.ts";

/** What becomes of calls that somebody must approve, of dry runs and of replays. */
export const APPROVAL_PROMISES: readonly Promised[] = [
  {
    id: "approval:status",
    promise: "A run that waits for an approval has the status `waiting`, says what it waits for, and holds no isolate.",
    tests: [
      { file: APPROVALS, name: "waits, tells for what, and holds no isolate" },
      { file: APPROVALS, name: "tells of all of it in its events and its journal" },
    ],
  },
  {
    id: "approval:continue",
    promise: "A run that is approved goes on without repeating what it has read.",
    tests: [
      { file: APPROVALS, name: "goes on once somebody approved, without making again what it has read" },
      { file: APPROVALS, name: "are approved all at once, and each is made once" },
      { file: APPROVALS, name: "are decided one by one, in any order, and each is made once" },
    ],
  },
  {
    id: "approval:deny",
    promise: "A call that is denied changes nothing, and the script is told; so is one that nobody decides on in time.",
    tests: [
      { file: APPROVALS, name: "has the call fail when somebody denies it, which its script can catch" },
      { file: APPROVALS, name: "that is denied and catches nothing fails with that" },
      { file: APPROVALS, name: "that nobody takes in time is a denial" },
    ],
  },
  {
    id: "approval:swallowed",
    promise: "A script that catches the pause for an approval cannot cause side effects by it.",
    tests: [{ file: APPROVALS, name: "cannot do anything meanwhile, however it swallows the pause" }],
  },
  {
    id: "approval:twice",
    promise: "Approving twice has the outcome of approving once.",
    tests: [
      {
        file: APPROVALS,
        name: "that comes twice is one, and another one for the same call is refused with what stands",
      },
      { file: APPROVALS, name: "are decided by five people at the same time, and each is made once" },
    ],
  },
  {
    id: "approval:grant",
    promise:
      "A decision may approve later calls of the run: so many, of such tools, with such arguments, and no others.",
    tests: [{ file: APPROVALS, name: "may grant so many later calls with such arguments; another one waits" }],
  },
  {
    id: "approval:restart",
    promise: "A restart between the pause and the approval changes nothing of the outcome.",
    tests: [
      {
        file: APPROVALS,
        name: "between the pause and the decision changes nothing of the outcome: %s",
        rows: ["SIGTERM", "SIGKILL"],
      },
      { file: APPROVALS, name: "keeps what was decided before it, and what is still waited for" },
    ],
  },
  {
    id: "approval:wall",
    promise: "Waiting for an approval does not count to the wall time of a run.",
    tests: [{ file: APPROVALS, name: "does not spend its wall time on waiting" }],
  },
  {
    id: "approval:who",
    promise: "An agent can be kept from approving its own calls, and somebody else be let decide on everybody's.",
    tests: [
      { file: DOORS, name: "is not the agent whose calls wait, nor another client, but who may for all" },
      { file: DOORS, name: "is each client for its own runs, where nothing is said" },
    ],
  },
  {
    id: "approval:direct",
    promise: "A call that must be approved cannot be made around a run, nor be answered from the cache.",
    tests: [
      { file: DOORS, name: "is refused, for it cannot wait, and nothing is made" },
      { file: INTERCEPTOR, name: "is not answered from the cache before somebody approved" },
    ],
  },
  {
    id: "approval:bothers",
    promise: "Nobody is asked to approve what could not be made, and nothing of a quota is spent for what waits.",
    tests: [
      {
        file: INTERCEPTOR,
        name: "and %s bothers nobody: %s",
        rows: ["has wrong arguments", "may have been made already"],
      },
      { file: INTERCEPTOR, name: "and that a rule of data flow denies bothers nobody" },
      { file: INTERCEPTOR, name: "costs nothing of a quota, and leaves it to the call that is approved" },
    ],
  },
  {
    id: "approval:class",
    promise: "A rule for a class of tools holds for those that do more, too.",
    tests: [
      {
        file: RULES,
        name: "waits by {class: %s} if it is one of %s: what does more is not let through",
        rows: ["write destructive"],
      },
    ],
  },
  {
    id: "durable:dry-run",
    promise: "A dry run reads for real, and lists what it would write without writing it.",
    tests: [{ file: DOORS, name: "read for real and change nothing, so that nobody is asked" }],
  },
  {
    id: "run:replay-again",
    promise: "A run that ended can be replayed, with another script too: calls that it made are answered as they were.",
    tests: [{ file: DOORS, name: "answer from the journal of the run, another script too, and say which run it was" }],
  },
];
