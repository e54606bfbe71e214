import { describe, expect, it } from "vitest";
import { readChatAnswer } from "../../../src/planner/chat-answer.ts";

function completion(choice: object, usage?: unknown): object {
  return { choices: [choice], ...(usage === undefined ? {} : { usage }) };
}

describe("readChatAnswer", () => {
  it("reads text and usage", () => {
    const body = completion(
      { message: { content: "return 1" }, finish_reason: "stop" },
      { prompt_tokens: 7, completion_tokens: 2 },
    );
    expect(readChatAnswer(body)).toEqual({ text: "return 1", usage: { inputTokens: 7, outputTokens: 2 } });
  });

  it.each([undefined, null, "many", { prompt_tokens: "7" }, { prompt_tokens: -1, completion_tokens: Number.NaN }])(
    "counts no tokens where the server gives none: %j",
    (usage) => {
      const { usage: read } = readChatAnswer(completion({ message: { content: "x" } }, usage));
      expect(read).toEqual({ inputTokens: 0, outputTokens: 0 });
    },
  );

  it("joins a content of several parts", () => {
    const content = [{ type: "text", text: "return " }, { type: "image_url" }, null, { type: "text", text: "1" }];
    expect(readChatAnswer(completion({ message: { content } })).text).toBe("return 1");
  });

  it.each([
    undefined,
    null,
    "<html>",
    1,
    [],
    {},
    { choices: {} },
    { choices: [] },
    { choices: [null] },
    { choices: [{}] },
  ])("what is no chat completion is MODEL_UNAVAILABLE: %j", (body) => {
    expect(() => readChatAnswer(body)).toThrow(
      expect.objectContaining({
        code: "MODEL_UNAVAILABLE",
        context: { hint: expect.stringContaining("model.baseURL") as string },
      }) as Error,
    );
  });

  it.each([
    {
      claim: "a refusal",
      choice: { message: { content: null, refusal: "I must not" } },
      told: "the model refused: I must not",
    },
    { claim: "a cut answer", choice: { message: { content: "retu" }, finish_reason: "length" }, told: "was cut off" },
    {
      claim: "a filtered answer",
      choice: { message: { content: "" }, finish_reason: "content_filter" },
      told: "was filtered",
    },
    {
      claim: "a call of a tool",
      choice: { message: { content: null, tool_calls: [{}] }, finish_reason: "tool_calls" },
      told: "has no text",
    },
  ])("$claim is MODEL_NO_SCRIPT that says so", ({ choice, told }) => {
    expect(() => readChatAnswer(completion(choice))).toThrow(
      expect.objectContaining({ code: "MODEL_NO_SCRIPT", message: expect.stringContaining(told) as string }) as Error,
    );
  });

  it("bounds the words of a refusal", () => {
    const choice = { message: { refusal: "no ".repeat(10_000) } };
    expect(() => readChatAnswer(completion(choice))).toThrow(/^.{0,700}$/u);
  });
});
