import { describe, expect, test } from "vitest";
import { diffListings, summariseChanges } from "../../../../src/catalog/guard/pin-diff.ts";
import { listingDigest, pinDigest } from "../../../../src/catalog/guard/pin-digest.ts";
import {
  approveTools,
  compareListings,
  listingText,
  parseListing,
  pinnedListing,
} from "../../../../src/catalog/guard/pinned-listing.ts";
import type { ListingChanges, PinnedListing } from "../../../../src/catalog/guard/pinned-listing.ts";
import { tool } from "../fake-registry.ts";

const READ = tool("read", {
  description: "Reads a file.",
  inputSchema: { type: "object", properties: { path: { type: "string" } } },
});

function changesOf(before: PinnedListing, after: PinnedListing): ListingChanges {
  const changes = compareListings(before, after);
  if (changes === undefined) throw new Error("nothing changed");
  return changes;
}

function diff(before: PinnedListing, after: PinnedListing): readonly string[] {
  return diffListings(before, after, changesOf(before, after));
}

describe("the digest of a tool", () => {
  test.each([
    ["name", { name: "other" }],
    ["title", { title: "Reader" }],
    ["description", { description: "Reads a file!" }],
    ["input schema", { inputSchema: { type: "object", properties: {} } }],
    ["output schema", { outputSchema: {} }],
    ["annotations", { annotations: { readOnlyHint: true } }],
  ])("changes with its %s", (_, change) => {
    expect(pinDigest({ ...READ, ...change })).not.toBe(pinDigest(READ));
  });

  test("is that of canonical JSON: neither the order of keys nor the server's name counts", () => {
    const other = {
      ...READ,
      server: "else",
      inputSchema: { properties: { path: { type: "string" } }, type: "object" },
    };
    expect(pinDigest(other)).toBe(pinDigest(READ));
    expect(pinDigest(READ)).toMatch(/^[\da-f]{64}$/u);
  });

  test("of a listing does not depend on the order of its tools", () => {
    expect(
      listingDigest(
        "",
        new Map([
          ["a", "1"],
          ["b", "2"],
        ]),
      ),
    ).toBe(
      listingDigest(
        "",
        new Map([
          ["b", "2"],
          ["a", "1"],
        ]),
      ),
    );
    expect(listingDigest("x", new Map())).not.toBe(listingDigest("", new Map()));
  });
});

describe("two listings", () => {
  test("that say the same have no changes", () => {
    expect(compareListings(pinnedListing([READ, tool("a")]), pinnedListing([tool("a"), { ...READ }]))).toBeUndefined();
  });

  test("differ in tools that changed, came and went, and in instructions", () => {
    const before = pinnedListing([READ, tool("b"), tool("a")], "one");
    const after = pinnedListing([{ ...READ, description: "" }, tool("d"), tool("c")], "two");
    const changes = { changed: ["read"], added: ["c", "d"], removed: ["a", "b"], instructions: true };
    expect(compareListings(before, after)).toEqual(changes);
    expect(summariseChanges(changes)).toBe("1 changed (read), 2 added (c, d), 2 removed (a, b), instructions changed");
  });

  test("come back from their text", () => {
    const listing = pinnedListing([READ, tool("a", { title: "ä\u200b" })], "one");
    expect(parseListing(listingText(listing))).toEqual(listing);
  });

  test.each([
    "",
    "[]",
    "{}",
    '{"instructions":"","tools":[1]}',
    '{"instructions":"","tools":[{"name":"a"}]}',
    '{"tools":[]}',
  ])("cannot be read from %j", (text) => expect(parseListing(text)).toBeUndefined());

  test("can be approved tool by tool: changed, added and removed ones alike", () => {
    const before = pinnedListing([READ, tool("gone"), tool("stays")], "one");
    const after = pinnedListing([{ ...READ, description: "New" }, tool("new"), tool("other")], "two");
    const pin = approveTools(before, after, ["read", "new", "gone"]);
    expect(compareListings(pin, after)).toEqual({
      changed: [],
      added: ["other"],
      removed: ["stays"],
      instructions: true,
    });
    expect(approveTools(pin, after, []).digest).toBe(pin.digest);
  });

  test("too large to keep are held by their digests alone", () => {
    const large = tool("large", { description: "x".repeat(70_000) });
    const before = pinnedListing([large]);
    expect(before.tools.get("large")).toEqual({ digest: pinDigest(large) });
    expect(diff(before, pinnedListing([{ ...large, description: "y" }]))).toEqual([
      "~ tool large",
      "    (too large to have been kept: only its digest is known)",
    ]);
  });
});

