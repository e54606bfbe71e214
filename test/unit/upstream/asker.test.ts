import { describe, expect, test } from "vitest";
import {
  type Asker,
  canBeAsked,
  capabilitiesOf,
  needsInput,
  type Question,
  toQuestion,
} from "../../../src/upstream/asker.ts";

const asker = (capabilities: Asker["capabilities"]): Asker => ({ capabilities, ask: () => Promise.resolve({}) });
const question = (method: Question["method"], params: Question["params"] = {}): Question => ({
  server: "server",
  method,
  params,
});
const FORM = question("elicitation/create");
const URL_MODE = question("elicitation/create", { mode: "url" });
const SAMPLE = question("sampling/createMessage");
const ROOTS = question("roots/list");

describe("who can be asked what", () => {
  test.each<[string, Asker | undefined, Question, boolean, boolean]>([
    ["nobody, anything", undefined, FORM, true, false],
    ["a form by who takes forms", asker({ elicitation: { form: {} } }), FORM, false, true],
    ["an address by who takes forms only", asker({ elicitation: { form: {} } }), URL_MODE, false, false],
    ["an address by who takes addresses", asker({ elicitation: { url: {} } }), URL_MODE, false, true],
    ["a completion where the server may", asker({ sampling: {} }), SAMPLE, true, true],
    ["a completion where the server may not", asker({ sampling: {} }), SAMPLE, false, false],
    ["a completion by who offers none", asker({ elicitation: {} }), SAMPLE, true, false],
    ["folders by who offers them", asker({ roots: {} }), ROOTS, false, true],
    ["folders by who does not", asker({}), ROOTS, false, false],
  ])("%s", (_what, who, what, sampling, expected) => {
    expect(canBeAsked(who, what, sampling)).toBe(expected);
  });

  test("is told to servers of the new era as it is", () => {
    const all = { elicitation: { form: {} }, sampling: {}, roots: {} };
    expect(capabilitiesOf(asker(all), true)).toEqual(all);
    expect(capabilitiesOf(asker(all), false)).toEqual({ elicitation: { form: {} }, roots: {} });
    expect(capabilitiesOf(undefined, true)).toEqual({});
  });
});

describe("a request of a server", () => {
  test.each<[string, unknown]>([
    ["no object", "elicitation/create"],
    ["a method of another kind", { method: "tools/call", params: {} }],
    ["a method from the prototype", { method: "constructor" }],
    ["params that are no object", { method: "roots/list", params: [] }],
  ])("that is %s is no question", (_what, request) => {
    expect(toQuestion("server", request)).toBeUndefined();
  });

  test("may have no params", () => {
    expect(toQuestion("server", { method: "roots/list" })).toEqual(ROOTS);
  });
});

describe("the error of a call that needs input", () => {
  const call = { server: "server", tool: "tool" };
  const error = (asked: Question, said?: string) =>
    needsInput(call, { question: asked, why: "so" }, (text) => text.replaceAll("secret", "***"), said);

  test("tells what is asked for, without secrets, and what the tool said", () => {
    const asked = question("elicitation/create", { mode: "url", message: "the secret?" });
    expect(error(asked, "no secret, no answer")).toMatchObject({
      code: "UPSTREAM_NEEDS_INPUT",
      message: 'Cannot finish tool "tool" of server "server" as so: it asks for elicitation, "the ***?".',
      context: {
        details: { kind: "elicitation", mode: "url", question: "the ***?", answer: "no ***, no answer" },
      },
    });
  });

  test.each<[string, unknown]>([
    ["no messages", undefined],
    ["messages that are none", [1, null]],
    ["content that is none", [{ content: ["x"] }]],
    ["text that is none", [{ content: { text: 1 } }]],
  ])("holds no text of a prompt with %s", (_what, messages) => {
    expect(error(question("sampling/createMessage", { messages })).context.details).toEqual({ kind: "sampling" });
  });
});
