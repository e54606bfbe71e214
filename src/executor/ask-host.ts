import type { ExecutorMessage } from "../bridge/protocol.ts";
import type { Clock } from "../lib/clock.ts";
import { standStill } from "./executor-run.ts";
import type { ExecutorRun } from "./executor-run.ts";
import type { ExecutorChild } from "./supervision/executor-child.ts";

/** Ticks of one run that are not answered: the runtime asks for one at a time, and again only for later timers. */
const MAX_TICKS = 1_000;

/** What carries the host's answers to a run's process. */
export interface AskHostParts {
  readonly clock: Clock;
  /** Whether the run goes on in that process. */
  readonly isThere: () => boolean;
}

/** Has the host make a call of a run; what it answers is sent to the run's process at once, so that its order is kept. */
export function askHost(
  run: ExecutorRun,
  child: ExecutorChild,
  { id, path, args }: Extract<ExecutorMessage, { type: "call" }>,
  { clock, isThere }: AskHostParts,
): void {
  run.calls++;
  const still = (): Disposable => standStill(run, child, { clock, isThere });
  run.host.call(
    path,
    args,
    (reply) => {
      if (isThere()) child.send({ type: "reply", run: run.number, id, ...reply });
    },
    still,
  );
}

/** Asks the host whether timers of a run may fire. One that asks without end is not answered. */
export function askTick(
  run: ExecutorRun,
  child: ExecutorChild,
  { atMs }: Extract<ExecutorMessage, { type: "tick" }>,
  { isThere }: AskHostParts,
): void {
  if (run.ticks >= MAX_TICKS) return;
  run.ticks++;
  run.host.tick(atMs, () => {
    run.ticks--;
    if (isThere()) child.send({ type: "ticked", run: run.number, atMs });
  });
}
