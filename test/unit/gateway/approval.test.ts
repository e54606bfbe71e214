import { describe, expect, test } from "vitest";
import type { ApprovalRule } from "../../../src/config/approval-keys.ts";
import { createApprovalRules } from "../../../src/gateway/approval-rules.ts";
import type { ToolCall } from "../../../src/gateway/call.ts";
import { createFlowRules } from "../../../src/gateway/flow-rules.ts";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { createQuotaKeeper } from "../../../src/gateway/quotas.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { createMemoryQuotaStore } from "../../../src/store/memory/memory-quota-store.ts";
import {
  createFakeCatalogs,
  createFakeRegistry,
  createFakeUpstream,
  textResult,
  toolCall,
} from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const rule = (more: Partial<ApprovalRule> = {}): ApprovalRule => ({
  name: "approvals[0]",
  servers: undefined,
  tools: undefined,
  leastClass: "write",
  clients: undefined,
  expiresMs: 60_000,
  ...more,
});
const CACHE = { ttlMs: 60_000, tools: undefined, maxBytes: 1_000_000, maxEntries: 100 };

function setup(rules: readonly ApprovalRule[]) {
  const upstream = createFakeUpstream(
    "files",
    [
      { name: "read", class: "read" },
      {
        name: "write",
        class: "write",
        inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
      },
    ],
    { answer: (name) => Promise.resolve(textResult(`of ${name}`)), config: { cache: CACHE } },
  );
  const registry = createFakeRegistry([upstream]);
  const metrics = createMetrics();
  const lines: object[] = [];
  const approvalRules = createApprovalRules(rules);
  const clock = createManualClock();
  const gateway = createGateway({
    registry,
    catalogs: createFakeCatalogs(registry),
    clock,
    log: silentLog,
    metrics,
    approvalRules,
    flowRules: createFlowRules([
      {
        name: "dataFlow.deny[0]",
        from: [{ server: "files", tool: "read" }],
        to: [{ server: "files", tool: "write" }],
      },
    ]),
    quotas: createQuotaKeeper(createMemoryQuotaStore(), { calls: { limit: 1, periodMs: 60_000 } }),
    audit: { write: (line) => void lines.push(line()), close: async () => undefined },
  });
  const call = (tool: string, args: ToolCall["arguments"], change: Partial<ToolCall> = {}) =>
    gateway.call(toolCall("files", tool, { arguments: args, ...change })).then(
      ({ value, outcome }) => ({ value, outcome }),
      (thrown: unknown) => (thrown instanceof RunletError ? thrown : expect.fail(String(thrown))),
    );
  return { call, upstream, metrics, lines, approvalRules };
}

const codeOf = (answer: object): unknown => (answer instanceof RunletError ? answer.code : answer);

describe("a call that a rule has somebody approve", () => {
  test("is refused without being sent, with the time that a run may wait", async () => {
    const { call, upstream } = setup([rule()]);
    const error = await call("write", { path: "a" }, { runId: "run_1" });
    expect(error).toBeInstanceOf(RunletError);
    expect(error).toMatchObject({
      code: "APPROVAL_REQUIRED",
      message: "Cannot call files.write as approvals[0] has somebody approve it first: nobody has.",
      context: { server: "files", tool: "write", details: { expiresAfterMs: 60_000 } },
    });
    expect(upstream.calls).toEqual([]);
  });

  test("is told that only a run can wait where it is none of a run", async () => {
    const { call } = setup([rule()]);
    expect(await call("write", { path: "a" })).toMatchObject({
      message:
        "Cannot call files.write as approvals[0] has somebody approve it first: nobody has, and only a run can wait for that.",
      context: { hint: "Make the call in a script with POST /run, and have the run approved." },
    });
  });

  test("is made once somebody approved", async () => {
    const { call, upstream } = setup([rule()]);
    expect(await call("write", { path: "a" }, { approved: true })).toEqual({ value: "of write", outcome: "ok" });
    expect(upstream.calls.map(({ args }) => args)).toEqual([{ path: "a" }]);
  });

  test("costs nothing of a quota, and leaves it to the call that is approved", async () => {
    const { call } = setup([rule()]);
    for (let at = 0; at < 3; at += 1) expect(codeOf(await call("write", { path: "a" }))).toBe("APPROVAL_REQUIRED");
    expect(await call("write", { path: "a" }, { approved: true })).toMatchObject({ outcome: "ok" });
    expect(codeOf(await call("write", { path: "a" }, { approved: true }))).toBe("QUOTA_EXCEEDED");
  });

  test("is counted and audited as refused by the rule", async () => {
    const { call, metrics, lines } = setup([rule()]);
    await call("write", { path: "a" });
    expect(metrics.render()).toContain('runlet_gateway_rejected_total{reason="approval",scope="tool"} 1');
    expect(lines).toEqual([
      expect.objectContaining({
        outcome: "refused",
        code: "APPROVAL_REQUIRED",
        reason: "approval",
        rule: "approvals[0]",
        attempts: 0,
      }),
    ]);
  });

  test.each([
    ["has wrong arguments", "TOOL_ARGUMENTS_INVALID", { arguments: {} }],
    ["may have been made already", "CALL_OUTCOME_UNKNOWN", { arguments: { path: "a" }, again: true }],
  ] as const)("and %s bothers nobody: %s", async (_, code, change) => {
    const { call } = setup([rule()]);
    expect(codeOf(await call("write", change.arguments, change))).toBe(code);
  });

  test("and that a rule of data flow denies bothers nobody", async () => {
    const { call } = setup([rule()]);
    const unit = {};
    expect(await call("read", {}, { unit })).toMatchObject({ outcome: "ok" });
    expect(codeOf(await call("write", { path: "a" }, { unit }))).toBe("FLOW_DENIED");
  });

  test("and that a dry run does not make bothers nobody", async () => {
    const { call } = setup([rule()]);
    expect(await call("write", { path: "a" }, { dryRun: true })).toEqual({ value: null, outcome: "skipped" });
  });

  test("is not answered from the cache before somebody approved", async () => {
    const { call, approvalRules } = setup([]);
    expect(await call("read", {})).toMatchObject({ outcome: "ok" });
    approvalRules.replace([rule({ leastClass: "read" })]);
    expect(codeOf(await call("read", {}))).toBe("APPROVAL_REQUIRED");
    expect(codeOf(await call("read", {}, { approved: true }))).not.toBe("APPROVAL_REQUIRED");
  });
});

describe("other calls", () => {
  test.each([
    ["of another class", { leastClass: "destructive" }],
    ["of another server", { servers: ["mail"] }],
    ["of another tool", { tools: ["remove*"] }],
    ["of another client", { clients: ["agent"] }],
  ] as const)("%s do not wait", async (_, more) => {
    const { call } = setup([rule(more)]);
    expect(await call("write", { path: "a" })).toMatchObject({ outcome: "ok" });
  });

  test("wait by the first rule that fits, and by rules that came while they were made", async () => {
    const { call, approvalRules } = setup([rule({ servers: ["mail"] }), rule({ name: "approvals[1]", expiresMs: 5 })]);
    expect(await call("write", { path: "a" })).toMatchObject({ context: { details: { expiresAfterMs: 5 } } });
    approvalRules.replace([]);
    expect(await call("write", { path: "a" })).toMatchObject({ outcome: "ok" });
  });
});
