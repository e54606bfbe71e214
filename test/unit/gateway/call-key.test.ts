import { describe, expect, test } from "vitest";
import { callKey } from "../../../src/gateway/call-key.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { admittedCall, catalogTool, createFakeUpstream } from "../../support/gateway-parts.ts";

const upstream = createFakeUpstream("server", []);
const principal = (id: string): AdmittedCall["principal"] => ({ id, access: {}, admin: false });
const key = (change: Parameters<typeof admittedCall>[1] = {}, to = upstream): string =>
  callKey(admittedCall(to, change)) ?? expect.fail("no key");

describe("the key of a call", () => {
  test("is the same for arguments that are equal, whatever the order of their keys", () => {
    expect(key({ arguments: { b: [{ d: 1, c: 2 }], a: "x" } })).toBe(
      key({ arguments: { a: "x", b: [{ c: 2, d: 1 }] } }),
    );
  });

  test.each([
    ["arguments", { arguments: { a: 1 } }, { arguments: { a: "1" } }],
    ["the order of a list", { arguments: { a: [1, 2] } }, { arguments: { a: [2, 1] } }],
    ["principals", { principal: principal("a") }, { principal: principal("b") }],
    ["tools", { definition: catalogTool(true, "a") }, { definition: catalogTool(true, "b") }],
    ["versions of a tool", { definition: catalogTool(true) }, { definition: catalogTool({ type: "object" }) }],
    ["long arguments", { arguments: { a: "x".repeat(5_000) } }, { arguments: { a: `${"x".repeat(4_999)}y` } }],
  ])("differs between %s", (_what, one, other) => {
    expect(key(one)).not.toBe(key(other));
    expect(key(one)).toBe(key(one));
  });

  test("differs between servers that list the same tool, and between a server and one that took its name", () => {
    const others = [createFakeUpstream("other", []), createFakeUpstream("server", [])];
    const definition = catalogTool(true);
    expect(new Set([upstream, ...others].map((to) => key({ definition }, to))).size).toBe(3);
  });

  test("cannot be forged by a name that ends as another's key goes on", () => {
    const plain = key({ principal: principal("a"), arguments: { x: 1 } });
    const rest = plain.slice(plain.indexOf(":a") + 2);
    const names = ["a", "a ", `a${rest}`, '1:a {"x":1}', ""];
    const keys = names.flatMap((id) => [
      key({ principal: principal(id) }),
      key({ principal: principal(id), arguments: { x: 1 } }),
    ]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("differs between runs where each has a server of its own, and is missing for a call without a run", () => {
    const { lifecycle } = upstream.config;
    const apart = createFakeUpstream("apart", [], { config: { lifecycle: { ...lifecycle, sharing: "perRun" } } });
    expect(key({ runId: "a" }, apart)).toBe(key({ runId: "a" }, apart));
    expect(key({ runId: "a" }, apart)).not.toBe(key({ runId: "b" }, apart));
    expect(callKey(admittedCall(apart))).toBeUndefined();
    expect(key({ runId: "a" })).toBe(key({ runId: "b" }));
  });

  test("is short for long arguments", () => {
    expect(key({ arguments: { a: "x".repeat(1_000_000) } }).length).toBeLessThan(200);
  });

  test("is missing for arguments that are nested too deep to be written down", () => {
    let deep: Record<string, unknown> = {};
    for (let level = 0; level < 50_000; level++) deep = { deep };
    expect(callKey(admittedCall(upstream, { arguments: deep }))).toBeUndefined();
  });
});
