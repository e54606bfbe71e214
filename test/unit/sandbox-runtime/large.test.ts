import { describe, expect, it } from "vitest";
import { useExecutor } from "../../support/executor.ts";

const { run } = useExecutor();

const RECORDS = `Array.from({ length: 175_000 }, (_, i) => ({ id: i, name: "customer number " + i, email: "user" + i + "@example.com", active: true, score: i / 7 }))`;

describe("with the heap a run has by default", () => {
  it.each([
    ["text of 20 MB", `"x".repeat(20_000_000)`, 20_000_000],
    [
      "text of 20 MB that was put together",
      `(() => { let s = ""; while (s.length < 20e6) s += "abcdefghij".repeat(100); return s })()`,
      20_000_000,
    ],
    ["text of 20 MB that is not Latin", `"\\u6f22".repeat(6_600_000)`, 6_600_000],
    ["a list of objects of 20 MB", RECORDS, 175_000],
  ])("a result crosses that is %s", async (_, expression, length) => {
    const { result, error } = await run(`return ${expression}`);
    expect(error).toBeUndefined();
    expect((result as { readonly length: number }).length).toBe(length);
  });

  it("15 MB of bytes cross", async () => {
    const { result, error } = await run(`return new Uint8Array(15_000_000).fill(7)`);
    expect(error).toBeUndefined();
    expect(
      Buffer.from((result as { readonly $bytes: string }).$bytes, "base64").equals(Buffer.alloc(15_000_000, 7)),
    ).toBe(true);
  });

  it("an answer of 20 MB is taken, as text and as objects", async () => {
    const records = Array.from({ length: 200_000 }, (_, i) => ({
      id: i,
      name: `customer number ${i}`,
      email: `user${i}@example.com`,
      ok: true,
    }));
    const answer = ([, tool]: readonly string[]) => ({
      ok: true,
      json: JSON.stringify(tool === "list" ? "y".repeat(20_000_000) : records),
    });
    const { result, error } = await run(
      `const n = (await mcp.shop.list()).length; return [n, (await mcp.shop.buy()).length]`,
      { answer },
    );
    expect([result, error]).toEqual([[20_000_000, 200_000], undefined]);
  });

  it("20,000 lines of log leave a bounded log, a notice, and a run that succeeds", async () => {
    const { result, logs, levels } = await run(
      `for (let i = 0; i < 20_000; i++) console.log("line", i, { i }); return "done"`,
    );
    expect(result).toBe("done");
    expect(logs).toHaveLength(1_001);
    expect([logs.at(-1), levels.at(-1)]).toEqual([expect.stringMatching(/^LOG_LIMIT: /u), "warn"]);
  });
});
