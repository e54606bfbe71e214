import { describe, expect, test } from "vitest";
import type { AccessRules } from "../../../src/config/principal.ts";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import {
  createFakeCatalogs,
  createFakeRegistry,
  createFakeUpstream,
  type FakeTool,
  toolCall,
} from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const FILES = [
  { name: "read_file", class: "read" },
  { name: "write_file", class: "write" },
  { name: "delete_file", class: "destructive" },
] as const satisfies readonly FakeTool[];

function setup({
  tools = FILES,
  ...change
}: { readonly tools?: readonly FakeTool[]; readonly start?: (signal?: AbortSignal) => Promise<void> } = {}) {
  const files = createFakeUpstream("files", tools);
  const lazy = createFakeUpstream("lazy", [{ name: "ping" }], {
    listed: false,
    onList: () => registry.changed(),
    ...change,
  });
  const registry = createFakeRegistry([files, lazy]);
  const catalogs = createFakeCatalogs(registry);
  const metrics = createMetrics();
  const rules: unknown[] = [];
  const note = (fields: { readonly rule?: unknown }) => void rules.push(fields.rule);
  const log = { debug: note, info: note, warn: note, error: note };
  const gateway = createGateway({ registry, catalogs, metrics, log, clock: createManualClock() });
  const call = (server: string, tool: string, access: AccessRules = {}, narrow?: AccessRules, signal?: AbortSignal) =>
    gateway
      .call(toolCall(server, tool, { principal: { id: "p", access, admin: false }, narrow, ...(signal && { signal }) }))
      .then(
        (result) => result.value,
        (error: unknown) => error,
      );
  return { files, lazy, registry, catalogs, metrics, rules, call };
}

const visibleTo = (access: AccessRules, narrow?: AccessRules) => async (server: string, tool: string) => {
  const { call } = setup();
  return (await call(server, tool, access, narrow)) as RunletError;
};

describe("access", () => {
  const denials: [string, AccessRules, AccessRules | undefined, string][] = [
    ["the principal's servers", { servers: ["other"] }, undefined, "principal.servers"],
    ["the principal's classes", { classes: ["read", "write"] }, undefined, "principal.classes"],
    ["the principal's tools", { tools: new Map([["files", ["read_*"]]]) }, undefined, "principal.tools.files"],
    ["the run's servers", {}, { servers: [] }, "run.servers"],
    ["the run's classes", {}, { classes: ["read"] }, "run.classes"],
    ["the run's tools", {}, { tools: new Map([["files", []]]) }, "run.tools.files"],
    ["both, the principal's first", { classes: ["read"] }, { servers: [] }, "principal.classes"],
  ];
  test.each(denials)(
    "refuses what %s do not allow, and only the log names the rule",
    async (_, access, narrow, rule) => {
      const { call, files, rules, metrics } = setup();
      const error = await call("files", "delete_file", access, narrow);
      expect(error).toMatchObject({ code: "TOOL_NOT_FOUND" });
      expect(JSON.stringify([(error as Error).message, (error as RunletError).context])).not.toContain(rule);
      expect(rules).toEqual([rule]);
      expect(files.calls).toEqual([]);
      const text = metrics.render();
      expect(text).toContain('runlet_gateway_calls_total{server="files",tool="delete_file",outcome="denied"} 1');
      expect(text).toContain(`runlet_gateway_rejected_total{reason="access",scope="${rule.split(".")[0]}"} 1`);
    },
  );

  test("answers a denied tool word for word as one that does not exist", async () => {
    for (const access of [{ classes: ["read"] }, { tools: new Map([["files", ["read_*"]]]) }] satisfies AccessRules[]) {
      const denied = await visibleTo(access)("files", "delete_file");
      const { call } = setup({ tools: FILES.filter(({ name }) => name !== "delete_file") });
      const unknown = (await call("files", "delete_file", access)) as RunletError;
      expect([denied.code, denied.message, denied.context]).toEqual([unknown.code, unknown.message, unknown.context]);
    }
  });

  test("answers a denied server word for word as one that is not configured", async () => {
    const ask = visibleTo({ servers: ["lazy"] });
    const denied = await ask("files", "read_file");
    const unknown = await ask("filez", "read_file");
    expect(denied.message.replaceAll("files", "filez")).toBe(unknown.message);
    expect({ ...denied.context, server: "" }).toEqual({ ...unknown.context, server: "" });
  });

  test("suggests only tools that the caller may use", async () => {
    const error = await visibleTo({}, { tools: new Map([["files", ["read_file"]]]) })("files", "red_file");
    expect(error.message).toBe(
      "Cannot call files.red_file as there is no such tool for this caller: the nearest are files.read_file.",
    );
    expect(error.context).toEqual({
      server: "files",
      tool: "red_file",
      hint: "Did you mean mcp.files.read_file(args: object): Promise<unknown>?",
      details: { nearest: ["files.read_file"] },
    });
  });

  test("suggests a tool of another server when the called one has nothing like it", async () => {
    const error = await visibleTo({})("drive", "write_file");
    expect(error.context.details).toEqual({ nearest: expect.arrayContaining(["files.write_file"]) });
  });

  test("says so when nothing is like the name", async () => {
    const error = await visibleTo({})("files", "zzzzzzzzzzzzzzzzzzzzzzzzzz");
    expect(error.message).toContain("none is like it");
    expect(error.context.details).toEqual({ nearest: [] });
  });

  test("answers a name of a million characters quickly and briefly", async () => {
    const startedMs = performance.now();
    const error = await visibleTo({})("files", "x".repeat(1_000_000));
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(JSON.stringify([error.message, error.context]).length).toBeLessThan(1_000);
  });

  test("is judged anew for each call: a tool that is taken away mid-run is refused at the next call", async () => {
    const { call } = setup();
    expect(await call("files", "delete_file")).toBe("done");
    expect(await call("files", "delete_file", { classes: ["read"] })).toMatchObject({ code: "TOOL_NOT_FOUND" });
    expect(await call("files", "delete_file", {}, { servers: [] })).toMatchObject({ code: "TOOL_NOT_FOUND" });
  });

  test("asks for a principal's catalog once until an upstream's tools change", async () => {
    const { call, catalogs, registry } = setup();
    const access: AccessRules = {};
    for (let count = 0; count < 5; count++) await call("files", "read_file", access);
    expect(catalogs.made).toBe(1);
    registry.changed();
    await call("files", "read_file", access);
    expect(catalogs.made).toBe(2);
  });

  test("is not fooled by names of Object.prototype", async () => {
    const { call } = setup();
    for (const name of ["__proto__", "constructor", "toString"]) {
      expect(await call("files", name)).toMatchObject({ code: "TOOL_NOT_FOUND" });
      expect(await call(name, "read_file")).toMatchObject({ code: "TOOL_NOT_FOUND" });
    }
  });
});

