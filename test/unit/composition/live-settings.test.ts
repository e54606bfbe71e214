import { expect, test } from "vitest";
import { createApply } from "../../../src/composition/apply-config.ts";
import { LiveSettings } from "../../../src/composition/live-settings.ts";
import { compileConfig } from "../../../src/config/compile.ts";
import type { Options } from "../../../src/config/options.ts";
import type { Quotas } from "../../../src/config/quotas.ts";
import { createApprovalRules } from "../../../src/gateway/approval-rules.ts";
import { createFlowRules } from "../../../src/gateway/flow-rules.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const config = (options: Options = {}) => compileConfig({ mcpServers: {}, ...options });

/** Settings of a service, and what they were told to act on. */
function settings(initial: Options, withLogger = true) {
  const quotas: Quotas[] = [];
  const levels: string[] = [];
  const flowRules = createFlowRules(config(initial).dataFlow);
  const approvalRules = createApprovalRules(config(initial).approvals);
  const first = config(initial);
  const live = new LiveSettings(first, {
    clock: createManualClock(),
    log: silentLog,
    quotas: { replace: (next) => void quotas.push(next) },
    flowRules,
    approvalRules,
    logger: withLogger ? { setLevel: (level) => void levels.push(level) } : undefined,
  });
  const apply = createApply(first, {
    live,
    upstreams: { apply: () => ({ added: [], changed: [], removed: [] }) },
    callers: { replace: () => undefined },
    redactor: { learn: () => undefined },
  });
  return { live, apply, quotas, levels, flowRules, approvalRules };
}

test("the same configuration changes nothing", () => {
  const model = { baseURL: "http://localhost/v1", model: "m" };
  const { live, apply, quotas, levels } = settings({ model });
  const { planner, limits } = live;
  expect(apply(config({ model }))).toMatchObject({ settings: [], needRestart: [], clients: false });
  expect([live.planner, live.limits]).toEqual([planner, limits]);
  expect(live.planner).toBe(planner);
  expect([quotas, levels]).toEqual([[], []]);
});

test("each setting is exchanged by itself, and told by the name that people know", () => {
  const { live, apply, quotas, levels } = settings({});
  expect(live.planner).toBeUndefined();
  expect(apply(config({ limits: { wallMs: 1_234 } })).settings).toEqual(["limits"]);
  expect(live.limits.defaults.wallMs).toBe(1_234);
  expect(apply(config({ model: { baseURL: "http://localhost/v1", model: "m", attempts: 4 } })).settings).toEqual([
    "limits",
    "model",
  ]);
  expect([live.planner?.model, live.planAttempts]).toEqual(["m", 4]);
  expect(apply(config({ quotas: { runs: "1/day" }, log: { level: "debug" } })).settings).toEqual([
    "quotas",
    "model",
    "log.level",
  ]);
  expect([live.planner, live.planAttempts]).toEqual([undefined, 1]);
  expect([quotas, levels]).toEqual([[{ runs: { limit: 1, periodMs: 86_400_000 } }], ["debug"]]);
});

test("another place of secrets needs a restart: tokens of logins are kept beside them", () => {
  const { apply } = settings({});
  const secretsPlace = { file: "/data/secrets.json", keyFile: "/data/secrets.key", keyText: undefined };
  expect(apply(compileConfig({ mcpServers: {} }, { secretsPlace })).needRestart).toEqual(["secrets"]);
});

test("a service whose log was given to it needs a restart for another level, and says so until it is as it was", () => {
  const { apply } = settings({}, false);
  const debug = config({ log: { level: "debug", pretty: true } });
  expect(apply(debug)).toMatchObject({ settings: [], needRestart: ["log.pretty", "log.level"] });
  expect(apply(config())).toMatchObject({ needRestart: [] });
});

test("rules of data flow are those of the configuration in place, and told where they are others", () => {
  const { apply, flowRules } = settings({ dataFlow: { deny: [{ from: "crm", to: "mail" }] } });
  const names = () => flowRules.current.map(({ name, from }) => [name, from[0]?.server]);
  expect(names()).toEqual([["dataFlow.deny[0]", "crm"]]);
  expect(apply(config({ dataFlow: { deny: [{ from: "vault", to: "mail" }] } })).settings).toEqual(["dataFlow"]);
  expect(names()).toEqual([["dataFlow.deny[0]", "vault"]]);
  expect(apply(config({ dataFlow: { deny: [{ from: "vault", to: "mail" }] } })).settings).toEqual([]);
  expect(apply(config()).settings).toEqual(["dataFlow"]);
  expect(names()).toEqual([]);
});

test("calls wait by the rules of the configuration in place", () => {
  const { apply, approvalRules } = settings({ approvals: [{ server: "crm" }] });
  const ruleOf = (server: string) =>
    approvalRules.find({ principal: { id: "local" }, server, tool: "send", class: "write" })?.name;
  expect([ruleOf("crm"), ruleOf("mail")]).toEqual(["approvals[0]", undefined]);
  expect(apply(config({ approvals: [{ server: "mail" }] }))).toMatchObject({
    settings: ["approvals"],
    needRestart: [],
  });
  expect([ruleOf("crm"), ruleOf("mail")]).toEqual([undefined, "approvals[0]"]);
  expect(apply(config()).settings).toEqual(["approvals"]);
  expect(ruleOf("mail")).toBeUndefined();
});

test("what processes share, and how long it is kept, need a restart", () => {
  const { apply } = settings({});
  expect(apply(config({ redis: "redis://db", role: "api", retention: { runs: "1d" } })).needRestart).toEqual([
    "redis",
    "role",
    "retention",
  ]);
});
