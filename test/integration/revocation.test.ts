import { afterEach, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { compileConfig } from "../../src/config/compile.ts";
import type { ClientOptions } from "../../src/config/options.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createService, type Service } from "../../src/service.ts";
import { openClient } from "../support/service-client.ts";
import { processesWithMark } from "../support/processes.ts";
import { createBench, fixturePath, type UpstreamBench } from "../support/upstreams.ts";

let bench: UpstreamBench | undefined;
let service: Service | undefined;

afterEach(async () => {
  await service?.close();
  await bench?.close();
  expect(processesWithMark(bench?.mark ?? "no mark"), "processes left behind").toEqual([]);
});

const { key, hash } = createClientKey();
const other = createClientKey();

function configured(clients: Readonly<Record<string, ClientOptions>>) {
  bench ??= createBench();
  const lab = { command: process.execPath, args: [fixturePath("lab")], env: { MARK: bench.mark } };
  return compileConfig({ port: 0, dataDir: ":memory:", executors: { processes: 1 }, mcpServers: { lab }, clients });
}

/** Calls until a call fails; a slow one is in flight meanwhile. */
const SCRIPT = `
  const slow = mcp.lab.sleep({ ms: 700 });
  let done = 0;
  try {
    for (; done < 300; done++) { await mcp.lab.echo({ done }); await mcp.lab.sleep({ ms: 10 }); }
  } catch (error) {
    return { code: error.code, done, slow: await slow };
  }
`;

/** Runs the script over HTTP as ada; another configuration of clients is put in place once a call was answered. */
async function runThrough(first: ClientOptions, next: Readonly<Record<string, ClientOptions>>) {
  service = await createService(configured({ ada: first }), { log: silentLog });
  const { url } = await service.listen();
  const ada = openClient(url, { authorization: `Bearer ${key}` });
  const id = await ada.queue(SCRIPT);
  for await (const event of ada.events(id)) {
    if (event.type === "call.settled") service.callers.replace(configured(next));
    if (event.type === "ended") return { run: event.run, id, ada, url };
  }
  throw new Error("the run did not end");
}

test(
  "a client that is removed while its run is in flight calls nothing more; answers in flight are not lost",
  {
    timeout: 60_000,
  },
  async () => {
    const { run, id, ada, url } = await runThrough({ key: hash }, { bob: { key: other.hash, admin: true } });
    expect(run.status).toBe("succeeded");
    expect(run.result).toMatchObject({ code: "PRINCIPAL_REVOKED", slow: "slept" });
    expect((run.result as { done: number }).done).toBeLessThan(300);
    const answer = await ada.get(`/runs/${id}`);
    expect(answer.status).toBe(401);
    const bob = openClient(url, { authorization: `Bearer ${other.key}` });
    expect((await bob.get<{ status: string }>(`/runs/${id}`)).body.status).toBe("succeeded");
  },
);

test("a key that is exchanged while its run is in flight stops the run's next call", { timeout: 60_000 }, async () => {
  const { run } = await runThrough({ key: hash }, { ada: { key: other.hash } });
  expect(run.result).toMatchObject({ code: "PRINCIPAL_REVOKED", slow: "slept" });
});

test("a rule that is narrowed while a run is in flight counts at its next call", { timeout: 60_000 }, async () => {
  const { run } = await runThrough({ key: hash }, { ada: { key: hash, tools: { lab: ["sleep"] } } });
  expect(run.result).toMatchObject({ code: "TOOL_NOT_FOUND", slow: "slept" });
});

test("a key that expires while its run is in flight stops the run's next call", { timeout: 60_000 }, async () => {
  const { run } = await runThrough({ key: hash }, { ada: { key: hash, expires: "2020-01-01" } });
  expect(run.result).toMatchObject({ code: "PRINCIPAL_REVOKED", slow: "slept" });
});
