import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runlet } from "../support/command.ts";
import { startModelServer } from "../support/model-server.ts";
import type { ModelServer } from "../support/model-server.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

const WRONG = "const r = await mcp.answers.declared({ value: { told: 'yes' } });\nreturn r.tol;";
const RIGHT = "const r = await mcp.answers.declared({ value: { told: 'yes' } });\nreturn r.told;";
const FOUND = {
  status: "failed",
  calls: [],
  error: {
    code: "SCRIPT_TYPE_ERROR",
    fault: "script",
    line: 2,
    column: 10,
    snippet: "return r.tol;",
    details: { diagnostics: [{ line: 2, column: 10, tsCode: 2551, stub: expect.stringContaining("declared(") }] },
  },
};

describe("a service that is asked to check types", () => {
  let service: RunningService;
  let model: ModelServer;

  beforeAll(async () => {
    model = await startModelServer();
    service = await startService({
      mcpServers: { answers: { ...fixtureServer("answers"), eager: true } },
      model: { baseURL: model.baseURL, model: "scripted" },
    });
  });
  afterAll(async () => {
    await service.remove();
    await model.close();
  });

  test("calls nothing when the answer's type shows the mistake, which unasked it lets run", async () => {
    expect(await service.run(WRONG, { check: "types" })).toMatchObject(FOUND);
    expect(await service.run(WRONG)).toMatchObject({ status: "succeeded", calls: [{ tool: "declared" }] });
    expect(await service.run(RIGHT, { check: "types" })).toMatchObject({ status: "succeeded", result: "yes" });
  });

  test("checks TypeScript before its types are erased", async () => {
    const script = "const size: number = input;\nreturn await mcp.answers.text({ value: size.toUpperCase() });";
    expect(await service.run(script, { check: "types", input: 1 })).toMatchObject({
      calls: [],
      error: { code: "SCRIPT_TYPE_ERROR", line: 2, column: 45 },
    });
  });

  test("gives a model its mistake before anything is called, and runs what it makes of it", async () => {
    model.enqueue(
      { kind: "text", text: `\`\`\`js\n${WRONG}\n\`\`\`` },
      { kind: "text", text: `\`\`\`js\n${RIGHT}\n\`\`\`` },
    );
    const { body } = await service.post<Record<string, unknown>>("/run", { task: "Tell what is told" });
    expect(body).toMatchObject({
      status: "succeeded",
      result: "yes",
      calls: [{ seq: 1, tool: "declared" }],
      attempts: [{ attempt: 1, error: { code: "SCRIPT_TYPE_ERROR", line: 2 } }, { attempt: 2 }],
    });
    expect(JSON.stringify(model.requests.at(-1)?.body.messages)).toContain("Did you mean 'told'?");
  });

  test("runs scripts of many callers at once through the same check", async () => {
    const runs = await Promise.all([1, 2, 3, 4, 5, 6].map(() => service.run(WRONG, { check: "types" })));
    expect(runs).toMatchObject(runs.map(() => FOUND));
  });

  test("has the check on the command line too", async () => {
    writeFileSync(join(service.folder, "wrong.js"), WRONG);
    const args = (check: string): string[] => ["run", "wrong.js", "--check", check];
    writeFileSync(
      join(service.folder, "runlet.json"),
      JSON.stringify({ mcpServers: { answers: fixtureServer("answers") }, log: { level: "warn" } }),
    );
    const wrong = await runlet(args("types"), { cwd: service.folder });
    expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
    expect(wrong.stderr).toContain("SCRIPT_TYPE_ERROR");
    expect((await runlet(args("names"), { cwd: service.folder })).code).toBe(0);
    const unknown = await runlet(args("all"), { cwd: service.folder });
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringContaining("--check must be none, names or types."),
    ]);
  });
});
