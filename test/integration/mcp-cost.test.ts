import { afterEach, describe, expect, test } from "vitest";
import { silentLog } from "../../src/lib/log.ts";
import { createFakeCatalogs, fakeTool } from "../support/fake-catalog.ts";
import { createFakeRuns } from "../support/fake-runs.ts";
import { connectHttp, openHttpDoor } from "../support/mcp-doors.ts";
import { countTokens } from "../support/token-share.ts";

const closing: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const thing of closing.splice(0).toReversed()) await thing.close();
});

/** What a client's model is shown of a service with so many tools: the list of tools, and the instructions. */
async function shown(count: number): Promise<{ readonly list: string; readonly instructions: string }> {
  const tools = Array.from({ length: count }, (_, at) => fakeTool(`server${at % 40}`, `tool${at}`));
  const runs = createFakeRuns(async () => ({}));
  const door = await openHttpDoor({ runs, catalogs: createFakeCatalogs(tools), version: "1.0.0", log: silentLog });
  const client = await connectHttp("v2 auto", door);
  closing.push(door, client);
  return { list: JSON.stringify({ tools: await client.listTools() }), instructions: client.instructions() ?? "" };
}

describe("what a model is shown before it asks", () => {
  test("takes less than 600 tokens, the same whether there are 10 tools or 4,000", async () => {
    const [few, many] = [await shown(10), await shown(4_000)];
    expect(many).toEqual(few);
    expect(JSON.parse(few.list)).toMatchObject({ tools: [{ name: "run_script" }, { name: "search_tools" }] });
    expect(countTokens(few.list)).toBeLessThanOrEqual(600);
    expect(countTokens(few.instructions)).toBeLessThan(60);
  });
});
