import { Ajv2020 } from "ajv/dist/2020.js";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, it } from "vitest";
import { LIMIT_NAMES } from "../../../src/config/limits.ts";
import { INSTRUCTIONS, TOOLS, isMcpToolName } from "../../../src/mcp/tools.ts";

describe("the tools that Runlet offers over MCP", () => {
  it("are two, with names that survive every host's renaming", () => {
    expect(TOOLS.map(({ name }) => name)).toEqual(["run_script", "search_tools"]);
    for (const { name } of TOOLS) expect(name).toMatch(/^[a-z_]{1,20}$/u);
  });

  it("cost at most 600 tokens of context, however many tools stand behind them", () => {
    expect(encode(JSON.stringify({ tools: TOOLS })).length).toBeLessThanOrEqual(600);
    expect(INSTRUCTIONS.length).toBeLessThan(200);
  });

  it("have schemas that compile in strict mode and say what they refuse", () => {
    const ajv = new Ajv2020({ strict: true, strictRequired: true });
    for (const { inputSchema, outputSchema } of TOOLS) {
      const accepts = ajv.compile(inputSchema);
      expect(accepts({ script: "return 1", query: "x" })).toBe(false);
      expect(accepts({})).toBe(false);
      const answers: Record<string, unknown> = { ...outputSchema };
      expect(() => ajv.compile(answers)).not.toThrow();
    }
  });

  it("say where other servers' tools are called", () => {
    expect(TOOLS[0]?.description).toContain("mcp.<server>.<tool>");
    expect(TOOLS[0]?.description).toContain("not direct tools");
    expect(TOOLS[0]?.description).toContain("search_tools");
  });

  it("name only limits that there are", () => {
    const text = JSON.stringify(TOOLS[0]?.inputSchema);
    const named = [...text.matchAll(/(\w+): \d+/gu)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) expect(LIMIT_NAMES).toContain(name);
  });

  it("tell their effects", () => {
    expect(TOOLS.map(({ annotations }) => annotations?.readOnlyHint)).toEqual([false, true]);
    expect(TOOLS[0]?.annotations?.destructiveHint).toBe(true);
  });

  it("are recognised by their exact name", () => {
    expect(isMcpToolName("run_script")).toBe(true);
    expect(isMcpToolName("Run_Script")).toBe(false);
    expect(isMcpToolName("toString")).toBe(false);
  });
});
