import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FlowRule } from "../../../src/config/flow-keys.ts";
import { readFlowGlob } from "../../../src/config/flow-keys.ts";
import type { ToolCall, ToolResult } from "../../../src/gateway/call.ts";
import { createFlowRules } from "../../../src/gateway/flow-rules.ts";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { flow } from "../../../src/gateway/interceptors/flow.ts";
import type { AdmittedCall } from "../../../src/gateway/policy.ts";
import { type ErrorCode, RunletError } from "../../../src/lib/errors.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import {
  admittedCall,
  createFakeCatalogs,
  createFakeRegistry,
  createFakeUpstream,
  type FakeAnswer,
  textResult,
  toolCall,
} from "../../support/gateway-parts.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const rule = (from: string, to: string, at = 0): FlowRule => ({
  name: `dataFlow.deny[${at}]`,
  from: from.split(" ").map(readFlowGlob),
  to: to.split(" ").map(readFlowGlob),
});

const CACHE = { ttlMs: 60_000, tools: undefined, maxBytes: 1_000_000, maxEntries: 100 };
const SERVERS = ["crm", "mail", "files"] as const;
const TOOLS = ["get", "list", "send"] as const;

/** Lets every promise that can go on do so. */
const rest = () => new Promise(setImmediate);

function setup(rules: readonly FlowRule[], answers: Readonly<Partial<Record<string, FakeAnswer>>> = {}) {
  const tools = TOOLS.map((name) => ({ name, class: name === "send" ? ("write" as const) : ("read" as const) }));
  const upstreams = SERVERS.map((name) => {
    const answer: FakeAnswer = answers[name] ?? (() => Promise.resolve(textResult(`of ${name}`)));
    return createFakeUpstream(name, tools, {
      answer,
      config: { cache: name === "crm" ? CACHE : undefined, concurrency: 1, retry: { retries: 2, baseMs: 1, maxMs: 1 } },
    });
  });
  const registry = createFakeRegistry(upstreams);
  const metrics = createMetrics();
  const flowRules = createFlowRules(rules);
  const gateway = createGateway({
    registry,
    catalogs: createFakeCatalogs(registry),
    clock: createManualClock(),
    log: silentLog,
    metrics,
    flowRules,
  });
  /** What became of a call `server.tool` of a unit: its value, or the code it failed with. */
  const call = (name: string, unit?: object, change: Partial<ToolCall> = {}): Promise<unknown> => {
    const [server = "", tool = ""] = name.split(".");
    return gateway.call(toolCall(server, tool, { ...(unit && { unit }), ...change })).then(
      ({ value }) => value,
      (error: unknown) => (error as RunletError).code,
    );
  };
  const sent = (server: string): number => upstreams.find(({ config }) => config.name === server)?.calls.length ?? 0;
  return { gateway, flowRules, metrics, call, sent };
}

