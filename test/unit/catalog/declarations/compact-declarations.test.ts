import { describe, expect, test } from "vitest";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";
import { catalogOf, tool, toolTaking } from "../fake-registry.ts";

const text = { type: "string" };

/** Declarations of a server called `s` without the lines that are the same for all. */
function declare(...tools: readonly ReturnType<typeof tool>[]): string {
  return catalogOf({ s: tools }).declarations().split("interface Mcp")[0] ?? "";
}

function objectOf(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): JsonSchema {
  return { type: "object", properties, required };
}

describe("what several tools say", () => {
  const person = objectOf(
    {
      name: text,
      "e-mail": { ...text, format: "email" },
      born: { type: "integer" },
      places: { type: "array", items: text },
    },
    ["name"],
  );

  test("is said once: an object that several take or answer is a type named after the property", () => {
    const list = tool("list", { outputSchema: objectOf({ people: { type: "array", items: person } }) });
    const add = toolTaking("add", objectOf({ person }, ["person"]));
    expect(declare(list, add)).toBe(`type S_People = {
  name: string;
  "e-mail"?: string; // (email)
  born?: number;
  places?: string[];
};
interface STools {
  list(args?: {}): Promise<{ people?: S_People[] }>;
  add(args: { person: S_People }): Promise<unknown>;
}
`);
  });

  test("is said once: a long list of literals is a type, a short one is not", () => {
    const long = { enum: ["the first of them", "the second of them", "the third of them", "the fourth of them"] };
    const schema = objectOf({ long, short: { enum: ["a", "b"] } });
    expect(declare(toolTaking("a", schema), toolTaking("b", schema))).toBe(
      `type S_Long = "the first of them" | "the second of them" | "the third of them" | "the fourth of them";
interface STools {
  a(args?: { long?: S_Long; short?: "a" | "b" }): Promise<unknown>;
  b(args?: { long?: S_Long; short?: "a" | "b" }): Promise<unknown>;
}
`,
    );
  });

  test("is said once: a comment of a property of the same name, but not its default or format", () => {
    const since = { ...text, description: "Where to start.", default: "now", format: "date-time" };
    const other = { ...text, description: "When to start." };
    const tools = [since, since, other].map((of, at) => toolTaking(`t${at}`, objectOf({ since: of })));
    expect(declare(...tools)).toBe(`interface STools {
  t0(args?: {
    since?: string; // Where to start (date-time, default "now")
  }): Promise<unknown>;
  t1(args?: {
    since?: string; // (date-time, default "now")
  }): Promise<unknown>;
  t2(args?: {
    since?: string; // When to start
  }): Promise<unknown>;
}
`);
  });

  test("is kept apart where it differs in a comment, a default or one property", () => {
    const of = (rest: object): JsonSchema =>
      objectOf({ person: objectOf({ name: { ...text, ...rest }, place: text, born: text }) });
    const kinds = [{}, { description: "Her name in full." }, { default: "x" }, { type: "number" }];
    expect(declare(...kinds.map((rest, at) => toolTaking(`t${at}`, of(rest))))).not.toContain("type S_");
  });

  test("has the same text however often it is asked for", () => {
    const tools = [tool("list", { outputSchema: person }), tool("find", { outputSchema: person })];
    expect(declare(...tools)).toBe(declare(...tools));
    expect(declare(...tools)).toContain("list(args?: {}): Promise<S_ListResult>;");
  });
});

test("a tool that takes nothing says whether it would refuse something", () => {
  const closed = { type: "object", properties: {}, additionalProperties: false };
  expect(declare(toolTaking("open", { type: "object", properties: {} }), toolTaking("closed", closed)))
    .toBe(`interface STools {
  open(args?: {}): Promise<unknown>;
  closed(args?: Record<string, never>): Promise<unknown>;
}
`);
});

test("an answer learned from results is marked, and one that is declared is not", () => {
  const observedSchema = objectOf({ id: text }, ["id"]);
  const learned = Object.assign(tool("learned"), { observedSchema });
  const declared = Object.assign(tool("declared", { outputSchema: objectOf({ n: text }) }), { observedSchema });
  expect(catalogOf({ s: [learned, declared] }).declarations()).toContain(`/** Seen in earlier results, not promised. */
type Observed<T> = T;
interface STools {
  learned(args?: {}): Promise<Observed<{ id: string }>>;
  declared(args?: {}): Promise<{ n?: string }>;
}
`);
});
