import { expect, test } from "vitest";
import { Turns } from "../../../src/lib/turns.ts";

interface Item {
  readonly owner: string;
  readonly name: string;
}

function lineOf(...names: readonly string[]): Turns<Item> {
  const turns = new Turns<Item>();
  for (const name of names) turns.add({ owner: name.slice(0, 1), name });
  return turns;
}

function takeAll(turns: Turns<Item>): readonly string[] {
  const names: string[] = [];
  for (let item = turns.take(); item !== undefined; item = turns.take()) names.push(item.name);
  return names;
}

test("owners take turns, each in the order its items came", () => {
  expect(takeAll(lineOf("a1", "a2", "a3", "b1", "b2", "c1"))).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("an owner who had a turn comes after one who comes later", () => {
  const turns = lineOf("a1", "a2");
  expect(turns.take()?.name).toBe("a1");
  turns.add({ owner: "b", name: "b1" });
  expect(takeAll(turns)).toEqual(["b1", "a2"]);
});

test("owners who are not ready keep their place", () => {
  const turns = lineOf("a1", "b1", "a2");
  expect(turns.take(({ owner }) => owner === "b")?.name).toBe("b1");
  expect(turns.take(() => false)).toBeUndefined();
  expect(takeAll(turns)).toEqual(["a1", "a2"]);
});

test("what leaves the line is counted and taken no more", () => {
  const turns = new Turns<Item>();
  const items = ["a1", "a2", "b1"].map((name): Item => ({ owner: name.slice(0, 1), name }));
  const [first = { owner: "", name: "" }] = items;
  for (const item of items) turns.add(item);
  expect([turns.count("a"), turns.count("b"), turns.count("c")]).toEqual([2, 1, 0]);
  turns.remove(first);
  turns.remove(first);
  expect(turns.count("a")).toBe(1);
  expect(turns.clear().map(({ name }) => name)).toEqual(["a2", "b1"]);
  expect(turns.take()).toBeUndefined();
});