describe("a rule of data flow", () => {
  test("refuses what it names once the unit has an answer, and says why", async () => {
    const { call, gateway, sent, metrics } = setup([rule("files", "mail"), rule("crm__get", "mail__send", 1)]);
    const run = {};
    expect(await call("mail.send", run)).toBe("of mail");
    expect(await call("crm.get", run)).toBe("of crm");
    const error = await gateway.call(toolCall("mail", "send", { unit: run })).then(
      () => expect.fail("went well"),
      (thrown: unknown) => thrown as RunletError,
    );
    expect(error.code).toBe("FLOW_DENIED");
    expect(error.message).toBe(
      "Cannot call mail.send as dataFlow.deny[1] keeps from it what crm.get answers: this run has such an answer.",
    );
    expect(error.context).toEqual({
      server: "mail",
      tool: "send",
      hint: "Call mail.send before crm.get, or in a run that does not call it.",
      details: { rule: "dataFlow.deny[1]", from: { server: "crm", tool: "get" }, to: { server: "mail", tool: "send" } },
    });
    expect(sent("mail")).toBe(1);
    expect(metrics.render()).toContain('runlet_gateway_rejected_total{reason="flow",scope="run"} 1');
  });

  test("leaves alone what it does not name: other tools, other servers, other units, calls of no unit", async () => {
    const { call } = setup([rule("crm__get", "mail__send")]);
    const run = {};
    expect(await call("crm.list", run)).toBe("of crm");
    expect(await call("mail.send", run)).toBe("of mail");
    expect(await call("crm.get", run)).toBe("of crm");
    expect(await call("mail.list", run)).toBe("of mail");
    expect(await call("files.send", run)).toBe("of files");
    expect(await call("mail.send", {})).toBe("of mail");
    expect(await call("mail.send")).toBe("of mail");
    expect(await call("mail.send", run)).toBe("FLOW_DENIED");
  });

  test("with a glob of servers does not mean the one that answered", async () => {
    const { call } = setup([rule("*", "*")]);
    const run = {};
    expect(await call("crm.get", run)).toBe("of crm");
    expect(await call("crm.send", run)).toBe("of crm");
    expect(await call("mail.send", run)).toBe("FLOW_DENIED");
  });

  test("that names a server means it also where it answered itself", async () => {
    const { call } = setup([rule("crm__get", "crm__send *__list")]);
    const run = {};
    expect(await call("crm.get", run)).toBe("of crm");
    expect(await call("crm.send", run)).toBe("FLOW_DENIED");
    expect(await call("crm.list", run)).toBe("of crm");
    expect(await call("files.list", run)).toBe("FLOW_DENIED");
  });

  test("counts an answer from the cache", async () => {
    const { call, sent } = setup([rule("crm", "mail")]);
    const run = {};
    await call("crm.get", {});
    expect(await call("crm.get", run)).toBe("of crm");
    expect(sent("crm")).toBe(1);
    expect(await call("mail.send", run)).toBe("FLOW_DENIED");
  });

  test("counts an answer that another unit's call brought", async () => {
    const gate = Promise.withResolvers<undefined>();
    const slow: FakeAnswer = () => gate.promise.then(() => textResult("of files"));
    const { call, sent } = setup([rule("files", "mail")], { files: slow });
    const [first, second] = [{}, {}];
    const answers = Promise.all([call("files.get", first), call("files.get", second)]);
    await rest();
    gate.resolve(undefined);
    expect([await answers, sent("files")]).toEqual([["of files", "of files"], 1]);
    expect(await Promise.all([call("mail.send", first), call("mail.send", second)])).toEqual([
      "FLOW_DENIED",
      "FLOW_DENIED",
    ]);
  });

  test("is not tried again, and is no failure of the server", async () => {
    const { call, sent, metrics } = setup([rule("crm", "mail")]);
    const run = {};
    await call("crm.get", run);
    for (let time = 0; time < 20; time++) expect(await call("mail.get", run)).toBe("FLOW_DENIED");
    expect(await call("mail.get", {})).toBe("of mail");
    expect(sent("mail")).toBe(1);
    expect(metrics.render()).not.toContain("runlet_gateway_retries_total{");
  });

  test("may be exchanged while a unit lives: what it was answered before counts", async () => {
    const { call, flowRules } = setup([rule("files", "mail")]);
    const run = {};
    await call("crm.get", run);
    expect(await call("mail.send", run)).toBe("of mail");
    flowRules.replace([rule("crm", "mail")]);
    expect(await call("mail.send", run)).toBe("FLOW_DENIED");
    flowRules.replace([]);
    expect(await call("mail.send", run)).toBe("of mail");
  });
});

describe("calls in flight at once", () => {
  test("go when they were made before the answer, also where they wait for a place; those made after it do not", async () => {
    const gates = { crm: Promise.withResolvers<undefined>(), mail: Promise.withResolvers<undefined>() };
    const { call, sent } = setup([rule("crm", "mail")], {
      crm: () => gates.crm.promise.then(() => textResult("of crm")),
      mail: () => gates.mail.promise.then(() => textResult("of mail")),
    });
    const run = {};
    const reading = call("crm.get", run);
    const sending = [call("mail.send", run, { arguments: { n: 1 } }), call("mail.send", run, { arguments: { n: 2 } })];
    await rest();
    expect(sent("mail")).toBe(1);
    gates.crm.resolve(undefined);
    expect(await reading).toBe("of crm");
    expect(await call("mail.send", run)).toBe("FLOW_DENIED");
    gates.mail.resolve(undefined);
    expect(await Promise.all(sending)).toEqual(["of mail", "of mail"]);
    expect(sent("mail")).toBe(2);
  });

  test("of two servers that must not hear each other both go, and none after them", async () => {
    const { call } = setup([rule("crm", "mail"), rule("mail", "crm")]);
    const run = {};
    expect(await Promise.all([call("crm.get", run), call("mail.get", run)])).toEqual(["of crm", "of mail"]);
    expect(await Promise.all([call("crm.list", run), call("mail.list", run)])).toEqual(["FLOW_DENIED", "FLOW_DENIED"]);
  });
});

