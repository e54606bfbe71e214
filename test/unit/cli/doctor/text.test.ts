import { expect, test } from "vitest";
import { checksOf, checksText } from "../../../../src/cli/doctor/health-check.ts";

test("checks are shown by group, in one order, with each remedy under what it is for", () => {
  const github = checksOf("servers", "github");
  const checks = [
    checksOf("model").ok("endpoint", "answers"),
    github.ok("command", "/usr/bin/node"),
    github.fail("start", "it exited\n| no token", "Set it.\nThen again."),
    checksOf("machine").warn("node", "old", "Install another."),
  ];
  expect(checksText(checks)).toBe(
    [
      "machine",
      "  warn  node  old",
      "              → Install another.",
      "servers",
      "  ok    github: command  /usr/bin/node",
      "  fail  github: start    it exited",
      "                         | no token",
      "                         → Set it.",
      "                         Then again.",
      "model",
      "  ok    endpoint  answers",
      "1 failed, 1 to look at, 2 ok",
      "",
    ].join("\n"),
  );
});

test("a check has the members that its JSON is documented with, in their order, and no empty ones", () => {
  const facts = { protocol: "2026-07-28", tools: 2, dropped: 0, ms: 12 };
  expect(JSON.stringify(checksOf("servers", "a").ok("start", "x", facts))).toBe(
    '{"group":"servers","subject":"a","name":"start","status":"ok","detail":"x","facts":{"protocol":"2026-07-28","tools":2,"dropped":0,"ms":12}}',
  );
  expect(JSON.stringify(checksOf("machine").fail("node", "x", "y"))).toBe(
    '{"group":"machine","name":"node","status":"failed","detail":"x","remedy":"y"}',
  );
});
