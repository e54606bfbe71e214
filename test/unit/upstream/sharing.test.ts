import { describe, expect, it } from "vitest";
import type { LifecycleConfig } from "../../../src/config/config.ts";
import type { Session } from "../../../src/upstream/session.ts";
import { ownerOf, Sharing } from "../../../src/upstream/sharing.ts";
import { httpConfig, lifecycle, stdioConfig } from "../../support/upstreams.ts";

const LEGACY = { legacy: true } as Session;
const MODERN = { legacy: false } as Session;

function keys(sharing: Sharing): readonly string[] {
  const callers = [
    { principal: "ada", runId: "1" },
    { principal: "ada", runId: "2" },
    { principal: "bob", runId: "3" },
  ];
  return callers.map((caller) => sharing.keyOf(sharing.callerOf(caller)));
}

describe("who shares a server on stdio", () => {
  it.each<[LifecycleConfig["sharing"], readonly string[], string]>([
    ["auto", ["principal:ada", "principal:ada", "principal:bob"], "none"],
    ["perPrincipal", ["principal:ada", "principal:ada", "principal:bob"], "none"],
    ["perRun", ["run:1", "run:2", "run:3"], "none"],
    ["shared", ["shared", "shared", "shared"], "shared"],
  ])("as %s", (mode, expected, listing) => {
    const sharing = new Sharing(stdioConfig([], { lifecycle: lifecycle({ sharing: mode }) }));
    expect(keys(sharing)).toEqual(expected);
    expect(sharing.listingKey).toBe(listing);
    expect([sharing.learn(LEGACY), sharing.learn(MODERN)]).toEqual([false, false]);
    expect(keys(sharing)).toEqual(expected);
  });

  it("per run: calls without a run share nothing with any other", () => {
    const sharing = new Sharing(stdioConfig([], { lifecycle: lifecycle({ sharing: "perRun" }) }));
    const [first, second] = [sharing.callerOf({ principal: "ada" }), sharing.callerOf({ principal: "ada" })];
    expect([first.isOnlyCall, second.isOnlyCall]).toEqual([true, true]);
    expect(sharing.keyOf(first)).toBe(sharing.keyOf(first));
    expect(sharing.keyOf(first)).not.toBe(sharing.keyOf(second));
  });
});

describe("who shares a server over HTTP", () => {
  it("is all, until it proves to keep sessions", () => {
    const sharing = new Sharing(httpConfig("http://127.0.0.1:1/mcp"));
    expect(keys(sharing)).toEqual(["shared", "shared", "shared"]);
    expect(sharing.learn(MODERN)).toBe(false);
    expect(keys(sharing)).toEqual(["shared", "shared", "shared"]);
    expect(sharing.learn(LEGACY)).toBe(true);
    expect(keys(sharing)).toEqual(["principal:ada", "principal:ada", "principal:bob"]);
    expect(sharing.learn(MODERN)).toBe(false);
    expect(keys(sharing)).toEqual(["shared", "shared", "shared"]);
  });

  it.each([["perPrincipal"], ["shared"]] as const)("is who the operator says: %s", (mode) => {
    const sharing = new Sharing(httpConfig("http://127.0.0.1:1/mcp", { lifecycle: lifecycle({ sharing: mode }) }));
    const before = keys(sharing);
    expect([sharing.learn(MODERN), sharing.learn(LEGACY)]).toEqual([false, false]);
    expect(keys(sharing)).toEqual(before);
  });
});

it("an owner says what it is and not who", () => {
  expect(["shared", "none", "principal:ada", "run:1", "call:1"].map(ownerOf)).toEqual([
    "shared",
    "none",
    "principal",
    "run",
    "run",
  ]);
});
