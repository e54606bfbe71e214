import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import type { Options } from "../../src/config/options.ts";
import { fixtureServer, startService } from "../support/service.ts";
import { startModelServer } from "../support/model-server.ts";
import type { ModelServer } from "../support/model-server.ts";
import type { RunningService } from "../support/service.ts";

let service: RunningService | undefined;

afterEach(() => service?.remove());

const [ANN, BOB] = [createClientKey(), createClientKey()];
const TINY = fixtureServer("tiny");

async function start(options: Options): Promise<RunningService> {
  service = await startService(options);
  return service;
}

/** What the file holds, as the service was started with it. */
function text(running: RunningService, options: Options): string {
  return JSON.stringify({ dataDir: join(running.folder, "data"), log: { level: "info" }, ...options });
}

function write(running: RunningService, options: Options): void {
  writeFileSync(join(running.folder, "runlet.json"), text(running, options));
}

/** Waits until the service has said something so often. */
async function said(running: RunningService, what: string, times = 1): Promise<void> {
  await expect.poll(() => running.logs().split(what).length - 1, { timeout: 15_000 }).toBeGreaterThanOrEqual(times);
}

const RELOADED = "configuration is reloaded";
const REFUSED = "configuration cannot be used";

async function pidOf(client: Pick<RunningService, "post">, server: string): Promise<string> {
  const { body } = await client.post("/invoke", { server, tool: "pid", arguments: {} });
  // A refusal as a whole: it holds its code.
  return JSON.stringify((body as { result?: unknown }).result ?? body);
}

/** A script that ends after so long. */
const sleeping = (ms: number): string => `await mcp.tiny.sleep({ms: ${ms}}); return "slept"`;

