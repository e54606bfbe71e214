import type { UpstreamConfig } from "../../src/config/config.ts";
import type { Gateway } from "../../src/gateway/call.ts";
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

/**
 * What the gateway's own code costs per call: the upstream answers at once. Prints microseconds, without the policies that
 * can be off, with them, and for an answer that is kept. Goals: p50 below 20, and at most 10 for all policies.
 */
const WARM_UP = 20_000;
const CALLS = 100_000;

const inputSchema = {
  type: "object",
  properties: { path: { type: "string" }, limit: { type: "integer" } },
  required: ["path"],
  additionalProperties: false,
};
const answer = textResult('{"entries":["a.txt","b.txt"],"total":2}');
const POLICIES = {
  off: { cache: undefined, coalesce: false, retry: { retries: 0, baseMs: 100, maxMs: 2_000 }, breaker: undefined },
  on: { cache: { ttlMs: 60_000, tools: undefined, maxBytes: 64 * 1024 * 1024, maxEntries: 10_000 } },
} as const satisfies Record<string, Partial<UpstreamConfig>>;

function createSubject(policies: Partial<UpstreamConfig>): Gateway {
  const upstream = createFakeUpstream("files", [{ name: "list", class: "read", inputSchema }], {
    answer: () => Promise.resolve(answer),
    config: policies,
  });
  upstream.calls.push = () => 0;
  const registry = createFakeRegistry([upstream]);
  return createGateway({ registry, catalogs: createFakeCatalogs(registry), clock: systemClock, log: silentLog });
}

const access = {
  servers: ["files", "web*"],
  tools: new Map([["files", ["list", "read_*"]]]),
  classes: ["read"],
} as const;
const principal = { id: "bench", access, admin: false };

interface Subject {
  readonly name: string;
  readonly gateway: Gateway;
  /** Whether every call has arguments of its own. */
  readonly distinct: boolean;
}

const subjects: readonly Subject[] = [
  { name: "off", gateway: createSubject(POLICIES.off), distinct: true },
  { name: "on", gateway: createSubject({}), distinct: true },
  { name: "on, with a cache that misses", gateway: createSubject(POLICIES.on), distinct: true },
  { name: "on, with a cache that hits", gateway: createSubject(POLICIES.on), distinct: false },
];

async function measure({ gateway, distinct }: Subject, calls: number): Promise<Float64Array> {
  const times = new Float64Array(calls);
  const { signal } = new AbortController();
  for (let index = 0; index < calls; index++) {
    const call = toolCall("files", "list", {
      principal,
      signal,
      arguments: { path: "/", limit: distinct ? index : 1 },
    });
    const startedMs = performance.now();
    await gateway.call(call);
    times[index] = (performance.now() - startedMs) * 1000;
  }
  return times.sort();
}

for (const subject of subjects) await measure(subject, WARM_UP);
for (const subject of subjects) {
  const times = await measure(subject, CALLS);
  const at = (share: number): string => (times[Math.floor(share * CALLS)] ?? Number.NaN).toFixed(1);
  const policies = subject.name;
  console.log(JSON.stringify({ policies, calls: CALLS, unit: "µs", p50: at(0.5), p90: at(0.9), p99: at(0.99) }));
}
