import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientKey } from "../../src/config/clients.ts";
import { runlet } from "../support/command.ts";
import { createFolder, fixtureServer, startService } from "../support/service.ts";
import type { RunningService } from "../support/service.ts";

describe("runlet tools, with servers of its own", () => {
  const folder = createFolder();
  const command = (...args: string[]) => runlet(["tools", ...args], { cwd: folder });

  beforeAll(() => {
    // A configured client must not be needed, and the configured port not taken.
    const clients = { agent: { key: createClientKey().hash, servers: [] } };
    const mcpServers = { tiny: fixtureServer("tiny"), desk: fixtureServer("desk") };
    writeFileSync(join(folder, "runlet.json"), JSON.stringify({ port: 1, mcpServers, clients }));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("list names every tool with its class", async () => {
    const { code, stdout } = await command("list");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tiny__echo +read/mu);
    expect(stdout).toMatch(/^desk__meet +write/mu);
    const { stdout: json } = await command("list", "tiny", "--json");
    const listed = JSON.parse(json) as { server: string }[];
    expect(new Set(listed.map(({ server }) => server))).toEqual(new Set(["tiny"]));
  });

  test("search and show give declarations", async () => {
    const found = await command("search", "echo", "--limit", "1");
    expect([found.code, found.stdout.includes("echo")]).toEqual([0, true]);
    const shown = await command("show", "tiny__echo");
    expect([shown.code, shown.stdout.split("\n")[0]]).toEqual([0, "tiny__echo  read"]);
  });

  test("call answers with the result; a failure is exit code 1 and its reason", async () => {
    const { code, stdout } = await command("call", "tiny", "echo", '{"a": [1]}');
    expect([code, JSON.parse(stdout)]).toEqual([0, { a: [1] }]);
    const failed = await command("call", "tiny__fail");
    expect([failed.code, failed.stdout]).toEqual([1, ""]);
    expect(failed.stderr).toMatch(/^TOOL_\w+: .*it did not work/mu);
    const unknown = await command("call", "tiny", "ecko");
    expect([unknown.code, unknown.stderr.includes("hint: ")]).toEqual([1, true]);
  });

  test.each([
    [[]],
    [["lst"]],
    [["show", "a"]],
    [["call", "a", "b", "[]"]],
    [["search"]],
    [["search", "a", "--limit", "x"]],
  ])("tools %j is not understood: exit code 2", async (args) => {
    const { code, stderr } = await command(...args);
    expect([code, stderr.includes("Usage: runlet tools list")]).toEqual([2, true]);
  });
});

describe("runlet servers and tools, with a running service", () => {
  const boss = createClientKey();
  const guest = createClientKey();
  let service: RunningService;
  const ask = (key: string, ...args: string[]) =>
    runlet([...args, "--url", service.url, "--key", key], { cwd: service.folder });

  beforeAll(async () => {
    service = await startService({
      mcpServers: { tiny: fixtureServer("tiny"), noisy: fixtureServer("noisy") },
      clients: { boss: { key: boss.hash, admin: true }, guest: { key: guest.hash, servers: ["tiny"] } },
    });
  });
  afterAll(() => service.remove());

  test("status, restart and logs", async () => {
    await ask(boss.key, "tools", "list");
    const status = await ask(boss.key, "servers", "status");
    expect(status.stdout).toMatch(/^tiny +ready +stdio +10 tools$/mu);
    const logs = await ask(boss.key, "servers", "logs", "noisy");
    expect([logs.code, logs.stdout.length > 0]).toEqual([0, true]);
    const restarted = await ask(boss.key, "servers", "restart", "tiny");
    expect(restarted).toMatchObject({ code: 0, stdout: "tiny is stopped; it starts again on its next use.\n" });
  });

  test("a client sees its own servers, and may not restart or read logs", async () => {
    const { stdout } = await ask(guest.key, "servers", "status", "--json");
    expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)).toEqual(["tiny"]);
    const restart = await ask(guest.key, "servers", "restart", "tiny");
    expect([restart.code, restart.stderr.startsWith("FORBIDDEN: ")]).toEqual([1, true]);
    expect((await ask(guest.key, "servers", "logs", "tiny")).stderr).toContain("only administrators");
    expect((await ask(guest.key, "servers", "logs", "noisy")).stderr).toContain("no such server");
  });

  test("tools are called with the client's rights", async () => {
    const { code, stdout } = await ask(guest.key, "tools", "call", "tiny", "echo", '{"b": 2}');
    expect([code, JSON.parse(stdout)]).toEqual([0, { b: 2 }]);
    expect((await ask(guest.key, "tools", "show", "noisy", "x")).code).toBe(1);
    expect((await ask("rk_wrong", "tools", "list")).stderr).toContain("UNAUTHENTICATED: ");
  });

  test("where nothing listens is told with what to do", async () => {
    const listener = createServer();
    await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
    const { port } = listener.address() as AddressInfo;
    await new Promise((done) => listener.close(done));
    const url = `http://127.0.0.1:${port}`;
    const { code, stderr } = await runlet(["servers", "status", "--url", url], { cwd: service.folder });
    const hint = "Start it with `runlet serve`, or name another with --url.";
    expect([code, stderr]).toEqual([1, `Cannot reach ${url}: ECONNREFUSED\nhint: ${hint}\n`]);
    const wrong = await runlet(["servers", "status", "--url", "ftp://x"], { cwd: service.folder });
    expect([wrong.code, wrong.stderr.includes("must be an http or https address")]).toEqual([1, true]);
  });
});
