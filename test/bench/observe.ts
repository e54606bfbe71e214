import { addValue, emptyShape } from "../../src/catalog/learned/observed-shape.ts";
import { ObservedTool } from "../../src/catalog/learned/observed-tool.ts";
import { ObservedTypes } from "../../src/catalog/learned/observed-types.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { MemoryObservationStore } from "../../src/store/memory/memory-observation-store.ts";
import { fakeTool } from "../support/fake-catalog.ts";
import { show } from "./statistics.ts";

/**
 * What it costs to learn from one answer, in µs, beside writing the same answer as JSON text, which the gateway does to each:
 * the first answers of a tool, and the share of an answer once they bring no news. Then what a call pays before its answer goes
 * on.
 */
const ROUNDS = 300;

const row = (id: number): object => ({
  id,
  name: `name ${id}`,
  owner: { login: "a", id: 3, url: "https://example.com", type: "User" },
  topics: ["a", "b"],
  license: id % 2 === 0 ? null : { key: "mit", name: "MIT" },
  permissions: { admin: true, push: false },
  createdAt: "2026-01-01",
});
const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, at]));
const answers: readonly (readonly [string, unknown])[] = [
  ["one text", "x".repeat(1_000)],
  ["one small object", { ok: true, id: 1, text: "x" }],
  ["100 records of 20 properties", Array.from({ length: 100 }, (_, at) => row(at))],
  ["10,000 records", Array.from({ length: 10_000 }, (_, at) => row(at))],
  ["an object with 20,000 keys", wide],
];

function micros(rounds: number, work: () => unknown): number {
  const startedMs = performance.now();
  for (let round = 0; round < rounds; round++) work();
  return ((performance.now() - startedMs) * 1_000) / rounds;
}

for (const [name, value] of answers) {
  const rounds = Math.max(5, Math.min(ROUNDS, Math.round(3e6 / JSON.stringify(value).length)));
  micros(ROUNDS, () => addValue(emptyShape(), value));
  const text = micros(rounds, () => JSON.stringify(value));
  const first = micros(rounds, () => new ObservedTool("bench").learn(value));
  const settled = new ObservedTool("bench");
  const later = micros(64 * rounds, () => settled.isDue() && settled.learn(value));
  console.log(`${name}: JSON text ${show(text)}, a first answer ${show(first)}, a later one ${show(later)}`);
}

const observed = await ObservedTypes.create({
  store: new MemoryObservationStore(),
  clock: systemClock,
  log: silentLog,
});
const tool = fakeTool("files", "read");
const note = (): void => observed.observe({ principal: "bench", tool, value: { id: 1 }, bytes: 8 });
for (let turn = 0; turn < 20; turn++) {
  note();
  await new Promise((resolve) => setTimeout(resolve, 2));
}
console.log(`what a call pays: ${show(micros(1_000_000, note))}`);
await observed.close();
