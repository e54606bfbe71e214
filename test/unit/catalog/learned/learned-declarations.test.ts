import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createCatalogSource } from "../../../../src/catalog/catalog-source.ts";
import { ObservedTypes } from "../../../../src/catalog/learned/observed-types.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { MemoryObservationStore } from "../../../../src/store/memory/memory-observation-store.ts";
import { compileTypes, literalText } from "../../../support/compile-types.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { AUTHORS_NAME, answersWith } from "../arbitrary-answer.ts";
import { FakeRegistry, tool } from "../fake-registry.ts";

const TOOLS = 120;

test("declarations with learned types compile, and every answer that taught them is of the type they give", async () => {
  const taught = fc.sample(answersWith(AUTHORS_NAME), { numRuns: TOOLS, seed: 7 });
  const registry = new FakeRegistry({ s: taught.map((_, at) => tool(`tool${at}`)) });
  const clock = createManualClock();
  const observed = await ObservedTypes.create({ store: new MemoryObservationStore(), clock, log: silentLog });
  const source = createCatalogSource(registry, observed);
  const { tools } = source.current({ access: {} });
  const program: string[] = [];
  for (const [at, answers] of taught.entries()) {
    for (const value of answers) {
      const answering = tools[at];
      if (answering === undefined) continue;
      observed.observe({ principal: "ann", tool: answering, value, bytes: 1 });
      clock.advance(0);
      program.push(`take(mcp.s.tool${at})(${literalText(value)});`);
    }
  }
  const learned = source.current({ access: {}, id: "ann" });
  expect(learned.tools.filter(({ signature }) => signature.includes("Observed<")).length).toBeGreaterThan(TOOLS / 2);
  const lines = learned.tools.map(({ signature }, at) => signature.replace(/^mcp\.s\.\w+/u, `  readonly tool${at}: `));
  const said = await compileTypes({
    "mcp.d.ts": learned.declarations(),
    "take.d.ts": "declare function take<T>(tool: () => Promise<T>): (value: T) => void;\n",
    "answers.ts": program.join("\n"),
    "lines.d.ts": `declare const asLines: {\n${lines.map((line) => line.replace("): ", ") => ")).join(";\n")};\n};\n`,
  });
  expect(said).toBe("");
});