describe("settings that change while the service runs", () => {
  test("limits count for runs that begin then, and not for one that has begun", async () => {
    const running = await start({ mcpServers: { tiny: TINY } });
    const begun = running.run(sleeping(4_000));
    await expect.poll(() => running.logs()).toContain("MCP server is ready");
    write(running, { mcpServers: { tiny: TINY }, limits: { wallMs: 1_000 } });
    await said(running, RELOADED);
    expect(running.logs()).toContain('"settings":["limits"]');
    expect(running.logs()).not.toContain("need a restart");
    expect(await running.run(sleeping(4_000))).toMatchObject({ status: "failed", error: { code: "SCRIPT_TIMEOUT" } });
    expect(await begun).toMatchObject({ status: "succeeded", result: "slept" });
    const { body } = await running.get("/openapi.json");
    expect(JSON.stringify(body)).toMatch(/"wallMs":\{"type":"integer","minimum":0,"default":1000,/u);
  });

  test("quotas count what was used before", async () => {
    const config = { mcpServers: { tiny: TINY } };
    const running = await start({ ...config, quotas: { runs: "2/day" } });
    const codes = async (times: number): Promise<unknown[]> => {
      const all: unknown[] = [];
      for (let time = 0; time < times; time++) {
        const { body } = await running.post("/run", { script: "return 1" });
        all.push((body as { code?: unknown; status?: unknown }).code ?? (body as { status?: unknown }).status);
      }
      return all;
    };
    expect(await codes(3)).toEqual(["succeeded", "succeeded", "QUOTA_EXCEEDED"]);
    write(running, { ...config, quotas: { runs: "4/day" } });
    await said(running, RELOADED);
    // The try that was refused counts too.
    expect(await codes(2)).toEqual(["succeeded", "QUOTA_EXCEEDED"]);
    write(running, config);
    await said(running, RELOADED, 2);
    expect(await codes(1)).toEqual(["succeeded"]);
  });

  test("a model that comes writes scripts from then on, and one that goes ends what it began", async () => {
    const script = (text: string) => `\`\`\`js\nreturn ${JSON.stringify(text)}\n\`\`\``;
    const first = await startModelServer({ kind: "text", text: script("first"), delayMs: 2_500 });
    const second = await startModelServer({ kind: "text", text: script("second") });
    try {
      const config = { mcpServers: { tiny: TINY } };
      const modelOf = ({ baseURL }: ModelServer, model: string) => ({ ...config, model: { baseURL, model } });
      const running = await start(config);
      const task = async (): Promise<unknown> => (await running.post("/run", { task: "Say who you are" })).body;
      expect(await task()).toMatchObject({ code: "MODEL_NOT_CONFIGURED" });
      write(running, modelOf(first, "one"));
      await said(running, RELOADED);
      const begun = task();
      await expect.poll(() => first.requests.length, { timeout: 10_000 }).toBe(1);
      write(running, modelOf(second, "two"));
      await said(running, RELOADED, 2);
      expect(await task()).toMatchObject({ status: "succeeded", result: "second" });
      expect(await begun).toMatchObject({ status: "succeeded", result: "first" });
      expect([first.requests, second.requests].map((all) => all.map(({ body }) => body.model))).toEqual([
        ["one"],
        ["two"],
      ]);
      write(running, config);
      await said(running, RELOADED, 3);
      expect(await task()).toMatchObject({ code: "MODEL_NOT_CONFIGURED" });
    } finally {
      await Promise.all([first.close(), second.close()]);
    }
  });

  test("the level of the log is another one for every part", async () => {
    const running = await start({ mcpServers: { tiny: TINY } });
    await running.run("return 1");
    expect(running.logs()).not.toContain('"level":"debug"');
    write(running, { mcpServers: { tiny: TINY }, log: { level: "debug" } });
    await said(running, RELOADED);
    expect(running.logs()).toContain('"settings":["log.level"]');
    await running.get("/healthz");
    await said(running, '"level":"debug"');
  });
});

describe("a configuration file that changes while the service runs", () => {
  test("restarts the server that is changed, brings the one that is new, and leaves the others' processes alone", async () => {
    const running = await start({ mcpServers: { same: TINY, other: TINY, leaving: TINY } });
    const before = await Promise.all(["same", "other", "leaving"].map((name) => pidOf(running, name)));
    write(running, { mcpServers: { same: TINY, other: { ...TINY, env: { A: "1" } }, fresh: TINY } });
    await said(running, RELOADED);
    expect(await pidOf(running, "same")).toBe(before[0]);
    expect(await pidOf(running, "other")).not.toBe(before[1]);
    expect(await pidOf(running, "fresh")).toMatch(/\d/u);
    expect(await pidOf(running, "leaving")).toMatch(/SERVER_NOT_FOUND|TOOL_NOT_FOUND/u);
    expect(running.logs()).toMatch(/"added":\["fresh"\],"changed":\["other"\],"removed":\["leaving"\]/u);
  });

  test("lets a call that is under way come to its end on the server that is taken away", async () => {
    const running = await start({ mcpServers: { slow: TINY, other: TINY } });
    await pidOf(running, "slow");
    const call = running.post("/invoke", { server: "slow", tool: "sleep", arguments: { ms: 2_500 } });
    write(running, { mcpServers: { other: TINY } });
    await said(running, RELOADED);
    expect(JSON.stringify((await call).body)).toContain("slept");
  });

  test("that cannot be used leaves all as it is, and the next one that can is taken", async () => {
    const running = await start({ mcpServers: { tiny: TINY } });
    const before = await pidOf(running, "tiny");
    const file = join(running.folder, "runlet.json");
    writeFileSync(file, '{"mcpServers": {');
    await said(running, REFUSED);
    writeFileSync(file, text(running, { mcpServers: { tiny: { ...TINY, timeout: "soon" } } }));
    await said(running, REFUSED, 2);
    rmSync(file);
    await said(running, REFUSED, 3);
    expect(await pidOf(running, "tiny")).toBe(before);
    write(running, { mcpServers: { tiny: TINY, more: TINY } });
    await said(running, RELOADED);
    expect(await pidOf(running, "tiny")).toBe(before);
    expect(await pidOf(running, "more")).toMatch(/\d/u);
  });

  test("is seen when it is renamed into its place", async () => {
    const running = await start({ mcpServers: { tiny: TINY } });
    for (const name of ["one", "two"]) {
      const draft = join(running.folder, `.${name}.swp`);
      writeFileSync(draft, text(running, { mcpServers: { tiny: TINY, [name]: TINY } }));
      renameSync(draft, join(running.folder, "runlet.json"));
      await said(running, RELOADED, name === "one" ? 1 : 2);
      expect(await pidOf(running, name)).toMatch(/\d/u);
    }
  });

  test("is seen when it is a link into a folder that is exchanged, as mounted configurations are", async () => {
    const running = await start({ mcpServers: { tiny: TINY } });
    const at = (...names: readonly string[]): string => join(running.folder, ...names);
    const turn = (version: string, options: Options): void => {
      mkdirSync(at(version));
      writeFileSync(at(version, "runlet.json"), text(running, options));
      symlinkSync(version, at("..next"));
      renameSync(at("..next"), at("..data"));
    };
    turn("..v1", { mcpServers: { tiny: TINY, one: TINY } });
    symlinkSync(join("..data", "runlet.json"), at("link"));
    renameSync(at("link"), at("runlet.json"));
    await said(running, RELOADED);
    turn("..v2", { mcpServers: { tiny: TINY, two: TINY } });
    await said(running, RELOADED, 2);
    expect(await pidOf(running, "two")).toMatch(/\d/u);
  });

  test("takes a client's right away in the middle of its run", async () => {
    const servers = { mcpServers: { tiny: TINY } };
    const running = await start({ ...servers, clients: { ann: { key: ANN.hash }, bob: { key: BOB.hash } } });
    const script = "await mcp.tiny.pid(); await mcp.tiny.sleep({ms: 4000}); return await mcp.tiny.pid();";
    const run = running.as(ANN.key).run(script, { check: "none" });
    await expect.poll(() => running.logs()).toContain("tiny");
    write(running, { ...servers, clients: { bob: { key: BOB.hash } } });
    await said(running, RELOADED);
    expect(await run).toMatchObject({ status: "failed", error: { code: "PRINCIPAL_REVOKED" } });
    expect((await running.as(ANN.key).get("/tools")).status).toBe(401);
    expect((await running.as(BOB.key).get("/tools")).status).toBe(200);
  });

  test("hides the secrets that it brings", async () => {
    const running = await start({ mcpServers: { tiny: TINY } });
    const secret = "ghx-a-new-secret-value";
    const teller = { command: "sh", args: ["-c", `echo ${secret} >&2; exit 3`], env: { TOKEN: secret } };
    write(running, { mcpServers: { tiny: TINY, teller } });
    await said(running, RELOADED);
    await pidOf(running, "teller");
    expect(JSON.stringify((await running.get("/servers")).body)).not.toContain(secret);
    expect(running.logs()).not.toContain(secret);
  });

  test("names what needs a restart, and takes the rest", async () => {
    const running = await start({ mcpServers: { tiny: TINY } });
    write(running, {
      mcpServers: { tiny: TINY, more: TINY },
      queue: { depth: 5 },
      log: { level: "info", pretty: true },
    });
    await said(running, RELOADED);
    expect(running.logs()).toContain('"keys":["queue","log.pretty"]');
    expect(await pidOf(running, "more")).toMatch(/\d/u);
  });

  test("is let be with hotReload false, and read on SIGHUP all the same", async () => {
    const running = await start({ hotReload: false, mcpServers: { tiny: TINY } });
    write(running, { hotReload: false, mcpServers: { tiny: TINY, more: TINY } });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(running.logs()).not.toContain(RELOADED);
    process.kill(running.pid, "SIGHUP");
    await said(running, RELOADED);
    expect(await pidOf(running, "more")).toMatch(/\d/u);
    expect(readFileSync(join(running.folder, "runlet.json"), "utf8")).toContain("more");
  });
});
