import { describe, expect, test } from "vitest";
import type { LifecycleConfig } from "../../../src/config/config.ts";
import { compileYaml, problemsOf } from "./support.ts";

function lifecycleOf(keys: string): LifecycleConfig | undefined {
  return compileYaml(`mcpServers: {a: {command: x${keys === "" ? "" : `, ${keys}`}}}\n`).upstreams[0]?.lifecycle;
}

const USUAL = { sharing: "auto", maxSessions: 64, replicas: 1, idleStopMs: 300_000, maxFailures: 5 };

describe("how a server's processes live", () => {
  test.each<[string, Partial<LifecycleConfig>]>([
    ["", {}],
    ["sharing: perRun", { sharing: "perRun" }],
    ["sharing: perPrincipal, maxSessions: 3", { sharing: "perPrincipal", maxSessions: 3 }],
    ["replicas: 4", { replicas: 4 }],
    ["idleStop: 10m", { idleStopMs: 600_000 }],
    ["idleStop: 1500", { idleStopMs: 1_500 }],
    ["idleStop: true", {}],
    ["restart: 2", { maxFailures: 2 }],
    ["restart: 0", { maxFailures: 0 }],
    ["restart: {max: 7}", { maxFailures: 7 }],
    ["restart: {}", {}],
    ["restart: true", {}],
  ])("%s", (keys, expected) => {
    expect(lifecycleOf(keys)).toEqual({ ...USUAL, ...expected });
  });

  test.each(["idleStop: false", "idleStop: 0", "idleStop: 0s"])("%s keeps it for ever", (keys) => {
    expect(lifecycleOf(keys)).toHaveProperty("idleStopMs", undefined);
  });

  test("restart: false leaves it down after a failure", () => {
    expect(lifecycleOf("restart: false")).toHaveProperty("maxFailures", undefined);
  });

  test.each([
    ["sharing: perTenant", "must be one of auto, shared, perPrincipal, perRun"],
    ["replicas: 0", "must be a whole number from 1 to 64"],
    ["maxSessions: none", "must be a whole number from 1 to 10000"],
    ["idleStop: soon", 'must be a duration up to 24d, in ms or as text such as "300s", or false'],
    ["idleStop: -1", 'must be a duration up to 24d, in ms or as text such as "300s", or false'],
    ["restart: always", "must be a whole number from 0 to 1000 or true or false or an object with max"],
    ["restart: {max: -1}", "must be a whole number from 0 to 1000"],
  ])("%s is a fault", (keys, rule) => {
    expect(problemsOf(() => lifecycleOf(keys))).toEqual([expect.stringContaining(`as it ${rule}: current value`)]);
  });

  test("replicas of a server that runs elsewhere are a fault; one is what there is", () => {
    const compile = (replicas: number) =>
      compileYaml(`mcpServers: {a: {url: "http://h/mcp", replicas: ${replicas}}}\n`);
    expect(problemsOf(() => compile(2))).toEqual([
      "Cannot use mcpServers.a.replicas (runlet.yaml:1) as it must go with a server that we start: one with a url runs elsewhere: " +
        "current value is 2. Remove it.",
    ]);
    expect(compile(1).upstreams[0]?.lifecycle.replicas).toBe(1);
  });
});
