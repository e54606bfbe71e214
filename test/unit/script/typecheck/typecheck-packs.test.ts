import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { toServerTools } from "../../../../src/catalog/server-tools.ts";
import { createSnapshot } from "../../../../src/catalog/snapshot.ts";
import type { Catalog } from "../../../../src/catalog/catalog.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { createTypeChecker } from "../../../../src/script/typecheck/typecheck.ts";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";
import { PACKS, readBfcl, REFUSED_BY_SCHEMA } from "../../../support/pack-data.ts";
import type { Scenario } from "../../../support/pack-data.ts";
import { prepare } from "../run-script.ts";

/** Of so many workflows one is checked; with 1, all of them are, which takes some 20 s. */
const STEP = 25;
/** Scripts of the other tests whose runs succeed. */
const MODEL_SCRIPTS = new URL("../../../fixtures/data/model-scripts.json", import.meta.url);

const checker = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: 20_000 });
afterAll(() => checker.close());

function catalogOf(servers: Scenario["tools"]): Catalog {
  return createSnapshot(
    [...servers]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([server, tools]) => {
        const definitions = tools.map(({ inputSchema, outputSchema, ...tool }) => ({
          server,
          description: "",
          ...tool,
          inputSchema: inputSchema as JsonSchema,
          ...(outputSchema === undefined ? {} : { outputSchema: outputSchema as JsonSchema }),
        }));
        return { server, namespace: server, tools: toServerTools(server, server, definitions, true) };
      }),
  );
}

async function check(script: string, catalog: Catalog): Promise<unknown> {
  return checker.check(await prepare(script), catalog, "ann", new AbortController().signal);
}

describe("nothing is said of workflows that are known to succeed", () => {
  it.each(PACKS)("$name", async ({ read }) => {
    const wrong: unknown[] = [];
    for (const { id, tools, script } of read().filter((_, at) => at % STEP === 0)) {
      const checked = await check(script, catalogOf(tools));
      if (JSON.stringify(checked) !== '{"status":"checked"}') wrong.push({ id, checked });
    }
    expect(wrong).toEqual([]);
  });

  it("nor of texts as models send them", async () => {
    const rows = JSON.parse(readFileSync(MODEL_SCRIPTS, "utf8")) as readonly {
      readonly claim: string;
      readonly script: string;
      readonly error?: unknown;
    }[];
    const echo = { name: "echo", inputSchema: { type: "object", properties: { value: {} }, required: ["value"] } };
    const catalog = catalogOf(new Map([["box", [echo]]]));
    const wrong: unknown[] = [];
    for (const { claim, script, error } of rows) {
      if (error !== undefined) continue;
      const checked = await check(script, catalog);
      if (JSON.stringify(checked) !== '{"status":"checked"}') wrong.push({ claim, checked });
    }
    expect(wrong).toEqual([]);
  });
});

it("a recorded call that its tool's schema refuses is found", async () => {
  const scenario = readBfcl("own").find(({ id }) => id === REFUSED_BY_SCHEMA.id);
  expect(scenario && (await check(scenario.script, catalogOf(scenario.tools)))).toMatchObject({
    error: { code: "SCRIPT_TYPE_ERROR", hint: expect.stringContaining("mcp.TicketAPI.closeTicket(") },
  });
});
