import { describe, expect, test } from "vitest";
import { SANDBOX_DECLARATIONS } from "../../../../src/catalog/declarations/sandbox-declarations.ts";
import { countTokens, tokenShares } from "../../../support/token-share.ts";
import type { TokenShare } from "../../../support/token-share.ts";
import { catalogOf, recordedTools } from "../fake-registry.ts";

const MAX_SHARE = 0.42;
const shares = tokenShares(catalogOf(recordedTools()));

function sumOf(pick: (share: TokenShare) => number): number {
  return shares.reduce((sum, share) => sum + pick(share), 0);
}

describe("the declarations of 482 real tools", () => {
  test("take less than 0.42 of the tokens of their servers' own lists, answers and all", () => {
    expect(sumOf(({ tools }) => tools)).toBe(482);
    expect(sumOf(({ declared }) => declared) / sumOf(({ native }) => native)).toBeLessThan(MAX_SHARE);
  });

  test("take less than 0.42 of a tool's own entry on average", () => {
    expect(sumOf(({ meanShare, tools }) => meanShare * tools) / 482).toBeLessThan(MAX_SHARE);
  });

  test("take less than the lists on every server, with one text for all and with one for each", () => {
    for (const { server, declared, native } of shares) expect([server, declared < native]).toEqual([server, true]);
    const whole = countTokens(catalogOf(recordedTools()).declarations());
    expect(whole).toBeLessThan(sumOf(({ declared }) => declared));
  });
});

test("what a script sees beside its tools is said in 300 tokens", () => {
  expect(countTokens(SANDBOX_DECLARATIONS)).toBeLessThan(300);
});
