import { describe, expect, test } from "vitest";
import {
  isSampled,
  parseTraceContext,
  traceField,
  traceMembers,
  traceOfHeaders,
  traceOfMeta,
} from "../../../src/lib/trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe("a trace context from outside", () => {
  test("is read from traceparent and tracestate", () => {
    expect(parseTraceContext(PARENT, "vendor=a1, other@tenant=b 2")).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      flags: 1,
      state: "vendor=a1, other@tenant=b 2",
    });
  });

  test.each([
    ["nothing", undefined],
    ["no text", 1],
    ["an empty text", ""],
    ["capital letters", PARENT.toUpperCase()],
    ["a trace of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["a span of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["a short trace", `00-${TRACE.slice(1)}-${SPAN}-01`],
    ["no flags", `00-${TRACE}-${SPAN}`],
    ["more than version 00 has", `${PARENT}-more`],
    ["the version that none may have", `ff-${TRACE}-${SPAN}-01`],
    ["a line break", `${PARENT}\n`],
    ["two of them", `${PARENT}, ${PARENT}`],
    ["a text of any length", `01-${TRACE}-${SPAN}-01-${"x".repeat(10_000)}`],
  ])("with %s counts as not sent", (_, value) => {
    expect(parseTraceContext(value)).toBeUndefined();
  });

  test("of a later version is read as far as this one knows it", () => {
    expect(parseTraceContext(`cc-${TRACE}-${SPAN}-ff-new`)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 3 });
  });

  test.each([
    ["", "empty"],
    [",,", "empty members only"],
    ["a=1,B=2", "a capital key"],
    ["a", "no value"],
    ["a=1\r\nx: y", "a line break"],
    ["a=ü", "not ASCII"],
    [Array.from({ length: 33 }, (_, index) => `k${index}=1`).join(","), "33 members"],
    [`a=${"x".repeat(255)},b=${"x".repeat(255)},c=1`, "more than 512 characters"],
  ])("loses a tracestate that is malformed, and nothing else: %j (%s)", (state) => {
    expect(parseTraceContext(PARENT, state)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 });
  });

  test("is sampled as its flag says", () => {
    const flagged = (flags: string) => parseTraceContext(`00-${TRACE}-${SPAN}-${flags}`);
    expect(["00", "01", "02", "03"].map((flags) => isSampled(flagged(flags) ?? expect.fail()))).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  test("comes out as it went in", () => {
    const context = parseTraceContext(PARENT, "a=1") ?? expect.fail();
    expect(traceMembers(context)).toEqual({ traceparent: PARENT, tracestate: "a=1" });
    expect(traceMembers({ ...context, state: undefined })).toEqual({ traceparent: PARENT });
    expect(traceOfMeta(traceMembers(context))).toEqual(context);
    expect(traceOfHeaders(new Headers(traceMembers(context)))).toEqual(context);
  });

  test("is no part of what is no object", () => {
    expect([undefined, null, "x", [], 1].map((meta) => traceOfMeta(meta))).toEqual(Array(5).fill(undefined));
    expect(traceOfHeaders(new Headers({ tracestate: "a=1" }))).toBeUndefined();
  });

  test("ties log lines together by the id of the trace alone", () => {
    expect(traceField(parseTraceContext(PARENT))).toEqual({ trace_id: TRACE });
    expect(traceField(undefined)).toEqual({});
  });
});
