import { CallBytes } from "../../../src/bridge/call-bytes.ts";
import { Bridge } from "../../../src/bridge/bridge.ts";
import type { BridgeListener, BridgeOptions } from "../../../src/bridge/bridge-options.ts";
import { createCatalogSource } from "../../../src/catalog/catalog-source.ts";
import { BUILT_IN_LIMITS } from "../../../src/config/limits.ts";
import type { RunLimits } from "../../../src/config/limits.ts";
import type { AccessRules } from "../../../src/config/principal.ts";
import type { ToolCall, ToolResult } from "../../../src/gateway/call.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { createMemoryStores } from "../../../src/store/memory/create-memory-stores.ts";
import { createFakeRegistry, createFakeUpstream } from "../../support/gateway-parts.ts";
import { ask } from "../../support/hosts.ts";
import { run } from "../../support/records.ts";

const path = { type: "object", properties: { path: { type: "string" }, mode: { type: "string" } }, required: ["path"] };
const filter = { type: "object", properties: { filter: { type: "object" } }, required: ["filter"] };

/** The servers of these tests: `files` with three tools, `down` whose tools are known after a start. */
function servers() {
  const registry = createFakeRegistry([
    createFakeUpstream("files", [
      { name: "read_file", class: "read", inputSchema: path },
      { name: "write_file", class: "write", inputSchema: { ...path, required: ["path", "mode"] } },
      { name: "find", class: "read", inputSchema: filter },
    ]),
    createFakeUpstream("down", [{ name: "late_tool", class: "read", inputSchema: path }], { listed: false }),
  ]);
  registry.settle = async () => {
    for (const upstream of registry.list()) await upstream.tools();
    registry.changed();
  };
  return registry;
}

/** A good answer of the gateway. */
export function result(value: unknown, outcome: ToolResult["outcome"] = "ok"): ToolResult {
  return { value, content: [], outcome, bytes: JSON.stringify(value)?.length ?? 4 };
}

/** A bridge over real catalogs and a real journal, with a gateway that answers as told. */
export async function createBridge(
  setup: {
    readonly gateway?: (call: ToolCall) => Promise<ToolResult>;
    readonly limits?: Partial<RunLimits>;
    readonly narrow?: AccessRules;
    readonly change?: Partial<BridgeOptions>;
  } = {},
) {
  const stores = createMemoryStores();
  await stores.runs.insert(run("run_1"));
  await stores.runs.take("run_1", ["queued"], 1_000);
  const events: string[] = [];
  const calls: ToolCall[] = [];
  const over = new AbortController();
  const listener: BridgeListener = {
    log: ({ level, text }) => void events.push(`log ${level} ${text}`),
    emit: (json) => void events.push(`emit ${json}`),
    callStarted: ({ seq, server, tool }) => void events.push(`started ${seq} ${server}.${tool}`),
    callProgress: ({ seq, progress }) => void events.push(`progress ${seq} ${progress}`),
    callSettled: ({ seq, outcome }) => void events.push(`settled ${seq} ${outcome}`),
    approvalRequested: ({ seq }) => void events.push(`asked ${seq}`),
  };
  const catalogs = createCatalogSource(servers());
  const answer = setup.gateway ?? (async (call: ToolCall) => result(call.arguments));
  const bridge = new Bridge({
    runId: "run_1",
    principal: { id: "ann", access: {}, admin: false },
    narrow: setup.narrow,
    limits: { ...BUILT_IN_LIMITS.defaults, ...setup.limits },
    catalogs,
    gateway: {
      call(call) {
        calls.push(call);
        return answer(call);
      },
    },
    journal: stores.journal,
    callBytes: new CallBytes(),
    clock: systemClock,
    log: silentLog,
    listener,
    ...setup.change,
  });
  const host = bridge.host(over.signal);
  const call = async (
    names: readonly string[],
    ...args: readonly unknown[]
  ): Promise<{ ok: boolean; value: unknown }> => {
    const reply = await ask(host, JSON.stringify(names), JSON.stringify(args));
    return { ok: reply.ok, value: JSON.parse(reply.json) as unknown };
  };
  return { bridge, host, call, calls, events, over, catalogs, journal: stores.journal };
}
