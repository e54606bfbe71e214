import type { Quotas } from "../../../src/config/quotas.ts";
import { createQuotaKeeper } from "../../../src/gateway/quotas.ts";
import { createMemoryQuotaStore } from "../../../src/store/memory/memory-quota-store.ts";
import type { ExecutionHost } from "../../../src/bridge/execution-host.ts";
import { createCatalogSource } from "../../../src/catalog/catalog-source.ts";
import type { CatalogSource } from "../../../src/catalog/catalog.ts";
import { BUILT_IN_LIMITS } from "../../../src/config/limits.ts";
import type { RunLimits } from "../../../src/config/limits.ts";
import type { Principal } from "../../../src/config/principal.ts";
import type { ExecutionRequest, ExecutionResult, Executor, ResultJson } from "../../../src/executor/executor.ts";
import type { ToolCall, ToolResult } from "../../../src/gateway/call.ts";
import { createArgumentValidator } from "../../../src/gateway/validator.ts";
import { errorInfo } from "../../../src/lib/errors.ts";
import type { ErrorCode } from "../../../src/lib/errors.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { Log } from "../../../src/lib/log.ts";
import type { Plan, Planner, PlanRequest } from "../../../src/planner/planner.ts";
import { createLocalQueue } from "../../../src/queue/local-queue.ts";
import { MemoryRunEvents } from "../../../src/runs/run-events.ts";
import { Performer } from "../../../src/runs/perform.ts";
import { QueuedRunService } from "../../../src/runs/queued-run-service.ts";
import { RunResults } from "../../../src/runs/run-results.ts";
import type { RunOutcome } from "../../../src/runs/run.ts";
import type { TypeCheck, TypeChecker } from "../../../src/script/typecheck/typecheck.ts";
import { createMemoryStores } from "../../../src/store/memory/create-memory-stores.ts";
import type { Stores } from "../../../src/store/stores.ts";
import { createFakeRegistry, createFakeUpstream } from "../../support/gateway-parts.ts";

export const ANN: Principal = { id: "ann", access: {}, admin: false };
export const BOB: Principal = { id: "bob", access: {}, admin: false };
export const ROOT: Principal = { id: "root", access: {}, admin: true };

/** Plays the executor: what a script does is said by the test. */
export type Play = (request: ExecutionRequest, host: ExecutionHost) => Promise<ExecutionResult>;

const USAGE = { wallMs: 3, cpuMs: 2, heapMiB: 1 };

/** A script that returned. */
export function value(json: ResultJson | undefined): ExecutionResult {
  return { status: "succeeded", resultJson: json, usage: USAGE };
}

/** A script that failed. */
export function failure(code: ErrorCode, message = "no"): ExecutionResult {
  return { status: "failed", error: errorInfo(code, message), usage: USAGE };
}

/** Runs until it is cancelled, as an executor answers then. */
export const untilCancelled: Play = ({ signal }) =>
  new Promise((resolve) => {
    const end = (): void => resolve(failure("RUN_CANCELLED"));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });

/** Answers whatever the script, its text as the value. */
export const echo: Play = async ({ script }) => value(JSON.stringify(script.source));

/** Finds what it is told, and keeps the texts it was given. */
export function createFakeTypeChecker(found: TypeCheck = { status: "checked", error: undefined }) {
  const checked: string[] = [];
  const checker: TypeChecker = {
    check: async ({ source }) => {
      checked.push(source);
      return found;
    },
    pids: () => [],
    close: () => Promise.resolve(),
  };
  return { ...checker, checked };
}

/** What a run service of these tests is made of. */
export interface Setup {
  readonly play?: Play;
  readonly plan?: (request: PlanRequest) => Promise<Plan>;
  readonly planAttempts?: number;
  readonly quotas?: Quotas;
  readonly gateway?: (call: ToolCall) => Promise<ToolResult>;
  readonly catalogs?: CatalogSource;
  readonly stores?: Stores;
  readonly typeChecker?: TypeChecker;
  readonly isDurable?: boolean;
  readonly depth?: number;
  readonly concurrency?: number;
  readonly log?: Log;
  readonly principals?: readonly Principal[];
}

/** A run service with real stores, queue, catalogs and performer; the executor, the model and the gateway are played. */
export function createRuns(setup: Setup = {}) {
  const { play = echo, stores = createMemoryStores(), log = silentLog } = setup;
  const executor: Executor = {
    execute: play,
    status: () => ({ ready: 1, spare: 0, starting: 0, draining: 0, running: 0, crashes: 0 }),
    ready: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const files = createFakeUpstream("files", [
    { name: "read", class: "read" },
    { name: "write", class: "write" },
  ]);
  const planner: Planner | undefined = setup.plan === undefined ? undefined : { plan: setup.plan };
  const ended: RunOutcome[] = [];
  const catalogs = setup.catalogs ?? createCatalogSource(createFakeRegistry([files]));
  const results = new RunResults({ store: stores.results, clock: systemClock, log });
  const quotas = createQuotaKeeper(createMemoryQuotaStore(), setup.quotas ?? {});
  const performer = new Performer({
    executor,
    gateway: { call: setup.gateway ?? (async () => ({ value: 1, content: [], outcome: "ok", bytes: 1 })) },
    catalogs,
    validator: createArgumentValidator(),
    typeChecker: setup.typeChecker ?? createFakeTypeChecker(),
    journal: stores.journal,
    planner,
    results,
    quotas,
    planAttempts: setup.planAttempts ?? 2,
    clock: systemClock,
    log,
  });
  const queue = createLocalQueue({
    depth: setup.depth ?? 100,
    concurrency: setup.concurrency ?? 4,
    clock: systemClock,
    log,
  });
  const service = new QueuedRunService({
    runs: stores.runs,
    journal: stores.journal,
    queue,
    performer,
    results,
    quotas,
    limits: BUILT_IN_LIMITS,
    canPlan: planner !== undefined,
    findPrincipal: (id) => (setup.principals ?? [ANN, BOB]).find((principal) => principal.id === id),
    events: new MemoryRunEvents(),
    isDurable: setup.isDurable ?? false,
    onRest: ({ outcome }) => void (outcome !== undefined && ended.push(outcome)),
    clock: systemClock,
    log,
  });
  return { service, stores, queue, ended };
}

/** Submits a script and waits for its end. */
export async function submitAndWait(
  service: QueuedRunService,
  script = "return 1",
  principal = ANN,
  limits: Partial<RunLimits> = {},
) {
  const { id } = await service.submit(principal, { script, limits });
  return service.wait(principal, id, { maxWaitMs: 10_000 });
}

/** A promise and its resolver. */
export function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}