describe("a failure", () => {
  const RESULT: ToolResult = { value: 1, content: [], outcome: "ok", bytes: 1 };
  /** What becomes of a call of `mail` after one of `crm` that failed. */
  async function after(fail: (call: AdmittedCall) => Error): Promise<unknown> {
    const [crm, mail] = [createFakeUpstream("crm", []), createFakeUpstream("mail", [])];
    const unit = {};
    const send = flow(createFlowRules([rule("crm", "mail")]))(async (call) => {
      if (call.server === "crm") throw fail(call);
      return RESULT;
    });
    await expect(send(admittedCall(crm, { unit }))).rejects.toBeInstanceOf(Error);
    return send(admittedCall(mail, { unit })).then(
      ({ value }) => value,
      (error: unknown) => (error as RunletError).code,
    );
  }

  test.each<ErrorCode>(["TOOL_FAILED", "UPSTREAM_PROTOCOL", "UPSTREAM_NEEDS_INPUT", "TOOL_RESULT_TOO_LARGE"])(
    "%s counts as an answer, for the server may have said something in it",
    async (code) => {
      expect(await after(() => new RunletError(code, "failed"))).toBe("FLOW_DENIED");
    },
  );

  test("counts where the call may have been sent, and not where it was not", async () => {
    const unavailable = (sent: boolean) => () =>
      new RunletError("UPSTREAM_UNAVAILABLE", "it is down", { details: { sent } });
    expect(await after(unavailable(true))).toBe("FLOW_DENIED");
    expect(await after(unavailable(false))).toBe(1);
    expect(await after(() => new RunletError("UPSTREAM_NEEDS_AUTH", "log in", { details: { sent: false } }))).toBe(1);
  });

  test("of a policy that refused the call does not count", async () => {
    const refused = ({ trace }: AdmittedCall): Error => {
      trace.refusal = { reason: "quota", scope: "principal" };
      return new RunletError("QUOTA_EXCEEDED", "no more");
    };
    expect(await after(refused)).toBe(1);
  });
});

describe("whatever a unit calls one after another", () => {
  test("nothing reaches a server after an answer that a rule keeps from it, and all else does", async () => {
    const server = fc.constantFrom(...SERVERS);
    const tool = fc.constantFrom(...TOOLS);
    const glob = fc.oneof(
      server,
      fc.constant("*"),
      fc.tuple(fc.oneof(server, fc.constant("*")), tool).map(([of, name]) => `${of}__${name}`),
    );
    const step = fc.record({ server, tool, unit: fc.constantFrom(0, 1) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(glob, glob), { maxLength: 3 }), fc.array(step), async (pairs, steps) => {
        const { call } = setup(pairs.map(([from, to], at) => rule(from, to, at)));
        const units = [{}, {}];
        const heard: (readonly [string, string])[][] = [[], []];
        for (const { server: of, tool: name, unit } of steps) {
          const refused = pairs.some(([from, to]) =>
            heard[unit]?.some(
              ([source, said]) =>
                fits(from, source, said) && fits(to, of, name) && !(to.startsWith("*") && source === of),
            ),
          );
          expect(await call(`${of}.${name}`, units[unit])).toBe(refused ? "FLOW_DENIED" : `of ${of}`);
          if (!refused) heard[unit]?.push([of, name]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** Whether a glob of the property above, in which only a whole server's name may be `*`, means a tool. */
function fits(glob: string, server: string, tool: string): boolean {
  const [of, name = tool] = glob.split("__");
  return (of === "*" || of === server) && name === tool;
}

test("without rules, or without a unit, a call passes as it is", async () => {
  const passed: AdmittedCall[] = [];
  const next = (call: AdmittedCall): Promise<ToolResult> => {
    passed.push(call);
    return Promise.resolve({ value: 1, content: [], outcome: "ok", bytes: 1 });
  };
  const upstream = createFakeUpstream("crm", []);
  const [inUnit, alone] = [admittedCall(upstream, { unit: {} }), admittedCall(upstream)];
  await flow(createFlowRules([]))(next)(inUnit);
  await flow(createFlowRules([rule("crm", "crm")]))(next)(alone);
  expect(passed.map((call, at) => call === [inUnit, alone][at])).toEqual([true, true]);
});
