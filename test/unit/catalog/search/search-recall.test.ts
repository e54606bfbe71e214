import { describe, expect, test } from "vitest";
import { createSearchIndex } from "../../../../src/catalog/search/search.ts";
import { readRecordedQueries, readRetrievalSet, recall } from "../../../support/retrieval.ts";
import type { RETRIEVAL_SETS } from "../../../support/retrieval.ts";
import { catalogOf, recordedTools } from "../fake-registry.ts";

type SetName = (typeof RETRIEVAL_SETS)[number];

/** What a change may not fall below: part of the right tools among the first 1, 3, 5 and 10 hits. */
const FLOORS: readonly (readonly [SetName, Readonly<Record<1 | 3 | 5 | 10, number>>])[] = [
  ["bfcl-simple-python", { 1: 0.82, 3: 0.955, 5: 0.98, 10: 0.99 }],
  ["bfcl-multiple", { 1: 0.805, 3: 0.95, 5: 0.985, 10: 0.985 }],
  ["bfcl-parallel-multiple", { 1: 0.395, 3: 0.855, 5: 0.935, 10: 0.98 }],
  ["bfcl-live-multiple", { 1: 0.695, 3: 0.865, 5: 0.91, 10: 0.95 }],
  ["seal-test-in-domain", { 1: 0.495, 3: 0.855, 5: 0.945, 10: 0.97 }],
  ["mcpproxy-golden", { 1: 0.62, 3: 0.79, 5: 0.92, 10: 0.95 }],
];

/** Sums of hundreds of parts are off in their last digits; a single query counts far more. */
const ROUNDING = 1e-9;

describe("the right tools are found", () => {
  test.each(FLOORS)("in %s", (name, floors) => {
    const { tools, queries } = readRetrievalSet(name);
    const index = createSearchIndex(tools);
    const reached = recall(queries, (text, limit) => index.search(text, { limit }), [1, 3, 5, 10]);
    const missed = ([1, 3, 5, 10] as const).filter((count) => reached[count] + ROUNDING < floors[count]);
    expect({ missed, reached }).toEqual({ missed: [], reached });
  });

  test.each([
    ["that the ranking was tuned with", 0, { 1: 0.37, 3: 0.65, 5: 0.72, 10: 0.86 }],
    ["that the tuning has not seen", 1, { 1: 0.42, 3: 0.66, 5: 0.74, 10: 0.81 }],
  ] as const)("among recorded tools, by requests %s", (_, place, floors) => {
    const catalog = catalogOf(recordedTools());
    const queries = readRecordedQueries().filter((_, at) => at % 2 === place);
    const reached = recall(queries, (text, limit) => catalog.search(text, { limit }), [1, 3, 5, 10]);
    const missed = ([1, 3, 5, 10] as const).filter((count) => reached[count] + ROUNDING < floors[count]);
    expect({ missed, reached }).toEqual({ missed: [], reached });
  });
});