describe("a server whose tools are not known", () => {
  test("is started by the call, which then goes on", async () => {
    const { call, lazy } = setup();
    expect(await call("lazy", "ping")).toBe("done");
    expect(lazy.starts).toBe(1);
    expect(await call("lazy", "pong")).toMatchObject({ code: "TOOL_NOT_FOUND" });
    expect(lazy.starts).toBe(1);
  });

  test("is not started for a caller who may not use it", async () => {
    const { call, lazy, rules } = setup();
    expect(await call("lazy", "ping", { servers: ["files"] })).toMatchObject({ code: "TOOL_NOT_FOUND" });
    expect(await call("lazy", "ping", {}, { tools: new Map([["lazy", ["pong"]]]) })).toMatchObject({
      code: "TOOL_NOT_FOUND",
    });
    expect(lazy.starts).toBe(0);
    expect(rules).toEqual(["principal.servers", "run.tools.lazy"]);
  });

  test("is judged by class once it is listed", async () => {
    const { call, lazy, rules } = setup();
    expect(await call("lazy", "ping", { classes: ["read"] })).toMatchObject({ code: "TOOL_NOT_FOUND" });
    expect(lazy.starts).toBe(1);
    expect(rules).toEqual(["principal.classes"]);
  });

  test("that cannot start is UPSTREAM_UNAVAILABLE with its name, its failure and what to do", async () => {
    const { call } = setup({
      start: () => Promise.reject(new RunletError("UPSTREAM_UNAVAILABLE", "its process exited with code 3.")),
    });
    const error = (await call("lazy", "ping")) as RunletError;
    expect(error).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", context: { server: "lazy", tool: "ping" } });
    expect(error.message).toBe(
      "Cannot call lazy.ping as its MCP server must be running: its process exited with code 3.",
    );
    expect(error.context.hint).toContain('"lazy"');
  });

  test("keeps the hint and details of its own failure", async () => {
    const own = { hint: "Correct command of mcpServers.lazy.", details: { sent: false } };
    const { call } = setup({ start: () => Promise.reject(new RunletError("UPSTREAM_UNAVAILABLE", "gone.", own)) });
    expect(((await call("lazy", "ping")) as RunletError).context).toEqual({ server: "lazy", tool: "ping", ...own });
  });

  test("does not hold a caller who gives up while it starts", async () => {
    const controller = new AbortController();
    const { call } = setup({
      start: (signal) =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error))),
    });
    const waiting = call("lazy", "ping", {}, undefined, controller.signal);
    await new Promise(setImmediate);
    controller.abort();
    expect(await waiting).toMatchObject({ code: "RUN_CANCELLED" });
  });
});
