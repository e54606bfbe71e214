import type { Later } from "./promise.ts";

const APPROVALS = "Approvals are not built yet: no policy can ask for one.";
const REPLAY = "Runs are journaled, and are not replayed yet.";

/** What is intended and not built yet; each moves to the promises with the tests that hold it. */
export const LATER: readonly Later[] = [
  {
    id: "approval:continue",
    promise: "A run that is approved goes on without repeating what it has read.",
    reason: APPROVALS,
  },
  { id: "approval:deny", promise: "A call that is denied changes nothing, and the script is told.", reason: APPROVALS },
  {
    id: "approval:swallowed",
    promise: "A script that catches the pause for an approval cannot cause side effects by it.",
    reason: APPROVALS,
  },
  { id: "approval:twice", promise: "Approving twice has the outcome of approving once.", reason: APPROVALS },
  {
    id: "approval:restart",
    promise: "A restart between the pause and the approval changes nothing of the outcome.",
    reason: APPROVALS,
  },
  { id: "approval:status", promise: "A run that waits for an approval has the status `waiting`.", reason: APPROVALS },
  {
    id: "approval:wall",
    promise: "Waiting for an approval does not count to the wall time of a run.",
    reason: APPROVALS,
  },
  { id: "durable:replay", promise: "A run that lost its worker goes on from its journal.", reason: REPLAY },
  {
    id: "durable:dry-run",
    promise: "A dry run reads for real, and lists what it would write without writing it.",
    reason: REPLAY,
  },
  {
    id: "run:answer",
    promise: "A run that is asked for it has an answer in words beside its result.",
    reason: "No model is asked to word an answer yet.",
  },
];
