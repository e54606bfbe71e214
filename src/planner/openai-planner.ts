import OpenAI from "openai";
import type { ModelConfig } from "../config/config.ts";
import type { Clock } from "../lib/clock.ts";
import { isRecord } from "../lib/guards.ts";
import type { Log } from "../lib/log.ts";
import { readChatAnswer } from "./chat-answer.ts";
import { extractScript } from "./extract-script.ts";
import { describeForLog, toModelFailure, toModelTimeout } from "./model-failure.ts";
import type { Plan, PlanRequest, Planner } from "./planner.ts";
import { buildPrompt } from "./prompt.ts";

/** Repetitions of a request that met a broken connection, 408, 409, 429 or 5xx; `Retry-After` is honoured up to 60 s. */
const MAX_RETRIES = 2;

/**
 * A planner on any endpoint that has OpenAI's chat completions. `config.timeoutMs` bounds one plan as a whole, its
 * retries and the waits between them included: the client's own timeout bounds each try by itself.
 */
export function createOpenAiPlanner(
  config: ModelConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Planner {
  const client = createClient(config, log);
  return {
    model: config.model,
    async plan(request) {
      request.signal.throwIfAborted();
      const startedAtMs = clock.monotonic();
      const body = await complete(client, config, request, { clock, log });
      const { text, usage } = readChatAnswer(body);
      const plan: Plan = { script: extractScript(text), usage };
      log.debug({ model: config.model, ms: clock.monotonic() - startedAtMs, ...usage }, "a model wrote a script");
      return plan;
    },
  };
}

/** One request with its retries. @returns The body, not trusted: JSON, or a text where the server did not send JSON. */
async function complete(
  client: OpenAI,
  config: ModelConfig,
  request: PlanRequest,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<unknown> {
  const deadline = new AbortController();
  const timer = clock.after(config.timeoutMs, () => deadline.abort(toModelTimeout(config.timeoutMs)));
  try {
    return await client.chat.completions.create(
      {
        model: config.model,
        messages: [...buildPrompt(request)],
        ...(config.temperature === undefined ? {} : { temperature: config.temperature }),
        ...(config.maxTokens === undefined ? {} : { max_completion_tokens: config.maxTokens }),
      },
      { signal: AbortSignal.any([request.signal, deadline.signal]) },
    );
  } catch (thrown) {
    request.signal.throwIfAborted();
    const failure = deadline.signal.aborted ? toModelTimeout(config.timeoutMs) : toModelFailure(thrown);
    log.warn({ model: config.model, ...describeForLog(thrown, config.apiKey) }, failure.message);
    throw failure;
  } finally {
    timer.cancel();
  }
}

/**
 * The names of the models that an endpoint offers, asked once: a quick way to know that it is there and takes the key.
 *
 * @returns `undefined` when it answers with something else than a list of models.
 * @throws MODEL_UNAVAILABLE; `details.status` is the HTTP status where there is one.
 */
export async function listModels(config: ModelConfig, log: Log): Promise<readonly string[] | undefined> {
  const client = createClient(config, log).withOptions({ maxRetries: 0 });
  try {
    const body: unknown = await client.get("/models");
    const models = isRecord(body) ? body["data"] : undefined;
    if (!Array.isArray(models)) return undefined;
    return models.flatMap((model: unknown) =>
      isRecord(model) && typeof model["id"] === "string" ? [model["id"]] : [],
    );
  } catch (thrown) {
    throw toModelFailure(thrown);
  }
}

/** Names every credential the client would else take from the environment: the configuration is the only source. */
function createClient(config: ModelConfig, log: Log): OpenAI {
  return new OpenAI({
    baseURL: config.baseURL,
    apiKey: config.apiKey === "" ? "none" : config.apiKey,
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: MAX_RETRIES,
    timeout: config.timeoutMs,
    logLevel: "info",
    logger: {
      debug: () => undefined,
      info: (message: string) => log.debug({ model: config.model }, message),
      warn: (message: string) => log.warn({ model: config.model }, message),
      error: (message: string) => log.error({ model: config.model }, message),
    },
  });
}
