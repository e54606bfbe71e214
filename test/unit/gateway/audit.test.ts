import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { CallTool } from "../../../src/gateway/call.ts";
import { audit } from "../../../src/gateway/interceptors/audit.ts";
import type { TracedCall } from "../../../src/gateway/policy.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import type { AuditEntry } from "../../../src/observability/audit.ts";
import { toolCall } from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const ANSWER = { value: 1, content: [], outcome: "ok", bytes: 7 } as const;
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function setup(next: CallTool<TracedCall>) {
  const entries: AuditEntry[] = [];
  const clock = createManualClock();
  const call = audit({ write: (entry) => void entries.push(entry()), close: async () => undefined }, clock)(next);
  const trace = { server: "s", tool: "t", upstreamMs: 0, queueMs: 0, attempts: 0, refusal: undefined };
  const perform = (change: Partial<TracedCall> = {}) => call({ ...toolCall("s", "t"), trace: { ...trace }, ...change });
  return { entries, clock, perform };
}

describe("the audit of calls", () => {
  test("tells how a call stood when it ended, whatever becomes of an attempt that others share", async () => {
    const noted: (() => AuditEntry)[] = [];
    const to = { write: (entry: () => AuditEntry) => void noted.push(entry), close: async () => undefined };
    const trace = { server: "s", tool: "t", upstreamMs: 0, queueMs: 0, attempts: 1, refusal: undefined };
    await audit(to, createManualClock())(async () => ANSWER)({ ...toolCall("s", "t"), trace });
    trace.attempts = 2;
    expect(noted.map((entry) => entry().attempts)).toEqual([1]);
  });

  test("has who called what, how it ended and how long it took", async () => {
    const { entries, clock, perform } = setup(async ({ trace }) => {
      clock.advance(12);
      trace.attempts = 2;
      return ANSWER;
    });
    const time = new Date(clock.now()).toISOString();
    const traceContext = { traceId: "a".repeat(32), spanId: "b".repeat(16), flags: 1 };
    await perform({ runId: "run_1", requestId: "req_1", traceContext });
    expect(entries).toEqual([
      {
        time,
        run: "run_1",
        request: "req_1",
        traceId: "a".repeat(32),
        principal: "tester",
        server: "s",
        tool: "t",
        outcome: "ok",
        attempts: 2,
        bytes: 7,
        ms: 12,
        reason: undefined,
        rule: undefined,
        argumentsSha256: sha256("{}"),
      },
    ]);
  });

  test("has the hash of arguments, the same in whatever order they are written, and nothing else of them", async () => {
    const { entries, perform } = setup(async () => ANSWER);
    await perform({ arguments: { password: "hunter2", a: [1] } });
    await perform({ arguments: { a: [1], password: "hunter2" } });
    expect(entries.map(({ argumentsSha256 }) => argumentsSha256)).toEqual(
      Array.from({ length: 2 }, () => sha256('{"a":[1],"password":"hunter2"}')),
    );
    expect(JSON.stringify(entries)).not.toContain("hunter2");
  });

  test.each([
    { refusal: { reason: "access", scope: "principal", rule: "principal.tools.files" }, outcome: "denied" },
    { refusal: { reason: "unknown", scope: "server" }, outcome: "refused" },
    { refusal: { reason: "quota", scope: "principal", rule: "calls" }, outcome: "refused" },
    { refusal: undefined, outcome: "error" },
  ] as const)("says $outcome of a call that failed with $refusal", async ({ refusal, outcome }) => {
    const { entries, perform } = setup(({ trace }) => {
      trace.refusal = refusal;
      return Promise.reject(new RunletError("TOOL_NOT_FOUND", "secret words"));
    });
    await expect(perform()).rejects.toThrow("secret words");
    const [entry] = entries;
    expect(entry).toMatchObject({ outcome, code: "TOOL_NOT_FOUND", attempts: 0 });
    expect([entry?.reason, entry?.rule]).toEqual([
      refusal?.reason,
      refusal && "rule" in refusal ? refusal.rule : undefined,
    ]);
    expect(JSON.stringify(entries)).not.toContain("secret words");
  });

  test.each([
    { thrown: new RunletError("RUN_CANCELLED", "x"), outcome: "cancelled", code: "RUN_CANCELLED" },
    { thrown: new TypeError("defect"), outcome: "error", code: "INTERNAL" },
  ])("says $outcome of $code, and lets it through", async ({ thrown, outcome, code }) => {
    const { entries, perform } = setup(() => Promise.reject(thrown));
    await expect(perform()).rejects.toBe(thrown);
    expect(entries).toMatchObject([{ outcome, code }]);
  });

  test("cuts names from outside, and leaves out the hash of arguments that are nested too deep", async () => {
    const { entries, perform } = setup(async () => ANSWER);
    let deep: Record<string, unknown> = {};
    for (let level = 0; level < 10_000; level++) deep = { deep };
    await perform({ server: "s".repeat(10_000), arguments: deep });
    expect(entries[0]?.argumentsSha256).toBeUndefined();
    expect(entries[0]?.server.length).toBeLessThan(200);
  });
});
