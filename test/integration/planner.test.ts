import { afterEach, describe, expect, it, vi } from "vitest";
import type { ModelConfig } from "../../src/config/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { RunletError, toErrorInfo } from "../../src/lib/errors.ts";
import { createOpenAiPlanner } from "../../src/planner/openai-planner.ts";
import type { Planner, PlanRequest } from "../../src/planner/planner.ts";
import { startModelServer } from "../support/model-server.ts";
import type { ModelReply, ModelServer } from "../support/model-server.ts";

const API_KEY = "sk-test-0123456789abcdef";
const TASK = "Count the files of the confidential folder";
const open: ModelServer[] = [];
const logged: { readonly fields: object; readonly message: string }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
  logged.length = 0;
});

async function start(replies: readonly ModelReply[], change: Partial<ModelConfig> = {}) {
  const server = await startModelServer(...replies);
  open.push(server);
  return { server, planner: planner({ baseURL: server.baseURL, ...change }) };
}

function planner(change: Partial<ModelConfig>): Planner {
  const note = (fields: object, message: string): void => void logged.push({ fields, message });
  const config: ModelConfig = {
    baseURL: "http://127.0.0.1:1/v1",
    apiKey: API_KEY,
    model: "scripted",
    temperature: undefined,
    timeoutMs: 10_000,
    maxTokens: undefined,
    attempts: 2,
    ...change,
  };
  return createOpenAiPlanner(config, { clock: systemClock, log: { debug: note, info: note, warn: note, error: note } });
}

function request(change: Partial<PlanRequest> = {}): PlanRequest {
  return {
    task: TASK,
    inputJson: undefined,
    declarations: "declare const mcp: { files: { count(): Promise<number> } };",
    outputSchemaJson: undefined,
    failed: undefined,
    signal: new AbortController().signal,
    ...change,
  };
}

async function failureOf(promise: Promise<unknown>): Promise<RunletError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof RunletError)) throw new Error("no RunletError was thrown", { cause: thrown });
  return thrown;
}

/** Everything a caller or the log could see of a failure. */
function told(failure: RunletError): string {
  return JSON.stringify([failure.message, failure.context, logged]);
}

