import { createGateway } from "../../src/gateway/gateway.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";
import {
  createFakeCatalogs,
  createFakeRegistry,
  createFakeUpstream,
  textResult,
  toolCall,
} from "../support/gateway-parts.ts";

/** What the gateway's own code costs per call: the upstream answers at once. Prints microseconds. Goal: p50 below 20. */
const WARM_UP = 20_000;
const CALLS = 100_000;

const inputSchema = {
  type: "object",
  properties: { path: { type: "string" }, limit: { type: "integer" } },
  required: ["path"],
  additionalProperties: false,
};
const answer = textResult('{"entries":["a.txt","b.txt"],"total":2}');
const upstream = createFakeUpstream("files", [{ name: "list", class: "read", inputSchema }], {
  answer: () => Promise.resolve(answer),
});
upstream.calls.push = () => 0;
const registry = createFakeRegistry([upstream]);
const gateway = createGateway({ registry, catalogs: createFakeCatalogs(registry), clock: systemClock, log: silentLog });
const access = {
  servers: ["files", "web*"],
  tools: new Map([["files", ["list", "read_*"]]]),
  classes: ["read"],
} as const;
const principal = { id: "bench", access, admin: false };

async function measure(calls: number): Promise<Float64Array> {
  const times = new Float64Array(calls);
  const { signal } = new AbortController();
  for (let index = 0; index < calls; index++) {
    const call = toolCall("files", "list", { principal, signal, arguments: { path: "/", limit: index } });
    const startedMs = performance.now();
    await gateway.call(call);
    times[index] = (performance.now() - startedMs) * 1000;
  }
  return times.sort();
}

await measure(WARM_UP);
const times = await measure(CALLS);
const at = (share: number): string => (times[Math.floor(share * CALLS)] ?? Number.NaN).toFixed(1);
console.log(JSON.stringify({ calls: CALLS, unit: "µs", p50: at(0.5), p90: at(0.9), p99: at(0.99) }));
