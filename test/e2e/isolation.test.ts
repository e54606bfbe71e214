import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { RunView } from "../../src/runs/run.ts";
import { readEventsFile } from "../support/events-file.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { EndedRun, ServiceClient } from "../support/service-client.ts";

const keys = { ann: createClientKey(), bob: createClientKey() };
const folder = createFolder();
const eventsFile = join(folder, "events.jsonl");
let service: RunningService;
let ann: ServiceClient;
let bob: ServiceClient;

beforeAll(async () => {
  service = await startService({
    folder,
    mcpServers: {
      desk: { ...fixtureServer("desk", { EVENTS_FILE: eventsFile }), concurrency: 32, sharing: "shared" },
      annsLab: fixtureServer("lab"),
      bobsLab: fixtureServer("lab"),
    },
    clients: {
      ann: { key: keys.ann.hash, servers: ["desk", "annsLab"] },
      bob: { key: keys.bob.hash, servers: ["desk", "bobsLab"] },
    },
    // All runs in one process, so that what they share they share here.
    executors: { processes: 1, isolatesPerProcess: 8 },
    queue: { concurrency: 8 },
  });
  [ann, bob] = [service.as(keys.ann.key), service.as(keys.bob.key)];
});

afterAll(() => service.remove());

/** Marks everything it can reach, waits until eight runs have, and tells all that it sees of itself and of others. */
const MEETS = `
  const { owner, secret } = input;
  globalThis.mark = secret; Object.prototype.mark = secret; Array.prototype.mark = secret; mcp.constructor;
  Symbol.for("mark").description; RegExp.prototype.mark = /(.*)/.exec(secret)[1]; Math.mark = secret; console.mark = secret;
  console.log("log of " + secret);
  emit({ of: secret });
  const own = await mcp[owner + "sLab"].echo({ secret });
  await mcp.desk.meet({ count: 8 });
  const others = [];
  for (const name of ["annsLab", "bobsLab"]) {
    try { await mcp[name].echo({ tried: true }) } catch (error) { others.push([name, error.code]) }
  }
  return {
    own, others, mark: [globalThis.mark, [].mark, ({}).mark, Math.mark, console.mark], last: RegExp.$1,
    names: Object.keys(mcp), servers: (await mcp.$servers()).map(({ name }) => name),
    found: [...new Set((await mcp.$search("echo")).results.map(({ server }) => server))],
  }`;

describe("runs of two callers at once, in one process", () => {
  test("see their own tools, input, answers and globals, and nothing of the other's", async () => {
    const people = [1, 2, 3, 4].flatMap((n) => [
      { owner: "ann", other: "bob", secret: `ann-${n}`, client: ann },
      { owner: "bob", other: "ann", secret: `bob-${n}`, client: bob },
    ]);
    const runs = await Promise.all(
      people.map(({ client, owner, secret }) => client.run(MEETS, { input: { owner, secret } })),
    );
    runs.forEach((run, at) => {
      const { owner, other, secret } = people[at] ?? { owner: "", other: "", secret: "" };
      expect(run).toMatchObject({
        status: "succeeded",
        result: {
          own: { secret },
          others: [[`${other}sLab`, "TOOL_NOT_FOUND"]],
          mark: [secret, secret, secret, secret, secret],
          last: secret,
          names: [`${owner}sLab`, "desk"],
          servers: [`${owner}sLab`, "desk"],
          found: [`${owner}sLab`],
        },
        logs: [{ text: `log of ${secret}` }],
        emitted: [{ of: secret }],
      });
      expect(run.calls.map(({ server, tool, outcome }) => [server, tool, outcome])).toEqual([
        [`${owner}sLab`, "echo", "ok"],
        ["desk", "meet", "ok"],
        [`${owner}sLab`, "echo", "ok"],
      ]);
    });
    // The one they were all in, and the spare.
    expect(service.executors()).toHaveLength(2);
    await expectOwnRunsOnly(ann, runs, "ann");
    await expectOwnRunsOnly(bob, runs, "bob");
  });

  test("leave nothing to the next run of the same caller or of the other", async () => {
    await ann.run(MEETS.replace("count: 8", "count: 1"), { input: { owner: "ann", secret: "left behind" } });
    for (const client of [ann, bob]) {
      const seen = await client.run(
        `return [typeof mark, typeof {}.mark, typeof [].mark, typeof /x/.mark, typeof Math.mark, typeof console.mark, RegExp.$1, typeof input]`,
      );
      expect(seen.result).toEqual([...Array.from({ length: 6 }, () => "undefined"), "", "undefined"]);
    }
  });
});

/** What a caller is told of all runs: its own, whole, and not a word of the other's. */
async function expectOwnRunsOnly(client: ServiceClient, all: readonly EndedRun[], owner: string): Promise<void> {
  const { body } = await client.get<{ readonly runs: readonly RunView[] }>("/runs?limit=200");
  const own = all.filter(({ logs }) => logs[0]?.text.includes(`${owner}-`));
  expect(body.runs.map(({ id }) => id).toSorted()).toEqual(own.map(({ id }) => id).toSorted());
  const told = JSON.stringify(body).replaceAll(/"(?:ann|bob)sLab","TOOL_NOT_FOUND"/gu, "");
  expect(told).not.toContain(owner === "ann" ? "bob" : "ann");
}

describe("a tool that is taken away while a run goes on", () => {
  test("is denied at the next call, which does not reach its server", async () => {
    const run = await ann.run(`
      const first = await mcp.desk.write({ n: 1 });
      await mcp.desk.revoke({ name: "write" });
      try { await mcp.desk.write({ n: 2 }) } catch (error) { return [first.args, error.code, error.message] }`);
    expect(run).toMatchObject({
      status: "succeeded",
      result: [{ n: 1 }, "TOOL_NOT_FOUND", expect.stringContaining("mcp.desk.write")],
    });
    expect(run.calls.map(({ tool, outcome }) => [tool, outcome])).toEqual([
      ["write", "ok"],
      ["revoke", "ok"],
    ]);
    const reached = readEventsFile(eventsFile).filter(
      ({ event, params }) => event === "tools/call" && (params as { readonly name: string }).name === "write",
    );
    expect(reached.map(({ params }) => (params as { readonly arguments: unknown }).arguments)).toEqual([{ n: 1 }]);
  });
});

describe("Runlet's own tools", () => {
  test("are none of a script's: no name leads back to `run_script`", async () => {
    const run = await ann.run(`
      const told = [];
      for (const tool of ["run_script", "runScript", "search_tools", "searchTools"])
        for (const call of [() => mcp[tool], () => mcp.runlet[tool], () => mcp.desk[tool], () => mcp["runlet" + tool]])
          told.push(await call()({ script: "return 1", query: "x" }).then(() => "called", (error) => error.code));
      const { total, results } = await mcp.$search("run_script run script in a sandbox", { limit: 50 });
      const found = results.filter(({ name }) => /run.?script/i.test(name));
      return [new Set(told), told.length, total > 0, found]`);
    expect(run).toMatchObject({
      status: "succeeded",
      result: [["TOOL_NOT_FOUND"], 16, expect.any(Boolean), []],
      calls: [],
    });
    const { body } = await ann.get<{ readonly tools: readonly { readonly name: string }[] }>("/tools?limit=500");
    expect(body.tools.filter(({ name }) => ["run_script", "search_tools"].includes(name))).toEqual([]);
  });
});
