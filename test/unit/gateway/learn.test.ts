import { expect, test } from "vitest";
import type { ObservedResult } from "../../../src/catalog/learned/observed-types.ts";
import type { ToolResult } from "../../../src/gateway/call.ts";
import { learn } from "../../../src/gateway/interceptors/learn.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { fakeTool } from "../../support/fake-catalog.ts";

const definition = fakeTool("files", "read");
const call = { principal: { id: "ann", access: {}, admin: false }, definition } as unknown as AdmittedCall;
const textBlock = { type: "text", text: "hello" };

async function observedOf(answer: () => Promise<ToolResult>): Promise<readonly ObservedResult[]> {
  const seen: ObservedResult[] = [];
  await learn((result) => void seen.push(result))(answer)(call).catch(() => undefined);
  return seen;
}

test("an answer teaches the type of its value, for the principal who called", async () => {
  const result: ToolResult = { value: { a: 1 }, content: [textBlock], outcome: "ok", bytes: 7 };
  expect(await observedOf(async () => result)).toEqual([
    { principal: "ann", tool: definition, value: { a: 1 }, bytes: 7 },
  ]);
});

test("of blocks that are not all text only is taught that they are blocks", async () => {
  const content = [textBlock, { type: "image", data: "AAAA", mimeType: "image/png", _meta: { owner: "bob" } }];
  const result: ToolResult = { value: content, content, outcome: "ok", bytes: 99 };
  const [observed] = await observedOf(async () => result);
  expect(observed?.value).toEqual([{ type: "text" }, { type: "image" }]);
});

test("an answer that another call was given before teaches nothing", async () => {
  expect(await observedOf(async () => ({ value: 1, content: [], outcome: "cached", bytes: 1 }))).toEqual([]);
});

test("a failure teaches nothing and stays what it is", async () => {
  const failure = new RunletError("TOOL_FAILED", "no");
  const path = learn(() => expect.unreachable())(() => Promise.reject(failure));
  await expect(path(call)).rejects.toBe(failure);
});

test("the answer goes on as it came", async () => {
  const result: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };
  expect(await learn(() => undefined)(async () => result)(call)).toBe(result);
});
