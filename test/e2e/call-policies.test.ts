import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { readEventsFile } from "../support/events-file.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";
import type { ServiceClient } from "../support/service-client.ts";

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
      kept: { ...fixtureServer("tally", { EVENTS_FILE: eventsFile }), cache: "60s" },
      weak: { ...fixtureServer("tally", { EVENTS_FILE: eventsFile }), retry: false, breaker: { failures: 2 } },
    },
    clients: { ann: { key: keys.ann.hash, admin: true }, bob: { key: keys.bob.hash } },
    executors: { processes: 1 },
  });
  [ann, bob] = [service.as(keys.ann.key), service.as(keys.bob.key)];
});

afterAll(() => service.remove());

const readsOf = (events = readEventsFile(eventsFile)): number =>
  events.filter((event) => event.event === "call" && event["tool"] === "read").length;

describe("an answer that is kept", () => {
  test("is the same through every door and in every run of its client, whatever a script did to it; others get their own", async () => {
    const invoke = (client: ServiceClient) =>
      client.post<{ result: { call: number }; outcome: string }>("/invoke", { server: "kept", tool: "read" });
    const spoil = `
      const answer = await mcp.kept.read({});
      const seen = { ...answer };
      Object.assign(answer, { call: 666, spoilt: true });
      return seen`;
    const first = await ann.run(spoil);
    expect(first.result).toMatchObject({ call: 1 });
    expect(first.calls.map(({ outcome }) => outcome)).toEqual(["ok"]);
    const second = await ann.run(spoil);
    expect(second.result).toEqual(first.result);
    expect(second.calls.map(({ outcome }) => outcome)).toEqual(["cached"]);
    expect((await invoke(ann)).body).toMatchObject({ result: first.result, outcome: "cached" });
    expect((await invoke(bob)).body).toMatchObject({ result: { call: 2 }, outcome: "ok" });
    expect((await invoke(bob)).body).toMatchObject({ result: { call: 2 }, outcome: "cached" });
    expect(readsOf()).toBe(2);
  });
});

describe("a server that keeps failing", () => {
  test("is refused with a code of its own, in scripts and at once; metrics tell which it is", async () => {
    const run = await ann.run(`
      const codes = [];
      for (let time = 0; time < 4; time++) {
        try { await mcp.weak.crashRead({ times: 99 }) } catch ({ code, retryable, details }) {
          codes.push([code, retryable, typeof details?.retryAfterMs]);
        }
      }
      return codes`);
    expect(run.result).toEqual([
      ["UPSTREAM_UNAVAILABLE", true, "undefined"],
      ["UPSTREAM_UNAVAILABLE", true, "undefined"],
      ["UPSTREAM_CIRCUIT_OPEN", true, "number"],
      ["UPSTREAM_CIRCUIT_OPEN", true, "number"],
    ]);
    const refused = await ann.post<{ code: string }>("/invoke", { server: "weak", tool: "read" });
    expect([refused.status, refused.body.code]).toEqual([503, "UPSTREAM_CIRCUIT_OPEN"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    const { body } = await ann.get<string>("/metrics");
    expect(body).toContain('runlet_gateway_breaker_state{server="kept"} 0');
    expect(body).toContain('runlet_gateway_breaker_state{server="weak"} 2');
    expect(body).toContain('runlet_gateway_rejected_total{reason="breaker_open",scope="server"} 3');
  });
});
