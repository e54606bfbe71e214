import { expect, test } from "vitest";
import { isLoopback } from "../../../src/config/loopback.ts";

test.each([
  ["127.0.0.1", true],
  ["127.9.8.7", true],
  ["::1", true],
  ["LOCALHOST", true],
  ["::ffff:127.0.0.1", true],
  ["128.0.0.1", false],
  ["::2", false],
  ["localhost.example", false],
  ["127.0.0.1.example", false],
])("isLoopback(%j) is %j", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