describe("a diff", () => {
  test("tells each field by its JSON pointer, old and new", () => {
    const properties = { path: { type: "number" }, "a/b": { type: "string" } };
    const after = {
      ...READ,
      description: "Reads any file.",
      inputSchema: { type: "object", properties },
      annotations: { readOnlyHint: true },
    };
    expect(diff(pinnedListing([READ]), pinnedListing([after]))).toEqual([
      "~ tool read",
      "    /annotations",
      "      - (absent)",
      '      + {"readOnlyHint":true}',
      "    /description",
      '      - "Reads a file."',
      '      + "Reads any file."',
      "    /inputSchema/properties/a~1b",
      "      - (absent)",
      '      + {"type":"string"}',
      "    /inputSchema/properties/path/type",
      '      - "string"',
      '      + "number"',
    ]);
  });

  test("tells tools that came with what they say, tools that went, and instructions", () => {
    const before = pinnedListing([tool("old")], "Be kind.");
    const after = pinnedListing([tool("new tool", { description: "Sends." })], "Be quick.");
    expect(diff(before, after)).toEqual([
      "~ instructions",
      '      - "Be kind."',
      '      + "Be quick."',
      '+ tool "new tool"',
      '    + "Sends."',
      "- tool old",
    ]);
  });

  test("begins long texts a little before they part", () => {
    const text = "word ".repeat(200);
    const lines = diff(
      pinnedListing([tool("a", { description: `${text}a end` })]),
      pinnedListing([tool("a", { description: `${text}b end` })]),
    );
    expect(lines.slice(2)).toEqual([
      '      - …"word word word word word word a end"',
      '      + …"word word word word word word b end"',
    ]);
  });

  test("compares lists item by item", () => {
    const before = pinnedListing([tool("a", { inputSchema: { required: ["x", "y"] } })]);
    const after = pinnedListing([tool("a", { inputSchema: { required: ["x"] } })]);
    expect(diff(before, after)).toEqual(["~ tool a", "    /inputSchema/required/1", '      - "y"', "      + (absent)"]);
  });

  test("is plain text whatever the server sends", () => {
    const evil = "\u001b[31m\u202e\u200b\u{E0041}\nnew line";
    const before = pinnedListing([tool("a"), tool(`b${evil}`)], evil);
    const after = pinnedListing([tool("a", { description: evil, inputSchema: { [evil]: evil } })], "x");
    const lines = diff(before, after);
    for (const line of lines) expect(line).toMatch(/^[ -~…]+$/u);
    expect(lines.join("\n")).toContain("\\u{202e}");
  });

  test("is bounded: in lines, in fields of a tool, in the length of a line", () => {
    const many = Array.from({ length: 500 }, (_, index) => tool(`tool${index}`));
    const changed = many.map((one) => ({ ...one, description: "x".repeat(10_000) }));
    for (const lines of [
      diff(pinnedListing(many), pinnedListing(changed)),
      diff(pinnedListing([]), pinnedListing(changed)),
      diff(pinnedListing(many), pinnedListing([])),
    ]) {
      expect(lines).toHaveLength(200);
      expect(lines.at(-1)).toBe("… more was changed than is shown here");
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(200);
    }
    const wide = (type: string): PinnedListing => {
      const fields = Array.from({ length: 1_000 }, (_, index) => [`p${index}`, type]);
      return pinnedListing([tool("wide", { inputSchema: Object.fromEntries(fields) as Record<string, unknown> })]);
    };
    expect(diff(wide("a"), wide("b"))).toHaveLength(62);
  });
});
