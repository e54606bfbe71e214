import { Performer, type PerformDeps } from "../runs/perform.ts";
import { QueuedRunService } from "../runs/queued-run-service.ts";
import type { LiveSettings } from "./live-settings.ts";

type RunServiceDeps = ConstructorParameters<typeof QueuedRunService>[0];

/** What runs need beside the settings that are exchanged. */
export type LiveRunDeps = Omit<RunServiceDeps, "limits" | "canPlan" | "performer"> & {
  readonly performing: Omit<PerformDeps, "planner" | "planAttempts">;
};

/** Runs that take their limits and their model from whatever configuration is in place when they begin. */
export function createLiveRuns(live: LiveSettings, { performing, ...deps }: LiveRunDeps): QueuedRunService {
  const performer = new Performer({
    ...performing,
    get planner() {
      return live.planner;
    },
    get planAttempts() {
      return live.planAttempts;
    },
  });
  return new QueuedRunService({
    ...deps,
    performer,
    get limits() {
      return live.limits;
    },
    get canPlan() {
      return live.planner !== undefined;
    },
  });
}
