import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ObservedTool } from "../../../../src/catalog/learned/observed-tool.ts";
import { schemaToType } from "../../../../src/catalog/declarations/schema-to-type.ts";
import { printType } from "../../../../src/catalog/declarations/type-printer.ts";

interface Step {
  readonly tool: string;
  readonly result?: unknown;
}

/** What the tools of two recorded packs answered, by tool. */
function recordedAnswers(): ReadonlyMap<string, readonly unknown[]> {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(new URL(`../../../fixtures/data/packs/${name}.json`, import.meta.url), "utf8"));
  const conversations = read("bfcl-multi-turn-base") as readonly { readonly turns: readonly (readonly Step[])[] }[];
  const dialogues = read("apibank-recorded") as readonly { readonly steps: readonly Step[] }[];
  const answers = new Map<string, unknown[]>();
  for (const { tool, result } of [
    ...conversations.flatMap(({ turns }) => turns.flat()),
    ...dialogues.flatMap(({ steps }) => steps),
  ]) {
    if (result === undefined) continue;
    answers.set(tool, [...(answers.get(tool) ?? []), result]);
  }
  return answers;
}

function typeOf(answers: readonly unknown[]): string {
  const tool = new ObservedTool("recorded");
  for (const answer of answers) tool.learn(answer);
  if (tool.schema === undefined) return "unknown";
  const type = schemaToType(tool.schema);
  return printType(type, type.root, { layout: "line" }, 2_000);
}

const answers = recordedAnswers();

test.each([
  ["cd", "{ current_working_directory?: string }"],
  ["mkdir", "null"],
  ["post_tweet", "{ id: number; username: string; content: string; tags: string[]; mentions: string[] }"],
  ["get_stock_info", "{ price: number; percent_change: number; volume: number }"],
  ["GetUserToken", "{ token: string }"],
  ["AddAlarm", "string"],
  ["QueryRegistration", "{ [key: string]: { patient_name: string; date: string; doctor_name: string } }"],
])("the recorded answers of %s have the type %s", (tool, type) => {
  expect(typeOf(answers.get(tool) ?? [])).toBe(type);
});

test("something is learned of every tool, and no id of a person, patient or message is among the names", () => {
  const types = [...answers].map(([tool, seen]) => [tool, typeOf(seen)] as const);
  expect(types.length).toBeGreaterThan(100);
  expect(types.filter(([, type]) => type === "unknown")).toEqual([]);
  const names = types.flatMap(([, type]) =>
    [...type.matchAll(/(?<name>"[^"]*"|[\w$]+)\??: /gu)].map((match) => match.groups?.["name"]),
  );
  expect(names.filter((name) => /\d{3}|[^\w$]/u.test(name ?? ""))).toEqual([]);
});
