import type { ModelConfig } from "../../config/config.ts";
import { RunletError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/guards.ts";
import { silentLog } from "../../lib/log.ts";
import { nearestNames } from "../../lib/nearest.ts";
import { listModels } from "../../planner/openai-planner.ts";
import { checksOf } from "./health-check.ts";
import type { HealthCheck } from "./health-check.ts";

const { ok, warn, fail } = checksOf("model");
/** The list of models is no work for an endpoint. */
const MAX_WAIT_MS = 10_000;
const NOT_FOUND = 404;

/** Whether the model's endpoint answers, takes the key and has the model. Nothing is generated. */
export async function modelChecks(model: ModelConfig | undefined, offline: boolean): Promise<readonly HealthCheck[]> {
  if (model === undefined) return [];
  const { origin } = new URL(model.baseURL);
  if (offline) return [ok("endpoint", `${origin}, not asked`)];
  try {
    const names = await listModels({ ...model, timeoutMs: Math.min(model.timeoutMs, MAX_WAIT_MS) }, silentLog);
    if (names === undefined) return [ok("endpoint", `${origin} answers, and lists no models`)];
    return [ok("endpoint", `${origin} answers, ${names.length} models`), modelCheck(model.model, names)];
  } catch (error) {
    if (!(error instanceof RunletError)) throw error;
    const { details, hint = "Correct model.baseURL." } = error.context;
    // Some endpoints have the chat alone.
    if (isRecord(details) && details["status"] === NOT_FOUND)
      return [
        warn(
          "endpoint",
          `${origin} answers, and has no list of models there`,
          "Check that baseURL ends as its manual says, often in /v1.",
        ),
      ];
    return [fail("endpoint", `${origin}: ${error.message}`, hint)];
  }
}

function modelCheck(model: string, names: readonly string[]): HealthCheck {
  if (names.includes(model)) return ok("model", model);
  const [nearest] = nearestNames(model, names, 1);
  const remedy = `Correct model.model${nearest === undefined ? "" : `; did you mean ${nearest}?`}`;
  return warn("model", `${model} is none of those that the endpoint lists`, remedy);
}
