import { describe, expect, test } from "vitest";
import { impliedWords } from "../../../../src/catalog/search/search-literals.ts";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";
import { catalogOf, tool } from "../fake-registry.ts";

function implied(text: string): string[] {
  return impliedWords(text).map(({ word }) => word);
}

describe("a value implies what it is", () => {
  test.each([
    ["who won in 1998?", ["year"]],
    ["events of 2024.", ["year"]],
    ["due 2024-05-17", ["year", "date"]],
    ["on 3/4/24 or the 5th", ["date"]],
    ["from March to Tokyo", ["date"]],
    ["at 12pm", ["time"]],
    ["at 7:30 P.M. sharp", ["time"]],
    ["How many ounces are in 2 pounds?", ["convert"]],
    ["how much is 5 dollars in dollars of Canada", ["convert"]],
  ])("in %j: %j", (text, words) => {
    expect(implied(text)).toEqual(words);
  });

  test.each([
    ["a number of another size", "add 98, 3050 and 12345"],
    ["money and decimals", "$2000 or 1,999.50 or 0.1999"],
    ["a ratio or a port", "ratio 1:234, port 127.0.0.1:80801"],
    ["one unit alone", "how many meters deep is it"],
    ["units of two quantities", "how many pounds a mile is it by the hour"],
    ["two units of which nothing is asked", "a wall of 20 foot by 12 foot"],
    ["nothing", ""],
  ])("but not %s", (_, text) => {
    expect(implied(text)).toEqual([]);
  });

  test("and finds the tool that takes it", () => {
    const takes = (name: string): JsonSchema => ({ type: "object", properties: { [name]: { type: "string" } } });
    const tools = [
      tool("get_sales_a", { description: "Sales.", inputSchema: takes("region") }),
      tool("get_sales_b", { description: "Sales.", inputSchema: takes("year") }),
    ];
    const first = (query: string): string | undefined =>
      catalogOf({ s: tools })
        .search(query)
        .hits.map((hit) => hit.tool.name)[0];
    expect(first("sales")).toBe("get_sales_a");
    expect(first("sales in 2021")).toBe("get_sales_b");
  });

  test("however long a text is, without searching it again and again", () => {
    for (const part of ["1", "12:", "1/", "how many ", "1st"])
      expect(implied(part.repeat(100_000)).length).toBeLessThan(4);
  });
});