describe("the planner on an OpenAI-compatible endpoint", () => {
  it("gives the script out of the model's answer and the tokens it took", async () => {
    const reply = "<think>easy</think>\n```ts\nreturn await mcp.files.count();\n```";
    const { server, planner } = await start([
      { kind: "text", text: reply, usage: { inputTokens: 321, outputTokens: 12 } },
    ]);
    expect(await planner.plan(request())).toEqual({
      script: "return await mcp.files.count();",
      usage: { inputTokens: 321, outputTokens: 12 },
    });
    expect(server.requests).toHaveLength(1);
    const [sent] = server.requests;
    expect(sent?.path).toBe("/v1/chat/completions");
    expect(sent?.headers["authorization"]).toBe(`Bearer ${API_KEY}`);
    expect(Object.keys(sent?.body ?? {}).toSorted()).toEqual(["messages", "model"]);
    expect(sent?.body.messages?.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(sent?.body.messages?.[1]?.content).toContain(TASK);
  });

  it("sends the configured temperature and bound of tokens", async () => {
    const { server, planner } = await start([{ kind: "text", text: "return 1" }], { temperature: 0, maxTokens: 500 });
    await planner.plan(request());
    expect(server.requests[0]?.body).toMatchObject({ model: "scripted", temperature: 0, max_completion_tokens: 500 });
  });

  it("works without a key", async () => {
    const { planner } = await start([{ kind: "text", text: "return 1" }], { apiKey: "" });
    expect((await planner.plan(request())).script).toBe("return 1");
  });

  it("takes no credential and no address from the environment", async () => {
    vi.stubEnv("OPENAI_API_KEY", "sk-of-the-environment");
    vi.stubEnv("OPENAI_ORG_ID", "org-of-the-environment");
    vi.stubEnv("OPENAI_PROJECT_ID", "project-of-the-environment");
    vi.stubEnv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    const { server, planner } = await start([{ kind: "text", text: "return 1" }], { apiKey: "" });
    await planner.plan(request());
    vi.unstubAllEnvs();
    expect(JSON.stringify(server.requests[0]?.headers)).not.toContain("of-the-environment");
  });

  it("shows the model its failed script and the error for a repair", async () => {
    const { server, planner } = await start([{ kind: "text", text: "return 2" }]);
    const error = {
      code: "SCRIPT_ERROR",
      message: "x is not defined",
      fault: "script",
      retryable: false,
      line: 1,
    } as const;
    await planner.plan(request({ failed: { script: "return x", error } }));
    const messages = server.requests[0]?.body.messages ?? [];
    expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
    expect(messages[3]?.content).toContain("x is not defined");
  });

  it.each([429, 500, 503])("tries again after status %i", async (status) => {
    const { server, planner } = await start([
      { kind: "status", status, headers: { "retry-after-ms": "1" } },
      { kind: "text", text: "return 1" },
    ]);
    expect((await planner.plan(request())).script).toBe("return 1");
    expect(server.requests).toHaveLength(2);
  });

  it("waits as long as Retry-After says", async () => {
    const { planner } = await start([
      { kind: "status", status: 429, headers: { "retry-after": "1" } },
      { kind: "text", text: "return 1" },
    ]);
    const startedAtMs = performance.now();
    await planner.plan(request());
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(990);
  });

  it("gives up after three tries", async () => {
    const busy: ModelReply = { kind: "status", status: 503, headers: { "retry-after-ms": "1" } };
    const { server, planner } = await start([busy, busy, busy, { kind: "text", text: "return 1" }]);
    const failure = await failureOf(planner.plan(request()));
    expect(failure).toMatchObject({ code: "MODEL_UNAVAILABLE", context: { details: { status: 503 } } });
    expect(toErrorInfo(failure).retryable).toBe(true);
    expect(server.requests).toHaveLength(3);
  });

  it.each([
    { status: 401, hint: "model.apiKey" },
    { status: 403, hint: "model.apiKey" },
    { status: 404, hint: "model.model" },
    { status: 400, hint: "narrow `servers`" },
  ])("does not repeat status $status and says what to mend", async ({ status, hint }) => {
    const { server, planner } = await start([{ kind: "status", status }]);
    const failure = await failureOf(planner.plan(request()));
    expect(toErrorInfo(failure)).toMatchObject({ code: "MODEL_UNAVAILABLE", retryable: false });
    expect(failure.message).toContain(`HTTP status ${status}`);
    expect(failure.context.hint).toContain(hint);
    expect(server.requests).toHaveLength(1);
  });

  it("tells neither the key nor the task, even when the endpoint quotes both", async () => {
    const { planner } = await start([{ kind: "status", status: 401, message: `bad key ${API_KEY} for: ${TASK}` }]);
    const failure = await failureOf(planner.plan(request()));
    expect(told(failure)).not.toContain(API_KEY);
    expect(JSON.stringify([failure.message, failure.context])).not.toContain(TASK);
    expect(logged.some(({ message }) => message === failure.message)).toBe(true);
  });

  it.each<{ readonly claim: string; readonly reply: ModelReply; readonly words: string }>([
    { claim: "malformed JSON", reply: { kind: "raw", body: '{"choices": [' }, words: "malformed JSON" },
    {
      claim: "a web page",
      reply: { kind: "raw", body: "<html>", contentType: "text/html" },
      words: "no chat completion",
    },
    { claim: "an empty body", reply: { kind: "raw", body: "" }, words: "no chat completion" },
    { claim: "other JSON", reply: { kind: "raw", body: '{"ok": true}' }, words: "no chat completion" },
    { claim: "a body that breaks off", reply: { kind: "cut" }, words: "broke off" },
  ])("$claim is MODEL_UNAVAILABLE", async ({ reply, words }) => {
    const { planner } = await start([reply]);
    const failure = await failureOf(planner.plan(request()));
    expect(failure.code).toBe("MODEL_UNAVAILABLE");
    expect(failure.message).toContain(words);
    expect(failure.context.hint).toBeTypeOf("string");
  });

  it("an endpoint that nobody serves is MODEL_UNAVAILABLE that names the setting", async () => {
    const failure = await failureOf(planner({}).plan(request()));
    expect(failure.code).toBe("MODEL_UNAVAILABLE");
    expect(failure.message).toContain("cannot be reached");
    expect(failure.context.hint).toContain("model.baseURL");
  });

  it("a connection that is reset is tried again", async () => {
    const { server, planner } = await start([{ kind: "reset" }, { kind: "text", text: "return 1" }]);
    expect((await planner.plan(request())).script).toBe("return 1");
    expect(server.requests).toHaveLength(2);
  });

  it.each<ModelReply>([{ kind: "silence" }, { kind: "stall" }, { kind: "text", text: "return 1", delayMs: 60_000 }])(
    "a model that takes too long is given up after the configured time: $kind",
    async (reply) => {
      const { planner } = await start([reply, reply, reply], { timeoutMs: 300 });
      const startedAtMs = performance.now();
      const failure = await failureOf(planner.plan(request()));
      expect(failure).toMatchObject({ code: "MODEL_UNAVAILABLE" });
      expect(failure.message).toMatch(/300 ms|in time/u);
      expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    },
  );

  it.each<ModelReply>([{ kind: "silence" }, { kind: "stall" }])(
    "an abort ends the request at once with its own reason: $kind",
    async (reply) => {
      const { server, planner } = await start([reply]);
      const abort = new AbortController();
      const planned = planner.plan(request({ signal: abort.signal }));
      await vi.waitFor(() => expect(server.requests).toHaveLength(1));
      const reason = new RunletError("RUN_CANCELLED", "The caller cancelled the run");
      abort.abort(reason);
      await expect(planned).rejects.toBe(reason);
    },
  );

  it("asks nothing when the signal is aborted already", async () => {
    const { server, planner } = await start([{ kind: "text", text: "return 1" }]);
    const reason = new Error("too late");
    await expect(planner.plan(request({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  it.each<{ readonly claim: string; readonly reply: ModelReply }>([
    { claim: "an empty answer", reply: { kind: "text", text: "  " } },
    { claim: "reasoning only", reply: { kind: "text", text: "<think>hm" } },
    { claim: "a refusal", reply: { kind: "refusal", refusal: "I would rather not" } },
    { claim: "an answer that is cut off", reply: { kind: "text", text: "const a = ", finishReason: "length" } },
  ])("$claim is MODEL_NO_SCRIPT", async ({ reply }) => {
    const { planner } = await start([reply]);
    expect((await failureOf(planner.plan(request()))).code).toBe("MODEL_NO_SCRIPT");
  });
});
