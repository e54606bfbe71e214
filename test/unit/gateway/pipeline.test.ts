import { expect, test } from "vitest";
import type { Interceptor, ToolResult } from "../../../src/gateway/call.ts";
import { compose } from "../../../src/gateway/pipeline.ts";
import { toolCall } from "../../support/gateway-parts.ts";

const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };

test("policies see a call outermost first and its answer outermost last", async () => {
  const seen: string[] = [];
  const note =
    (name: string): Interceptor =>
    (next) =>
    async (call) => {
      seen.push(`${name} in`);
      const result = await next(call);
      seen.push(`${name} out`);
      return result;
    };
  const path = compose([note("a"), note("b")], async () => {
    seen.push("send");
    return RESULT;
  });
  expect(await path(toolCall("s", "t"))).toBe(RESULT);
  expect(seen).toEqual(["a in", "b in", "send", "b out", "a out"]);
});

test("a path is put together once, not per call", async () => {
  let composed = 0;
  const path = compose(
    [
      (next) => {
        composed++;
        return next;
      },
    ],
    () => Promise.resolve(RESULT),
  );
  await path(toolCall("s", "t"));
  await path(toolCall("s", "t"));
  expect(composed).toBe(1);
});

test("no policies leave the step as it is", () => {
  const send = () => Promise.resolve(RESULT);
  expect(compose([], send)).toBe(send);
});
