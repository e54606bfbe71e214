import { describe, expect, test } from "vitest";
import { createSearchIndex } from "../../../src/catalog/search.ts";
import { readRecordedQueries, readRetrievalSet, recall } from "../../support/retrieval.ts";
import type { RETRIEVAL_SETS } from "../../support/retrieval.ts";
import { catalogOf, recordedTools } from "./fake-registry.ts";

type SetName = (typeof RETRIEVAL_SETS)[number];

/** What a change may not fall below: part of the right tools among the first 1, 3, 5 and 10 hits. */
const FLOORS: readonly (readonly [SetName, Readonly<Record<1 | 3 | 5 | 10, number>>])[] = [
  ["bfcl-simple-python", { 1: 0.79, 3: 0.945, 5: 0.965, 10: 0.98 }],
  ["bfcl-multiple", { 1: 0.795, 3: 0.93, 5: 0.97, 10: 0.98 }],
  ["bfcl-parallel-multiple", { 1: 0.39, 3: 0.85, 5: 0.93, 10: 0.97 }],
  ["bfcl-live-multiple", { 1: 0.67, 3: 0.85, 5: 0.9, 10: 0.95 }],
  ["seal-test-in-domain", { 1: 0.49, 3: 0.85, 5: 0.94, 10: 0.97 }],
  ["mcpproxy-golden", { 1: 0.58, 3: 0.78, 5: 0.9, 10: 0.94 }],
];

describe("the right tools are found", () => {
  test.each(FLOORS)("in %s", (name, floors) => {
    const { tools, queries } = readRetrievalSet(name);
    const index = createSearchIndex(tools);
    const reached = recall(queries, (text, limit) => index.search(text, { limit }), [1, 3, 5, 10]);
    const missed = ([1, 3, 5, 10] as const).filter((count) => reached[count] < floors[count]);
    expect({ missed, reached }).toEqual({ missed: [], reached });
  });

  test.each([
    ["that the ranking was tuned with", 0, { 1: 0.33, 3: 0.61, 5: 0.69, 10: 0.8 }],
    ["that the tuning has not seen", 1, { 1: 0.4, 3: 0.65, 5: 0.72, 10: 0.81 }],
  ] as const)("among recorded tools, by requests %s", (_, place, floors) => {
    const catalog = catalogOf(recordedTools());
    const queries = readRecordedQueries().filter((_, at) => at % 2 === place);
    const reached = recall(queries, (text, limit) => catalog.search(text, { limit }), [1, 3, 5, 10]);
    const missed = ([1, 3, 5, 10] as const).filter((count) => reached[count] < floors[count]);
    expect({ missed, reached }).toEqual({ missed: [], reached });
  });
});
