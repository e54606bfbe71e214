import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { AuditEntry } from "../../src/observability/audit.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

const SECRET = "correct horse battery staple";
const narrow = createClientKey();
const folder = createFolder();
let service: RunningService;
let entries: AuditEntry[] = [];
let run = "";

beforeAll(async () => {
  service = await startService({
    folder,
    mcpServers: { tiny: fixtureServer("tiny", {}) },
    clients: { narrow: { key: narrow.hash, tools: { tiny: ["echo"] } } },
    executors: { processes: 1 },
  });
  const caller = service.as(narrow.key);
  run = (await caller.run("return await mcp.tiny.echo({ a: 1 })")).id;
  await caller.post("/invoke", { server: "tiny", tool: "crash", arguments: { b: SECRET } });
  await service.stop();
  const file = join(folder, "data", "audit.jsonl");
  expect(statSync(file).mode & 0o077).toBe(0);
  const text = readFileSync(file, "utf8");
  expect(text).not.toContain(SECRET);
  entries = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as AuditEntry);
});

afterAll(() => service.remove());

describe("the audit of a service", () => {
  test("has a line for a run's call", () => {
    expect(entries.find((entry) => entry.run === run)).toMatchObject({
      principal: "narrow",
      server: "tiny",
      tool: "echo",
      outcome: "ok",
      attempts: 1,
    });
  });

  test("has a line for a call that was denied, with the rule, by the id of its request", () => {
    const direct = entries.filter((entry) => entry.run === undefined);
    expect(direct).toMatchObject([
      {
        request: expect.stringMatching(/^req_/u),
        tool: "crash",
        outcome: "denied",
        reason: "access",
        rule: "principal.tools.tiny",
        attempts: 0,
      },
    ]);
  });
});
