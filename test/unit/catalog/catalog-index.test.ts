import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { catalogIndex, INDEX_TOKENS } from "../../../src/catalog/catalog-index.ts";
import { describeForPrompt, PROMPT_TOKENS } from "../../../src/catalog/describe-for-prompt.ts";
import { estimateTokens } from "../../../src/lib/token-estimate.ts";
import { readRetrievalSet } from "../../support/retrieval.ts";
import { catalogOf, recordedTools, tool } from "./fake-registry.ts";

function tokens(text: string): number {
  return encode(text).length;
}

/** Catalogs of any names, as servers may send them. */
const anyCatalog = fc
  .dictionary(
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.option(
      fc.array(fc.record({ name: fc.string({ unit: "grapheme" }), description: fc.string() }), { maxLength: 60 }),
      {
        nil: undefined,
      },
    ),
    { maxKeys: 40 },
  )
  .map((servers) =>
    catalogOf(
      Object.fromEntries(
        Object.entries(servers).map(([server, tools]) => [server, tools?.map(({ name, ...rest }) => tool(name, rest))]),
      ),
    ),
  );

describe("the index of a catalog", () => {
  test("names every tool where all fit, by server, as a script writes them", () => {
    const catalog = catalogOf({
      "my-files": [tool("read-file"), tool("class")],
      web: [tool("search")],
      off: undefined,
    });
    expect(catalogIndex(catalog)).toEqual({
      text: "Complete: 3 tools, 3 servers\nmyFiles (2): readFile, class_\noff: not available now\nweb (1): search",
      isComplete: true,
    });
  });

  test("shows each server before it completes one, and says what is missing", () => {
    const many = Array.from({ length: 300 }, (_, at) => tool(`get_invoice_number_${at}`));
    const { text, isComplete } = catalogIndex(catalogOf({ big: many, other: [tool("one"), tool("two")] }), 300);
    expect(isComplete).toBe(false);
    const [head, big, other] = text.split("\n");
    expect(head).toMatch(/^\d+ of 302 tools, 2 of 2 servers$/u);
    expect(big).toMatch(/^big \(\d+ of 300\): getInvoiceNumber0, getInvoiceNumber1, /u);
    expect(other).toBe("other (2): one, two");
  });

  test("counts what it shows", () => {
    const catalog = catalogOf(recordedTools());
    const { text } = catalogIndex(catalog);
    const [head = "", ...lines] = text.split("\n");
    const shown = lines.map((line) => line.slice(line.indexOf(": ") + 2).split(", ").length);
    expect(head).toBe(`${shown.reduce((sum, count) => sum + count, 0)} of 482 tools, 16 of 16 servers`);
    expect(lines).toHaveLength(16);
  });

  test("of real servers uses its budget well and never exceeds it", () => {
    const { text } = catalogIndex(catalogOf(recordedTools()));
    expect(tokens(text)).toBeLessThanOrEqual(INDEX_TOKENS);
    expect(tokens(text)).toBeGreaterThan(INDEX_TOKENS * 0.75);
  });

  test("of thousands of servers names as many as fit", () => {
    const servers = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`server${at}`, [tool("run")]]));
    const { text } = catalogIndex(catalogOf(servers));
    expect(text).toMatch(/^\d+ of 2000 tools, \d+ of 2000 servers\n/u);
    expect(tokens(text)).toBeLessThanOrEqual(INDEX_TOKENS);
  });

  test("is made once for a catalog and budget", () => {
    const catalog = catalogOf(recordedTools());
    expect(catalogIndex(catalog)).toBe(catalogIndex(catalog));
    expect(catalogIndex(catalog, 500)).toBe(catalogIndex(catalog, 500));
    expect(catalogIndex(catalogOf(recordedTools())).text).toBe(catalogIndex(catalog).text);
  });

  test("never exceeds its budget, whatever the names are", () => {
    fc.assert(
      fc.property(anyCatalog, fc.integer({ min: 0, max: 3_000 }), (catalog, budget) => {
        const { text } = catalogIndex(catalog, budget);
        expect(estimateTokens(text)).toBeLessThanOrEqual(budget);
        // Names that are noise may take a tenth more than is estimated.
        expect(tokens(text)).toBeLessThanOrEqual(budget * 1.1);
      }),
      { numRuns: 60 },
    );
  });
});

describe("what a model is told of the tools", () => {
  test("is every declaration where all fit", () => {
    const catalog = catalogOf({ files: recordedTools()["filesystem"] });
    expect(describeForPrompt(catalog, { task: "read a file" })).toBe(catalog.declarations());
  });

  test("is else an index and the signatures of the tools for the task and each of its clauses", () => {
    const catalog = catalogOf(recordedTools());
    const task = "Merge the pull request, take a screenshot of the page and insert many documents into the collection.";
    const text = describeForPrompt(catalog, { task });
    expect(text).toMatch(/^\/\/ \d+ of 482 tools, 16 of 16 servers\n\/\/ airtable \(16\): listRecords/u);
    expect(text).toContain("mcp.$search(");
    for (const [server, name] of [
      ["github-archived", "merge_pull_request"],
      ["playwright", "browser_take_screenshot"],
      ["mongodb", "insert-many"],
    ] as const) {
      expect(text).toContain(`\n${catalog.find(server, name)?.signature}\n`);
    }
    expect(tokens(text)).toBeLessThanOrEqual(PROMPT_TOKENS);
  });

  test("begins alike for two tasks over the same tools", () => {
    const catalog = catalogOf(recordedTools());
    const [one, two] = ["read a file", "send a mail"].map((task) => describeForPrompt(catalog, { task }));
    const index = catalogIndex(catalog).text.split("\n").at(-1) ?? "";
    expect(one?.slice(0, one.indexOf(index) + index.length)).toBe(two?.slice(0, two.indexOf(index) + index.length));
  });

  test("stays within its budget at 4,000 tools and with a task of any length", () => {
    const { tools } = readRetrievalSet("seal-test-in-domain");
    const catalog = catalogOf({
      lib: tools.map(({ name, description, inputSchema }) => tool(name, { description, inputSchema })),
    });
    for (const task of ["", "calculate the tax", "a clause, and another. ".repeat(1_000)]) {
      expect(tokens(describeForPrompt(catalog, { task }))).toBeLessThanOrEqual(PROMPT_TOKENS);
    }
  });

  test("never exceeds its budget, whatever the tools are", () => {
    fc.assert(
      fc.property(anyCatalog, fc.integer({ min: 0, max: 5_000 }), fc.string(), (catalog, budgetTokens, task) => {
        const text = describeForPrompt(catalog, { budgetTokens, task });
        expect(estimateTokens(text)).toBeLessThanOrEqual(budgetTokens);
        expect(tokens(text)).toBeLessThanOrEqual(budgetTokens * 1.1);
      }),
      { numRuns: 40 },
    );
  });
});
