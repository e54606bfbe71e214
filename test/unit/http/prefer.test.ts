import { describe, expect, test } from "vitest";
import { parsePrefer, prefersEventStream } from "../../../src/http/prefer.ts";

describe("Prefer", () => {
  test.each([
    [null, { respondAsync: false }],
    ["wait=10", { waitMs: 10_000, respondAsync: false }],
    ["Wait = 10", { waitMs: 10_000, respondAsync: false }],
    ['wait="5"; x=y', { waitMs: 5_000, respondAsync: false }],
    ["respond-async, wait=100", { waitMs: 100_000, respondAsync: true }],
    ["respond-async", { respondAsync: true }],
    ["wait=1, wait=2", { waitMs: 1_000, respondAsync: false }],
    ["wait=-1", { respondAsync: false }],
    ["wait=1.5", { respondAsync: false }],
    ["wait=soon, return=minimal", { respondAsync: false }],
    ["wait=99999999999", { respondAsync: false }],
    [",;=,", { respondAsync: false }],
  ])("%j asks for %j", (header, preference) => {
    expect(parsePrefer(header)).toEqual(preference);
  });
});

describe("Accept", () => {
  test.each([
    ["text/event-stream", true],
    ["TEXT/EVENT-STREAM; q=0.5", true],
    ["text/event-stream, */*", true],
    ["text/event-stream, application/json;q=0.9", true],
    ["application/json, text/event-stream", false],
    ["text/event-stream;q=0", false],
    ["text/event-stream;q=0.1, */*", false],
    ["text/event-stream;q=x", false],
    ["*/*", false],
    [null, false],
  ])("%j prefers an event stream: %j", (header, wanted) => {
    expect(prefersEventStream(header)).toBe(wanted);
  });
});
