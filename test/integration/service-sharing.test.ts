import { afterEach, expect, test } from "vitest";
import { compileConfig } from "../../src/config/compile.ts";
import { LOCAL_PRINCIPAL } from "../../src/config/principal.ts";
import type { Principal } from "../../src/config/principal.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createService, type Service } from "../../src/service.ts";
import { toolCall } from "../support/gateway-parts.ts";
import { processesWithMark } from "../support/processes.ts";
import { createBench, fixturePath, until, type UpstreamBench } from "../support/upstreams.ts";

let bench: UpstreamBench | undefined;
let service: Service | undefined;

afterEach(async () => {
  await service?.close();
  await bench?.close();
  expect(processesWithMark(bench?.mark ?? "no mark"), "processes left behind").toEqual([]);
});

async function start(sharing: "auto" | "perRun"): Promise<Service> {
  bench = createBench();
  const notes = { command: process.execPath, args: [fixturePath("notes")], env: { MARK: bench.mark }, sharing };
  const config = compileConfig({ dataDir: ":memory:", executors: { processes: 1 }, mcpServers: { notes } });
  service = await createService(config, { log: silentLog });
  return service;
}

/** Runs a script that leaves two notes, and returns what there is then. */
async function leaveNotes({ runs }: Service, principal = LOCAL_PRINCIPAL): Promise<unknown> {
  const script = `await mcp.notes.note({ text: "a" }); await mcp.notes.note({ text: "b" }); return await mcp.notes.notes();`;
  const { id } = await runs.submit(principal, { script });
  const ended = await runs.wait(principal, id, { maxWaitMs: 30_000 });
  return ended.result;
}

test("a server shared per run keeps its state within a run and ends with it", { timeout: 60_000 }, async () => {
  const made = await start("perRun");
  expect(await leaveNotes(made)).toEqual(["a", "b"]);
  await until(() => made.registry.get("notes")?.status().sessions.length === 0);
  expect(await leaveNotes(made)).toEqual(["a", "b"]);
});

test("a server shared as it is by default is warm for the next run", { timeout: 60_000 }, async () => {
  const made = await start("auto");
  expect(await leaveNotes(made)).toEqual(["a", "b"]);
  expect(await leaveNotes(made)).toEqual(["a", "b", "a", "b"]);
});

test("two principals never see each other's state, by script or by direct call", { timeout: 60_000 }, async () => {
  const made = await start("auto");
  const [ada, bob] = ["ada", "bob"].map((id): Principal => ({ id, access: {}, admin: false }));
  if (ada === undefined || bob === undefined) throw new Error("two principals are needed");
  const read = async (principal: Principal): Promise<unknown> => {
    const { value } = await made.gateway.call(toolCall("notes", "notes", { principal }));
    return value;
  };
  expect(await leaveNotes(made, ada)).toEqual(["a", "b"]);
  expect(await read(bob)).toEqual([]);
  expect(await leaveNotes(made, bob)).toEqual(["a", "b"]);
  expect(await read(ada)).toEqual(["a", "b"]);
  expect(made.registry.get("notes")?.status().sessions).toMatchObject([{ owner: "principal" }, { owner: "principal" }]);
});
