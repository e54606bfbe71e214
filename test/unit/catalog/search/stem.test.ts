import { describe, expect, test } from "vitest";
import { stem } from "../../../../src/catalog/search/stem.ts";

describe("a stem", () => {
  test.each([
    "query queries querying",
    "list lists listing listed",
    "create creates creating created creation creator",
    "zone zones",
    "box boxes",
    "address addresses",
    "cache caches caching cached",
    "run runs running ran",
    "send sends sending sent",
    "child children",
    "index indices",
    "analyze analysis analytics",
    "calculate calculates calculation calculator",
    "convert conversion converter",
    "retrieve retrieval retrieving",
    "relate relation relationship",
    "discover discovery discoverer",
    "history historical historic",
    "nutrition nutritional nutritionally",
    "education educational",
    "prefer preference preferring",
    "deploy deployment deployments",
    "locate location locations",
  ])("is one for %j", (words) => {
    expect(new Set(words.split(" ").map(stem)).size).toBe(1);
  });

  test("of words that look alike is not the same", () => {
    const pairs = ["string sting", "station state", "action act", "user use", "form format"];
    const alike = pairs.filter((pair) => new Set(pair.split(" ").map(stem)).size === 1);
    expect(alike).toEqual([]);
  });

  test("of short words, identifiers and words of other scripts is the word", () => {
    const words = ["string", "status", "need", "bus", "this", "s3", "utf8", "ids", "größe", "поиск", "constructor_"];
    expect(words.map(stem)).toEqual(words);
  });

  test("is the same however many words came between", () => {
    const before = stem("repositories");
    for (let count = 0; count < 25_000; count++) stem(`word${count}`);
    expect(stem("repositories")).toBe(before);
  });
});
