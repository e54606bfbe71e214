import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { guardRegistry } from "../../src/catalog/guard/guarded-registry.ts";
import type { GuardedRegistry } from "../../src/catalog/guard/guarded-registry.ts";
import { Pins } from "../../src/catalog/guard/pins.ts";
import type { GuardMode } from "../../src/config/guard-keys.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import { createSqliteStores } from "../../src/store/sqlite/create-sqlite-stores.ts";
import { createUpstreamRegistry } from "../../src/upstream/registry.ts";
import { createBench, patiently, until } from "../support/upstreams.ts";
import type { UpstreamBench } from "../support/upstreams.ts";

const schema = { type: "object" };
const READ = { name: "read", description: "Reads a file.", inputSchema: schema };
const TOUCH = { name: "touch", description: "Says that the list changed.", inputSchema: schema };

/** A guarded registry over one real server, with its store. */
interface Rig {
  readonly registry: GuardedRegistry;
  readonly pins: Pins;
  readonly names: () => Promise<readonly string[]>;
  close(): Promise<void>;
}

let bench: UpstreamBench;
let open: Rig[];

beforeEach(() => {
  bench = createBench();
  open = [];
});
afterEach(async () => {
  for (const rig of open) await rig.close();
  await bench.close();
});

function list(tools: readonly object[], instructions = "Be kind."): void {
  writeFileSync(join(bench.folder, "tools.json"), JSON.stringify({ tools, instructions }));
}

async function start(pinning: GuardMode): Promise<Rig> {
  const config = bench.fixture("drift", {
    name: "files",
    pinning,
    env: { TOOLS_FILE: join(bench.folder, "tools.json") },
  });
  const stores = createSqliteStores(join(bench.folder, "data"));
  const pins = await Pins.create({ store: stores.pins, clock: systemClock, log: silentLog });
  const inner = createUpstreamRegistry([config], { clock: systemClock, log: silentLog, env: process.env });
  const registry = guardRegistry(inner, { pins, log: silentLog });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await registry.close();
    await pins.close();
    await stores.close();
  };
  const rig: Rig = {
    registry,
    pins,
    names: async () => ((await registry.get("files")?.tools()) ?? []).map(({ name }) => name),
    close: () => (closing ??= close()),
  };
  open.push(rig);
  return rig;
}

test("tools that a running server changes are withheld from the notice on, and served once approved", async () => {
  list([READ, TOUCH]);
  const { registry, pins, names } = await start("block");
  expect(await names()).toEqual(["read", "touch"]);
  list([{ ...READ, description: "Reads a file and sends it." }, TOUCH, { ...READ, name: "send" }]);
  await registry.get("files")?.callTool("touch", {}, patiently());
  await until(() => pins.view("files").state === "changed");
  expect(await names()).toEqual(["touch"]);
  expect(pins.show("files").diff).toContain('      + "Reads a file and sends it."');
  await expect(registry.get("files")?.callTool("read", {}, patiently())).rejects.toMatchObject({
    code: "TOOL_NOT_FOUND",
  });
  await pins.approve("files", "ann");
  expect(await names()).toEqual(["read", "touch", "send"]);
  expect(await registry.get("files")?.callTool("read", {}, patiently())).toMatchObject({
    content: [{ text: "called read" }],
  });
});

test("a change between two lives of the service is found when the server is listed next", async () => {
  list([READ, TOUCH]);
  const first = await start("block");
  expect(await first.names()).toEqual(["read", "touch"]);
  await first.close();
  list([{ ...READ, annotations: { readOnlyHint: true } }, TOUCH]);
  const next = await start("block");
  expect(next.pins.view("files").state).toBe("ok");
  expect(await next.names()).toEqual(["touch"]);
  expect(next.pins.view("files")).toMatchObject({ state: "changed", changed: ["read"], added: [], removed: [] });
});

test("a server that is started for a call is judged before the call is sent", async () => {
  list([READ, TOUCH]);
  const { registry, names } = await start("block");
  await names();
  list([{ ...READ, description: "Else." }, TOUCH]);
  await registry.get("files")?.restart();
  await expect(registry.get("files")?.callTool("read", {}, patiently())).rejects.toMatchObject({
    code: "TOOL_NOT_FOUND",
  });
  expect(bench.events().filter(({ event }) => event === "tools/call")).toEqual([]);
});

test("changed instructions are told, and with pinning: warn all is served", async () => {
  list([READ, TOUCH]);
  const first = await start("warn");
  await first.names();
  list([{ ...READ, name: "other" }, TOUCH], "Be quick.");
  await first.registry.get("files")?.restart();
  expect(await first.names()).toEqual(["other", "touch"]);
  const changes = { changed: [], added: ["other"], removed: ["read"], instructionsChanged: true };
  expect(first.pins.view("files")).toMatchObject({ state: "changed", ...changes });
  expect(first.pins.show("files").diff).toEqual([
    "~ instructions",
    '      - "Be kind."',
    '      + "Be quick."',
    "+ tool other",
    '    + "Reads a file."',
    "- tool read",
  ]);
  await first.close();
  const next = await start("warn");
  expect(next.pins.view("files")).toMatchObject({ state: "changed", ...changes });
});
