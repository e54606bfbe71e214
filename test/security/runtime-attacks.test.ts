import { describe, expect, it } from "vitest";
import { prepareScript } from "../../src/script/prepare.ts";
import { failure, useExecutor } from "../support/executor.ts";
import { RUNTIME_ATTACKS } from "./runtime-attacks.ts";
import { SURFACE_ATTACKS } from "./surface-attacks.ts";

const { run, value } = useExecutor();
const ATTACKS = [...RUNTIME_ATTACKS, ...SURFACE_ATTACKS];
const SEEDED = { seed: "attack", nowMs: Date.UTC(2001, 5) };

describe("a script that attacks the runtime", () => {
  it.each(ATTACKS.map((attack) => [attack.name, attack] as const))("%s", async (_, attack) => {
    const script = await prepareScript(attack.code, { maxBytes: 100_000 });
    const { result, error, logs, calls } = await run(script, {
      answer: ([, tool], args) =>
        tool === "buy" ? failure({ code: "TOOL_FAILED", message: "no" }) : { ok: true, json: JSON.stringify(args) },
      limits: { cpuMs: 5_000, logLineBytes: 16_384 },
      ...(attack.seeded === true ? { clock: SEEDED } : {}),
    });
    expect({ result, code: error?.code }).toEqual({ result: attack.value, code: attack.fails });
    expect(logs).toEqual((attack.logs ?? []).map((line) => expect.stringMatching(line)));
    expect(JSON.stringify(calls)).not.toContain("late");
    expect(await value(`return [(await mcp.shop.list({ v: 41 }))[0].v + 1, ({}).polluted ?? null]`)).toEqual([
      42,
      null,
    ]);
  });

  it("has more than thirty ways", () => {
    expect(ATTACKS.length).toBeGreaterThan(30);
    expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length);
  });
});
