import { describe, expect, it } from "vitest";
import { MAX_KEPT_NAMES } from "../../../../src/bridge/protocol.ts";
import { useExecutor } from "../../../support/executor.ts";

const { value } = useExecutor();

describe("the names a script enumerates", () => {
  it("are its own run's, whatever runs before it or beside it in the process saw", async () => {
    const numbers = Array.from({ length: MAX_KEPT_NAMES * 2 + 10 }, (_, i) => i);
    const seen = (n: number): Promise<unknown> =>
      value(`return [Object.keys(mcp), Object.keys(mcp["server" + ${n}] ?? {})]`, {
        names: { [`server${n}`]: [`tool${n}`] },
      });
    for (const n of numbers) expect(await seen(n)).toEqual([[`server${n}`], [`tool${n}`]]);
    const again = await Promise.all([...numbers.toReversed(), 0, 0, 5].map(async (n) => [n, await seen(n)]));
    for (const [n, names] of again) expect(names).toEqual([[`server${String(n)}`], [`tool${String(n)}`]]);
  });
});
