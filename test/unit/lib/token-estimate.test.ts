import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { estimateTokens } from "../../../src/lib/token-estimate.ts";
import { readRetrievalSet } from "../../support/retrieval.ts";
import { catalogOf, recordedTools } from "../catalog/fake-registry.ts";

const TOOLS = catalogOf(recordedTools()).tools;
const { tools: SEAL, queries: QUERIES } = readRetrievalSet("seal-test-in-domain");

describe("the estimate of tokens", () => {
  test.each([
    { what: "names of tools", text: TOOLS.map(({ name }) => name).join(", ") },
    { what: "methods", text: TOOLS.map(({ method }) => method).join(", ") },
    { what: "signatures", text: TOOLS.map(({ signature }) => signature).join("\n") },
    { what: "descriptions", text: TOOLS.map(({ description }) => description).join("\n") },
    { what: "schemas", text: JSON.stringify(TOOLS.map(({ inputSchema }) => inputSchema)) },
    { what: "other names", text: SEAL.map(({ name }) => name).join(", ") },
    { what: "requests", text: QUERIES.map(({ text }) => text).join("\n") },
  ])("of $what is above the count, by two fifths at most", ({ text }) => {
    const ratio = estimateTokens(text) / encode(text).length;
    expect(ratio).toBeGreaterThanOrEqual(1);
    expect(ratio).toBeLessThan(1.4);
  });

  test("of noise is at most a tenth below the count", () => {
    const unit = fc.constantFrom("binary", "grapheme", "grapheme-ascii");
    const text = unit.chain((kind) => fc.string({ unit: kind as "binary", minLength: 300, maxLength: 2_000 }));
    fc.assert(
      fc.property(text, (any) => {
        expect(estimateTokens(any)).toBeGreaterThanOrEqual(0.9 * encode(any).length);
      }),
      { numRuns: 100 },
    );
  });

  test("of parts adds up to that of the whole or more", () => {
    const parts = TOOLS.map(({ method }) => `, ${method}`);
    const sum = parts.reduce((total, part) => total + estimateTokens(part), 0);
    expect(estimateTokens(parts.join(""))).toBeLessThanOrEqual(sum + 1e-6);
  });

  test("of nothing is nothing", () => {
    expect(estimateTokens("")).toBe(0);
  });
});
