import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, test } from "vitest";
import { answerMeta } from "../../../../src/bridge/meta-calls.ts";
import { LOCAL_PRINCIPAL } from "../../../../src/config/principal.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { callSearchTools } from "../../../../src/mcp/search-tools.ts";
import { createFakeRuns } from "../../../support/fake-runs.ts";
import { readRecordedQueries } from "../../../support/retrieval.ts";
import { catalogOf, recordedTools } from "../fake-registry.ts";

const catalog = catalogOf(recordedTools());
const queries = readRecordedQueries();

function tokens(value: unknown): number {
  return encode(typeof value === "string" ? value : JSON.stringify(value)).length;
}

/** What the same tools take as their servers list them. */
const nativeTokens = new Map(
  catalog.tools.map((tool) => {
    const { name, description, inputSchema } = tool;
    return [tool, tokens({ name, description, inputSchema })] as const;
  }),
);

function nativeOf(query: string): number {
  return catalog.search(query, { limit: 10 }).hits.reduce((sum, { tool }) => sum + (nativeTokens.get(tool) ?? 0), 0);
}

describe("an answer of ten tools with complete signatures", () => {
  const native = queries.reduce((sum, { text }) => sum + nativeOf(text), 0);

  test("over MCP takes at most a quarter of the tools' own JSON, as text and as structure", async () => {
    const deps = {
      runs: createFakeRuns(async () => ({})),
      catalogs: { current: () => catalog, settled: async () => catalog },
      version: "0",
      log: silentLog,
    };
    const spent = { text: 0, structure: 0 };
    for (const { text } of queries) {
      const answer = await callSearchTools(deps, LOCAL_PRINCIPAL, { query: text }, new AbortController().signal);
      const [content] = answer.content;
      spent.text += tokens(content?.type === "text" ? content.text : "");
      spent.structure += tokens(answer.structuredContent);
    }
    expect(spent.text / native).toBeLessThanOrEqual(0.25);
    expect(spent.structure / native).toBeLessThanOrEqual(0.27);
  });

  test("inside a script, with server and name of each to call it by, takes little more", () => {
    const spent = queries.reduce((sum, { text }) => sum + tokens(answerMeta(["$search"], [text], catalog)), 0);
    expect(spent / native).toBeLessThanOrEqual(0.29);
  });
});
