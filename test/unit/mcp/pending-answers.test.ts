import { describe, expect, it } from "vitest";
import { PendingAnswers } from "../../../src/mcp/pending-answers.ts";

const ann = { principalId: "ann", sessionId: "s1" };
const question = { method: "elicitation/create", params: { message: "Who?" } } as const;

/** A question that is under way, and what was sent of it. */
function asking(answers = new PendingAnswers(), signal = new AbortController().signal) {
  const sent: { readonly id?: string; readonly method: string }[] = [];
  const answer = answers.ask(ann, question, signal, async (message) => void sent.push(message));
  const id = sent[0]?.id ?? "";
  return { answers, sent, answer, id };
}

describe("a question on the stream of a request", () => {
  it("is answered by a message of its session", async () => {
    const { answers, answer, sent, id } = asking();
    expect(sent).toEqual([{ jsonrpc: "2.0", id, ...question }]);
    expect(answers.settle(ann, { jsonrpc: "2.0", id, result: { action: "decline" } })).toBe(true);
    expect(await answer).toEqual({ action: "decline" });
  });

  it.each([
    { principalId: "bob", sessionId: "s1" },
    { principalId: "ann", sessionId: "s2" },
  ])("is not answered by %j", async (other) => {
    const { answers, answer, id } = asking();
    expect(answers.settle(other, { id, result: { action: "accept" } })).toBe(true);
    answers.settle(ann, { id, result: "mine" });
    expect(await answer).toBe("mine");
  });

  it("fails with the error that the client answers", async () => {
    const { answers, answer, id } = asking();
    answers.settle(ann, { id, error: { code: -1, message: "the person left" } });
    await expect(answer).rejects.toThrow("the client answered with an error: the person left");
  });

  it("is taken back when nobody waits any more", async () => {
    const { signal, abort } = abortable();
    const { answers, answer, sent, id } = asking(undefined, signal);
    abort();
    await expect(answer).rejects.toThrow("over");
    expect(sent[1]).toEqual({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } });
    expect(answers.settle(ann, { id, result: {} })).toBe(true);
  });
});

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error("over")) };
}

describe("what a session posts", () => {
  it.each([
    [{ id: "x", method: "tools/call" }],
    [{ method: "notifications/initialized" }],
    [[]],
    ["text"],
    [null],
    [{ id: "x" }],
  ])("%j is no answer", (body) => {
    expect(new PendingAnswers().settle(ann, body)).toBe(false);
  });

  it("may hold answers and other messages, of which the others are still to be handled", async () => {
    const { answers, answer, id } = asking();
    const body = [{ id, result: 1 }, { method: "notifications/initialized" }];
    expect(answers.settle(ann, body)).toBe(false);
    expect(await answer).toBe(1);
  });
});
