import { describe, expect, test } from "vitest";
import { callTimeoutsOf } from "../../../src/config/call-timeouts.ts";
import { upstreamConfig } from "../../support/gateway-parts.ts";
import { compileYaml, loadYaml, problemsOf } from "./support.ts";

function timeoutsOf(server: string, all = "") {
  const [upstream] = compileYaml(`${all}\nmcpServers: {a: {command: x${server && `, ${server}`}}}\n`).upstreams;
  return [upstream?.callTimeoutMs, upstream?.idleTimeoutMs, upstream?.toolTimeouts];
}

describe("how long calls may take", () => {
  test.each<[string, string, ReturnType<typeof timeoutsOf>]>([
    ["", "", [60_000, undefined, []]],
    ["timeout: 30s", "", [30_000, undefined, []]],
    ["timeout: {call: 30s}", "", [30_000, undefined, []]],
    ["timeout: {idle: 5s}", "", [60_000, 5_000, []]],
    ["", "timeout: 10s", [10_000, undefined, []]],
    ["", "timeout: {call: 10s, idle: 2000}", [10_000, 2_000, []]],
    ["timeout: {call: 5m}", "timeout: {call: 10s, idle: 2s}", [300_000, 2_000, []]],
    ["timeout: {idle: 9s}", "timeout: {call: 10s, idle: 2s}", [10_000, 9_000, []]],
    [
      "timeout: {call: 5s, tools: {'build_*': 10m, '*': 500}}",
      "",
      [
        5_000,
        undefined,
        [
          { glob: "build_*", timeoutMs: 600_000 },
          { glob: "*", timeoutMs: 500 },
        ],
      ],
    ],
  ])("server {%s}, all {%s}", (server, all, expected) => {
    expect(timeoutsOf(server, all)).toEqual(expected);
  });

  test.each([
    ["timeout: soon", "a.timeout"],
    ["timeout: 0", "a.timeout"],
    ["timeout: {call: 25d}", "a.timeout.call"],
    ["timeout: {tools: {x: -1}}", "a.timeout.tools.x"],
  ])("%s is a fault", (server, key) => {
    const problems = problemsOf(() => timeoutsOf(server));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(key);
  });

  test("a misspelt key is a fault, for a timeout that is not kept is none", () => {
    const { problems } = loadYaml("mcpServers: {a: {command: x, timeout: {iddle: 5s}}}\n");
    expect(problems.map(({ key, message }) => [key, message.includes("Did you mean idle?")])).toEqual([
      ["mcpServers.a.timeout.iddle", true],
    ]);
  });
});

describe("the timeouts of one call", () => {
  const toolTimeouts = [
    { glob: "build_*", timeoutMs: 9 },
    { glob: "*", timeoutMs: 8 },
  ];

  test("are the server's where nothing is said of the tool", () => {
    expect(callTimeoutsOf(upstreamConfig("a", { callTimeoutMs: 7, idleTimeoutMs: 3 }), "build_all")).toEqual({
      callMs: 7,
      callKey: "mcpServers.a.timeout",
      idleMs: 3,
      idleKey: "mcpServers.a.timeout.idle",
    });
  });

  test("are those of the first glob that matches the tool", () => {
    const config = upstreamConfig("a", { toolTimeouts });
    expect(callTimeoutsOf(config, "build_all")).toMatchObject({
      callMs: 9,
      callKey: 'mcpServers.a.timeout.tools["build_*"]',
    });
    expect(callTimeoutsOf(config, "test")).toMatchObject({ callMs: 8 });
  });
});
