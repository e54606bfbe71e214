import { expect, test } from "vitest";
import { isNameLike, numberedStem } from "../../../../src/catalog/learned/observed-name.ts";

test.each([
  "id",
  "full_name",
  "createdAt",
  "HTTPStatus",
  "content-type",
  "_id",
  "__typename",
  "$ref",
  "@type",
  "#text",
  "@odata.nextLink",
  "@odata.etag",
  "address2",
  "sha256",
  "sha_512",
  "base64",
  "x1",
  "oauth2_token",
  "constructor",
  "trailing_",
])("%s can be a name that an author chose", (name) => {
  expect(isNameLike(name)).toBe(true);
});

test.each([
  ["an e-mail address", "alice@example.com"],
  ["a number", "42"],
  ["a date", "2024-01-31"],
  ["a time", "2024-01-31T10:00:00Z"],
  ["a year in a word", "y2024"],
  ["a UUID", "f47ac10b-58cc-4372-a567-0e02b2c3d479"],
  ["a hash", "deadbeefcafe"],
  ["a short hash", "a1b2c3d"],
  ["the id of a user", "USR002"],
  ["the number of a user", "user123"],
  ["an id with digits here and there", "U02AB3CD4"],
  ["a ticket", "PROJ-12"],
  ["a path", "/etc/passwd"],
  ["a file", "report.pdf"],
  ["a host", "www.example.com"],
  ["a URL", "https://example.com"],
  ["two words", "Alice Smith"],
  ["a heading", "Total (EUR)"],
  ["a telephone number", "+4930123456"],
  ["a name beyond ASCII", "José"],
  ["nothing", ""],
  ["a line break", "a\nb"],
  ["a long text", "a".repeat(49)],
  ["a prototype", "__proto__"],
  ["an address of a network", "10.0.0.1"],
])("%s cannot: %s", (_, name) => {
  expect(isNameLike(name)).toBe(false);
});

test("a name that tries a pattern's patience is judged at once", () => {
  for (const name of [`${"a_".repeat(23)}!`, `${"a-".repeat(23)}!`, "a1".repeat(24)])
    expect(isNameLike(name)).toBe(false);
});

test("numbers are what makes names of one stem differ", () => {
  expect(["user_1", "user_27", "x12y3", "user"].map(numberedStem)).toEqual(["user_#", "user_#", "x#y#", undefined]);
});
