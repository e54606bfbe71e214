import { describe, expect, test } from "vitest";
import type { RedactionMode } from "../../../src/config/redaction-keys.ts";
import type { ToolCall } from "../../../src/gateway/call.ts";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { redact } from "../../../src/gateway/interceptors/redact.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { createRedactor } from "../../../src/observability/redact.ts";
import {
  admittedCall,
  createFakeCatalogs,
  createFakeRegistry,
  createFakeUpstream,
  type FakeAnswer,
  textResult,
  toolCall,
} from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const SECRET = "s3cret-value";
const CACHE = { ttlMs: 60_000, tools: undefined, maxBytes: 1_000_000, maxEntries: 100 };

function setup(redactResults: RedactionMode, answer: FakeAnswer = () => Promise.resolve(textResult(`a ${SECRET}`))) {
  const config = { redactResults, cache: CACHE };
  const upstream = createFakeUpstream("s", [{ name: "t", class: "read" }], { answer, config });
  const registry = createFakeRegistry([upstream]);
  const redactor = createRedactor([SECRET]);
  const observed: unknown[] = [];
  const gateway = createGateway({
    registry,
    catalogs: createFakeCatalogs(registry),
    clock: createManualClock(),
    log: silentLog,
    redactor,
    observe: ({ value }) => void observed.push(value),
  });
  const call = (change: Partial<ToolCall> = {}) => gateway.call(toolCall("s", "t", change));
  const failure = (change?: Partial<ToolCall>) =>
    call(change).then(
      () => expect.fail("went well"),
      (error: unknown) => error as RunletError,
    );
  return { upstream, redactor, observed, call, failure };
}

describe("redaction of results", () => {
  test("is of the value, its size, what is kept of it and what is learned of it", async () => {
    const { call, observed, upstream } = setup("all");
    const first = await call();
    expect(first).toEqual({ value: "a ***", content: [{ type: "text", text: "a ***" }], outcome: "ok", bytes: 7 });
    expect(await call()).toEqual({ ...first, outcome: "cached" });
    expect([observed, upstream.calls.length]).toEqual([["a ***"], 1]);
  });

  test("knows secrets that were learned after it was made", async () => {
    const { call, redactor } = setup("known", () => Promise.resolve(textResult("a later-value")));
    redactor.learn(["later-value"]);
    expect((await call()).value).toBe("a ***");
  });

  test("comes before an answer is held to a size: what is hidden does not count", async () => {
    const { call } = setup("all", () => Promise.resolve(textResult(SECRET)));
    expect(await call({ maxResultBytes: 5 })).toMatchObject({ value: "***", bytes: 5 });
  });

  test("comes before a failure's text is cut, so that no half of a secret is left", async () => {
    for (let before = 4_070; before < 4_100; before++) {
      const text = `${"x".repeat(before)}${SECRET}`;
      const { failure } = setup("all", () => Promise.resolve({ ...textResult(text), isError: true }));
      const { code, message, context } = await failure();
      expect(code).toBe("TOOL_FAILED");
      expect(message + JSON.stringify(context.details)).not.toContain("s3c");
    }
  });

  test("is of failures too", async () => {
    const { failure } = setup("known", () => {
      throw new RunletError("UPSTREAM_PROTOCOL", `refused ${SECRET}`, { details: { said: SECRET } });
    });
    expect(await failure()).toMatchObject({ message: "refused ***", context: { details: { said: "***" } } });
  });

  test("is of reports of progress", async () => {
    const told: unknown[] = [];
    const { call } = setup("all", (_name, _args, { onProgress }) => {
      onProgress?.({ progress: 1, message: `with ${SECRET}` });
      onProgress?.({ progress: 2 });
      return Promise.resolve(textResult("done"));
    });
    await call({ onProgress: (progress) => void told.push(progress) });
    expect(told).toEqual([{ progress: 1, message: "with ***" }, { progress: 2 }]);
  });

  test("is of questions by known secrets alone: an address to open stays whole", async () => {
    const asked: unknown[] = [];
    const params = { message: `for ${SECRET}`, mode: "url", url: "https://x/?token=abcdef" };
    const { call } = setup("all", async (_name, _args, { asker, signal }) => {
      const answer = await asker?.ask({ server: "s", method: "elicitation/create", params }, signal);
      return textResult(JSON.stringify(answer));
    });
    const ask = (question: { readonly params: unknown }) => {
      asked.push(question.params);
      return Promise.resolve({ action: "accept" });
    };
    expect(await call({ asker: { capabilities: { elicitation: { url: {} } }, ask } })).toMatchObject({
      value: { action: "accept" },
    });
    expect(asked).toEqual([{ ...params, message: "for ***" }]);
  });

  test("that is off leaves the call as it is, and the answer", async () => {
    const upstream = createFakeUpstream("s", []);
    const given = admittedCall(upstream);
    const passed: AdmittedCall[] = [];
    const result = { value: SECRET, content: [], outcome: "ok", bytes: 14 } as const;
    const send = redact(createRedactor([SECRET]))((call) => {
      passed.push(call);
      return Promise.resolve(result);
    });
    expect(await send(given)).toBe(result);
    expect(passed[0]).toBe(given);
  });
});
