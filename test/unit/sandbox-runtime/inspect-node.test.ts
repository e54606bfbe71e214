import { Console } from "node:console";
import { Writable } from "node:stream";
import { runInThisContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";
import { FORMATTED_ALIKE, SHOWN_ALIKE, TABLED_ALIKE } from "./inspect-values.ts";

const { run } = useExecutor();

const LIMITS = { logBytes: 1024 * 1024, logLines: 10_000, logLineBytes: 64 * 1024, cpuMs: 30_000, wallMs: 30_000 };
const PART = 40;

/** What an isolate logs for each statement, one line each. */
async function logged(statements: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let from = 0; from < statements.length; from += PART) {
    const { logs, error } = await run(statements.slice(from, from + PART).join(";\n"), { limits: LIMITS });
    expect(error).toBeUndefined();
    lines.push(...logs);
  }
  return lines;
}

/** What Node prints. The values are made in this realm, as the classes of others are told otherwise. */
function printed(statement: string): string {
  let text = "";
  const stdout = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  const evaluate = runInThisContext(`(console) => { ${statement} }`) as (console: Console) => void;
  evaluate(new Console({ stdout, colorMode: false }));
  return text.slice(0, -1);
}

describe.each([
  ["console.log of a value", SHOWN_ALIKE.map((value) => `console.log(${value})`), 100],
  ["console.log with directives", FORMATTED_ALIKE.map((args) => `console.log(${args})`), 30],
  ["console.table", TABLED_ALIKE.map((args) => `console.table(${args})`), 15],
])("%s", (_, statements, least) => {
  it(`is what Node prints, in at least ${least} cases`, async () => {
    expect(statements.length).toBeGreaterThanOrEqual(least);
    const ours = await logged(statements);
    const both = statements.map((statement, index) => ({ statement, text: ours[index] }));
    expect(both).toEqual(statements.map((statement) => ({ statement, text: printed(statement) })));
  });
});

describe("any value", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.integer(),
    fc.double(),
    fc.bigInt({ max: 10n ** 12n, min: -(10n ** 12n) }),
    fc.boolean(),
    fc.constantFrom(null, undefined),
  );
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      leaf.map(literal),
      fc.array(tie("node"), { maxLength: 12 }).map((items) => `[${items.join(", ")}]`),
      fc
        .dictionary(fc.string({ unit: "grapheme-ascii", maxLength: 12 }), tie("node") as fc.Arbitrary<string>, {
          maxKeys: 8,
        })
        .map((members) => {
          const texts = Object.entries(members).map(([key, member]) => `[${JSON.stringify(key)}]: ${member}`);
          return `({ ${texts.join(", ")} })`;
        }),
      fc.array(tie("node"), { maxLength: 6 }).map((items) => `new Set([${items.join(", ")}])`),
      fc
        .array(fc.tuple(tie("node"), tie("node")), { maxLength: 5 })
        .map((entries) => `new Map([${entries.map(([key, item]) => `[${key}, ${item}]`).join(", ")}])`),
    ),
  })).node;

  it("is logged as Node prints it", async () => {
    const values = fc.sample(value, { numRuns: 400, seed: 7 });
    const ours = await logged(values.map((text) => `console.log(${text})`));
    const both = values.map((text, index) => ({ value: text, text: ours[index] }));
    expect(both).toEqual(values.map((text) => ({ value: text, text: printed(`console.log(${text})`) })));
  });
});

/** A primitive as source text. */
function literal(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  return Object.is(value, -0) ? "-0" : String(value);
}
