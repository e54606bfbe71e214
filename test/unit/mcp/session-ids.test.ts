import { expect, test } from "vitest";
import { capabilitiesOfSession, createSessionId } from "../../../src/mcp/session-ids.ts";
import type { AskerCapabilities } from "../../../src/upstream/asker.ts";

const CASES: readonly AskerCapabilities[] = [
  {},
  { elicitation: { form: {} } },
  { elicitation: { url: {} } },
  { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} },
  { sampling: {} },
  { roots: {} },
];

test.each(CASES)("the id of a session says that its client declares %j", (capabilities) => {
  const id = createSessionId(capabilities);
  expect(capabilitiesOfSession(id)).toEqual(capabilities);
  // Visible ASCII, as the protocol asks.
  expect(id).toMatch(/^[\x21-\x7e]{1,128}$/u);
});

test("no two ids are the same", () => {
  expect(createSessionId({})).not.toBe(createSessionId({}));
});

test.each(["", "x", "7f3b.", "7f3b.q", "7f3b.fxs", "7f3b.fffff"])(
  "an id of another kind, %j, declares nothing",
  (id) => {
    expect(capabilitiesOfSession(id)).toEqual({});
  },
);
