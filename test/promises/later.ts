import type { Later } from "./promise.ts";

const REPLAY = "Runs are journaled, and are not replayed yet.";

/** What is intended and not built yet; each moves to the promises with the tests that hold it. */
export const LATER: readonly Later[] = [
  { id: "durable:replay", promise: "A run that lost its worker goes on from its journal.", reason: REPLAY },
  {
    id: "run:answer",
    promise: "A run that is asked for it has an answer in words beside its result.",
    reason: "No model is asked to word an answer yet.",
  },
];
