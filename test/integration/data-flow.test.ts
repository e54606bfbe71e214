import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Options } from "../../src/config/options.ts";
import type { AuditEntry } from "../../src/observability/audit.ts";
import { startModelServer } from "../support/model-server.ts";
import { fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

const SERVERS = {
  crm: { ...fixtureServer("lab"), cache: true },
  vault: fixtureServer("lab"),
  mail: fixtureServer("lab"),
  files: fixtureServer("lab"),
} as const satisfies Options["mcpServers"];

const DENY = [
  { from: "crm", to: "mail" },
  { from: "vault__e*", to: ["*"] },
];

/** The rest of a script that makes calls one after another and says what became of each. */
const SAY = `
  const said = [];
  const say = async (server, tool, args = {}) => {
    try {
      await mcp[server][tool](args);
      said.push(server);
    } catch (error) {
      said.push(server + " " + error.code);
    }
  };`;

let service: RunningService;
beforeAll(async () => {
  service = await startService({ mcpServers: SERVERS, dataFlow: { deny: DENY } });
});
afterAll(() => service.remove());

const said = async (calls: string): Promise<unknown> =>
  (await service.run(`${SAY} ${calls} return said;`, { check: "none" })).result;

describe("a rule of dataFlow, in a script", () => {
  test("refuses the call that could carry what the run was answered, and no other", async () => {
    expect(
      await said(`
        await say("mail", "write");
        await say("crm", "echo", { contact: "ada" });
        await say("mail", "write");
        await say("files", "write");
        await say("crm", "echo");`),
    ).toEqual(["mail", "crm", "mail FLOW_DENIED", "files", "crm"]);
  });

  test("counts an answer that is kept from an earlier run", async () => {
    for (let time = 0; time < 2; time++) {
      expect(await said(`await say("crm", "echo", { kept: 1 }); await say("mail", "write");`)).toEqual([
        "crm",
        "mail FLOW_DENIED",
      ]);
    }
  });

  test("counts what a tool says that fails", async () => {
    expect(await said(`await say("crm", "fail", { message: "ada@example" }); await say("mail", "write");`)).toEqual([
      "crm TOOL_FAILED",
      "mail FLOW_DENIED",
    ]);
  });

  test("does not count a call that was refused, or a search of tools", async () => {
    expect(
      await said(`
        await say("crm", "sleep", { ms: "long" });
        await say("crm", "nothing");
        await mcp.$search("crm"); await mcp.$servers();
        await say("mail", "write");`),
    ).toEqual(["crm TOOL_ARGUMENTS_INVALID", "crm TOOL_NOT_FOUND", "mail"]);
  });

  test("lets calls go that were made together with the one whose answer is kept from them", async () => {
    const all = (await said(`
      await Promise.all([say("crm", "sleep", { ms: 100 }), say("mail", "write"), say("mail", "sleep", { ms: 300 })]);
      await say("mail", "write");`)) as string[];
    expect([all.slice(0, 3).toSorted(), all.slice(3)]).toEqual([["crm", "mail", "mail"], ["mail FLOW_DENIED"]]);
  });

  test("by a tool and to all servers leaves the server that answered to itself", async () => {
    expect(
      await said(`
        await say("vault", "write");
        await say("files", "write");
        await say("vault", "echo");
        await say("vault", "write");
        await say("files", "write");
        await say("crm", "echo");`),
    ).toEqual(["vault", "files", "vault", "vault", "files FLOW_DENIED", "crm FLOW_DENIED"]);
  });

  test("names the rule, both tools and a way out", async () => {
    const { status, error, calls } = await service.run("await mcp.crm.echo({}); await mcp.mail.write({});", {
      check: "none",
    });
    expect(status).toBe("failed");
    expect(error).toMatchObject({
      code: "FLOW_DENIED",
      message:
        "Cannot call mail.write as dataFlow.deny[0] keeps from it what crm.echo answers: this run has such an answer.",
      hint: "Call mail.write before crm.echo, or in a run that does not call it.",
      retryable: false,
      details: {
        rule: "dataFlow.deny[0]",
        from: { server: "crm", tool: "echo" },
        to: { server: "mail", tool: "write" },
      },
    });
    expect(calls).toMatchObject([{ outcome: expect.any(String) }, { outcome: "denied", error: "FLOW_DENIED" }]);
  });

  test("is the run's: another run may call what this one may not", async () => {
    const both = await Promise.all([
      said(`await say("crm", "echo"); await say("mail", "write");`),
      said(`await say("files", "echo"); await say("mail", "write");`),
    ]);
    expect(both).toEqual([
      ["crm", "mail FLOW_DENIED"],
      ["files", "mail"],
    ]);
  });
});

describe("a rule of dataFlow, without a script", () => {
  test("leaves each call of /invoke to itself: nothing is carried on but by its caller", async () => {
    for (const [server, tool] of [
      ["crm", "echo"],
      ["mail", "write"],
    ]) {
      const { status } = await service.post("/invoke", { server, tool, arguments: {} });
      expect([server, status]).toEqual([server, 200]);
    }
  });

  test("leaves a batch alone: every argument of it is older than its first answer", async () => {
    const pairs = Array.from({ length: 20 }, () => ["crm", "mail"]).flat();
    const calls = pairs.map((server, n) => ({ server, tool: "echo", arguments: { n } }));
    const { body } = await service.post<{ readonly results: readonly { ok: boolean }[] }>("/batch", { calls });
    expect(body.results.map(({ ok }) => ok)).toEqual(pairs.map(() => true));
  });
});

describe("what was refused", () => {
  test("is a line of the audit that names the rule", async () => {
    const { id } = await service.run("await mcp.crm.echo({}); await mcp.mail.write({});", { check: "none" });
    const read = (): AuditEntry[] =>
      readFileSync(join(service.folder, "data", "audit.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as AuditEntry)
        .filter(({ run, tool }) => run === id && tool === "write");
    await expect.poll(read).toMatchObject([
      {
        server: "mail",
        outcome: "refused",
        reason: "flow",
        rule: "dataFlow.deny[0]",
        code: "FLOW_DENIED",
        attempts: 0,
      },
    ]);
  });
});

describe("a task", () => {
  test("is one run: a script that is planned after another failed is held to what that one was answered", async () => {
    const model = await startModelServer(
      { kind: "text", text: "```js\nconst got = await mcp.crm.echo({ a: 1 }); throw new Error(got.a);\n```" },
      { kind: "text", text: "```js\nreturn await mcp.mail.write({ text: 'what the error said' });\n```" },
    );
    const planned = await startService({
      mcpServers: SERVERS,
      dataFlow: { deny: DENY },
      model: { baseURL: model.baseURL, model: "m", attempts: 2 },
    });
    try {
      const { body } = await planned.post<object>("/run", { task: "write what crm says to mail", check: "none" });
      expect(body).toMatchObject({
        status: "failed",
        error: { code: "FLOW_DENIED" },
        attempts: [{ error: { code: "SCRIPT_ERROR" } }, { error: { code: "FLOW_DENIED" } }],
      });
    } finally {
      await planned.remove();
      await model.close();
    }
  });
});

// The last of all: it changes the rules.
test("rules are exchanged while the service runs, for runs that go on too", async () => {
  const id = await service.queue(
    `${SAY}
    await say("files", "echo");
    await say("mail", "write");
    while (!said.includes("mail FLOW_DENIED")) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await say("mail", "echo");
    }
    return said[1];`,
    { check: "none", limits: { toolCalls: 1_000 } },
  );
  for await (const event of service.events(id)) if (event.type === "call.settled" && event.server === "mail") break;
  const file = join(service.folder, "runlet.json");
  const options = JSON.parse(readFileSync(file, "utf8")) as Options;
  writeFileSync(file, JSON.stringify({ ...options, dataFlow: { deny: [{ from: "files", to: "mail" }] } }));
  expect(await service.ended(id)).toMatchObject({ status: "succeeded", result: "mail" });
});
