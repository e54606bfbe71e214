import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import type { LimitsConfig } from "../config/limits.ts";
import type { ApprovalRules } from "../gateway/approval-rules.ts";
import type { FlowRules } from "../gateway/flow-rules.ts";
import type { QuotaKeeper } from "../gateway/quotas.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Logger } from "../observability/logger.ts";
import { createOpenAiPlanner } from "../planner/openai-planner.ts";
import type { Planner } from "../planner/planner.ts";

/** Members of a configuration that are exchanged; of `log` its level is. */
export type LiveKey = "limits" | "quotas" | "dataFlow" | "approvals" | "model" | "log";

/** What settings that are exchanged act on. */
export interface LiveDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly quotas: Pick<QuotaKeeper, "replace">;
  readonly flowRules: Pick<FlowRules, "replace">;
  readonly approvalRules: Pick<ApprovalRules, "replace">;
  /** The service's own logger; `undefined` where another was given, whose level is not ours to set. */
  readonly logger: Pick<Logger, "setLevel"> | undefined;
}

/**
 * Settings that runs read when they begin, and that a running service exchanges: what has begun goes on with those it began
 * with. Quotas keep their counts. Rules of data flow and of approvals hold from the next call on, for runs that go on too. Isolates that are
 * kept ready keep the heap of the first configuration: a run with another one gets an isolate made for it.
 */
export class LiveSettings {
  readonly #deps: LiveDeps;
  #limits: LimitsConfig;
  #planner: Planner | undefined;
  #planAttempts: number;
  #current: Config;

  constructor(config: Config, deps: LiveDeps) {
    this.#deps = deps;
    this.#current = config;
    this.#limits = config.limits;
    this.#planner = plannerOf(config, deps);
    this.#planAttempts = attemptsOf(config);
  }

  /** What the operator allows runs that are submitted now. */
  get limits(): LimitsConfig {
    return this.#limits;
  }

  /** Who writes scripts for tasks that are begun now, if anybody. */
  get planner(): Planner | undefined {
    return this.#planner;
  }

  /** Scripts for one task. */
  get planAttempts(): number {
    return this.#planAttempts;
  }

  /** Whether the level of the log is exchanged too. */
  get setsLogLevel(): boolean {
    return this.#deps.logger !== undefined;
  }

  /** Takes another configuration. @returns The keys, as people write them, of which the values are others now. */
  replace(next: Config): readonly string[] {
    const { quotas, flowRules, approvalRules, logger } = this.#deps;
    const before = this.#current;
    this.#current = next;
    const changed: string[] = [];
    if (!isDeepStrictEqual(before.limits, next.limits)) {
      this.#limits = next.limits;
      changed.push("limits");
    }
    if (!isDeepStrictEqual(before.quotas, next.quotas)) {
      quotas.replace(next.quotas);
      changed.push("quotas");
    }
    if (!isDeepStrictEqual(before.dataFlow, next.dataFlow)) {
      flowRules.replace(next.dataFlow);
      changed.push("dataFlow");
    }
    if (!isDeepStrictEqual(before.approvals, next.approvals)) {
      approvalRules.replace(next.approvals);
      changed.push("approvals");
    }
    if (!isDeepStrictEqual(before.model, next.model)) {
      this.#planner = plannerOf(next, this.#deps);
      this.#planAttempts = attemptsOf(next);
      changed.push("model");
    }
    if (before.log.level !== next.log.level && logger !== undefined) {
      logger.setLevel(next.log.level);
      changed.push("log.level");
    }
    return changed;
  }
}

function plannerOf({ model }: Config, { clock, log }: LiveDeps): Planner | undefined {
  return model === undefined ? undefined : createOpenAiPlanner(model, { clock, log });
}

function attemptsOf({ model }: Config): number {
  return model?.attempts ?? 1;
}
