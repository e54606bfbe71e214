import * as fc from "fast-check";

/** Marks every text that is a value, so that one that gets where only types belong is found. */
export const SECRET = "s3cr3t-";

/** Names that the author of a tool chooses. */
export const AUTHORS_NAME = fc.constantFrom("id", "name", "tags", "owner", "count", "next_page", "createdAt");

/** Names, words that may be names or data, and data. */
export const ANY_NAME = fc.oneof(
  { weight: 6, arbitrary: AUTHORS_NAME },
  { weight: 1, arbitrary: fc.constantFrom("alice", "bob", "carol", "dave", "item_1", "item_2", "item_3") },
  { weight: 1, arbitrary: fc.constantFrom("a@b.example", "2024-01-31", "42", "é", "", "__proto__", "constructor") },
);

/** What a tool may answer several times: objects and lists of them, never more than is looked at. */
export function answersWith(name: fc.Arbitrary<string>): fc.Arbitrary<readonly unknown[]> {
  const { answer } = fc.letrec((tie) => ({
    answer: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.constantFrom(null, true, false, 0, -1.5),
      fc.string({ maxLength: 5 }).map((text) => SECRET + text),
      fc.array(tie("answer"), { maxLength: 4 }),
      fc.uniqueArray(fc.tuple(name, tie("answer")), { maxLength: 5, selector: ([key]) => key }).map(Object.fromEntries),
    ),
  }));
  return fc.array(answer, { minLength: 1, maxLength: 6 });
}
