import { spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/cli.ts";
import { createClientKey } from "../../src/config/clients.ts";
import { newKeyText } from "../../src/config/secrets/master-key.ts";
import { tokensPlaceOf } from "../../src/config/secrets/tokens-place.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createGrantStore } from "../../src/upstream/oauth/grant-store.ts";
import { runlet, runletCommand } from "../support/command.ts";
import { browse } from "../support/login-server.ts";
import { createLoginSetting, type LoginSetting } from "../support/login-setting.ts";
import { cliEnvironment, startService, type RunningService } from "../support/service.ts";
import { captureIo } from "../unit/cli/support.ts";

const NEVER = new AbortController().signal;
const KEY = newKeyText();
let setting: LoginSetting;

beforeEach(async () => {
  setting = await createLoginSetting();
});

afterEach(() => setting.close());

/** Writes the configuration of the folder that commands are given in. */
function configure(servers: Readonly<Record<string, object>>): void {
  writeFileSync(join(setting.bench.folder, "runlet.json"), JSON.stringify({ mcpServers: servers }));
}

/** Runs `runlet auth …`. @param visit What the browser does with the address that it is given. */
async function auth(
  args: readonly string[],
  { env = { RUNLET_SECRETS_KEY: KEY }, visit = browse }: { env?: Record<string, string>; visit?: typeof browse } = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const io = captureIo(setting.bench.folder, env);
  const { stdout, stderr, cwd } = io;
  const openBrowser = (address: string): void => void visit(address);
  const code = await runCli(["auth", ...args], { stdout, stderr, cwd, env, openBrowser }, NEVER);
  return { code, out: io.out, err: io.err };
}

const tokensFile = (): string => join(setting.bench.folder, ".runlet/secrets.tokens.json");

describe("runlet auth", () => {
  test("login opens the browser, says where it logs in, and shows no token", async () => {
    configure({ crm: { url: setting.guard.url } });
    const { code, out, err } = await auth(["login", "crm"]);
    expect([code, out]).toEqual([0, `Logged in to crm at ${setting.authorization.issuer}. It is renewed in time.\n`]);
    expect(err).toContain(`${setting.authorization.issuer} is asked for access to ${setting.guard.url}.`);
    expect(out + err + readFileSync(tokensFile(), "utf8")).not.toMatch(/eyJ/u);
  });

  test("list shows whose tokens are kept, not the tokens; logout forgets them", async () => {
    configure({ crm: { url: setting.guard.url } });
    await auth(["login", "crm"]);
    const listed = await auth(["list"]);
    expect(listed.out).toMatch(/^crm +http:\/\/127\.0\.0\.1:\d+ {2}renewed in time\n$/u);
    const { out } = await auth(["list", "--json"]);
    expect(JSON.parse(out)).toEqual([
      {
        server: "crm",
        issuer: setting.authorization.issuer,
        resource: setting.guard.url,
        scope: expect.any(String) as string,
        expiresAt: expect.any(String) as string,
        isRenewed: true,
      },
    ]);
    expect((await auth(["logout", "crm"])).code).toBe(0);
    expect(await auth(["list"])).toMatchObject({ code: 0, out: "" });
    expect(await auth(["logout", "crm"])).toMatchObject({ code: 1, out: "" });
  });

  test("without a master key says how to make one, before anybody is sent to a browser", async () => {
    configure({ crm: { url: setting.guard.url } });
    const { code, err } = await auth(["login", "crm"], { env: {} });
    expect(code).toBe(1);
    expect(err).toContain("there must be a master key");
    expect(err).toContain("openssl rand -hex 32");
    expect(setting.authorization.asked).toEqual([]);
  });

  test("with another master key than that of the secrets is refused", async () => {
    configure({ crm: { url: setting.guard.url } });
    const io = captureIo(setting.bench.folder, { RUNLET_SECRETS_KEY: newKeyText() });
    await runCli(["secrets", "set", "a", "--value", "the-password"], io, NEVER);
    const { code, err } = await auth(["login", "crm"]);
    expect([code, err.includes("must be the one it was written with")]).toEqual([1, true]);
    expect(setting.authorization.asked).toEqual([]);
  });

  test("keeps its tokens when the master key is rotated", async () => {
    configure({ crm: { url: setting.guard.url } });
    await auth(["login", "crm"]);
    const next = newKeyText();
    const io = captureIo(setting.bench.folder, { RUNLET_SECRETS_KEY: KEY, RUNLET_SECRETS_NEW_KEY: next });
    expect([await runCli(["secrets", "rotate"], io, NEVER), io.err]).toEqual([0, ""]);
    expect((await auth(["list"])).code).toBe(1);
    expect((await auth(["list"], { env: { RUNLET_SECRETS_KEY: next } })).out).toMatch(/^crm /u);
  });

  test.each([
    [["login", "crn"], "Did you mean crm?"],
    [["login", "box"], "it is a process"],
    [["login", "robot"], "it is clientCredentials"],
    [["login", "fixed"], "it has one"],
    [["login", "clear"], "tokens must travel over https"],
  ])("%j says why nobody can log in there", async (args, why) => {
    configure({
      crm: { url: setting.guard.url },
      box: { command: "true" },
      robot: { url: setting.guard.url, oauth: { issuer: "https://a.example", clientId: "b", clientSecret: "cdefgh" } },
      fixed: { url: setting.guard.url, headers: { authorization: "Bearer abcdef" } },
      clear: { url: "http://198.51.100.1/mcp" },
    });
    const { code, err } = await auth(args);
    expect([code, err.includes(why)]).toEqual([1, true]);
    expect(setting.authorization.asked).toEqual([]);
  });

  test.each([
    [[]],
    [["lgin"]],
    [["login"]],
    [["login", "a", "b"]],
    [["login", "a", "--port", "x"]],
    [["list", "a"]],
    [["logout"]],
  ])("auth %j is not understood: exit code 2", async (args) => {
    configure({});
    const { code, err } = await auth(args);
    expect([code, err.includes("Usage: runlet auth login")]).toEqual([2, true]);
  });
});

/** Runs `runlet auth login` in a process of its own, without a browser, and opens the address that it prints. */
async function logInElsewhere(
  folder: string,
  server: string,
): Promise<{ readonly code: number | null; readonly text: string }> {
  const { command, args } = runletCommand(["auth", "login", server, "--no-browser"]);
  const env = { ...cliEnvironment(), RUNLET_SECRETS_KEY: KEY };
  const child = spawn(command, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"], timeout: 30_000 });
  let text = "";
  let visited = false;
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    text += part;
    const address = /^(http:\/\/\S+\/auth\?\S+)\n/mu.exec(text)?.[1];
    if (address === undefined || visited) return;
    visited = true;
    void browse(address);
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, text };
}

describe("the system's opener", () => {
  test.runIf(process.platform === "linux")("gets the address as it is, and no shell reads it", async () => {
    configure({ crm: { url: setting.guard.url } });
    const { folder } = setting.bench;
    const opener = join(folder, "xdg-open");
    writeFileSync(
      opener,
      `#!/bin/sh\nprintf '%s\\n' "$#" "$1" > "${folder}/opened.new"\nmv "${folder}/opened.new" "${folder}/opened"\n`,
    );
    chmodSync(opener, 0o755);
    const { command, args } = runletCommand(["auth", "login", "crm"]);
    const { PATH = "", ...rest } = cliEnvironment();
    const env = { ...rest, PATH: `${folder}:${PATH}`, RUNLET_SECRETS_KEY: KEY };
    const child = spawn(command, args, { cwd: folder, env, stdio: "ignore", timeout: 30_000 });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    await expect.poll(() => existsSync(join(folder, "opened")), { timeout: 20_000 }).toBe(true);
    const [count, address = ""] = readFileSync(join(folder, "opened"), "utf8").split("\n");
    expect([count, new URL(address).origin]).toEqual(["1", setting.authorization.issuer]);
    expect(new URL(address).searchParams.get("code_challenge")).toHaveLength(43);
    await browse(address);
    expect(await ended).toBe(0);
  });
});

describe("a service", () => {
  let service: RunningService | undefined;
  afterEach(() => service?.remove());

  test("tells that a server needs a login, and calls its tools after one from another terminal", async () => {
    const mcpServers = { crm: { url: setting.guard.url } };
    service = await startService({ mcpServers, env: { RUNLET_SECRETS_KEY: KEY } });
    const call = { server: "crm", tool: "look", arguments: {} };
    expect(await service.post("/invoke", call)).toMatchObject({
      status: 502,
      body: {
        code: "UPSTREAM_NEEDS_AUTH",
        retryable: false,
        hint: expect.stringContaining("runlet auth login crm") as string,
      },
    });
    const run = await service.run("return await mcp.crm.look().catch((error) => [error.code, error.message])");
    expect(run.result).toEqual(["UPSTREAM_NEEDS_AUTH", expect.stringContaining("runlet auth login crm")]);
    const needing = { name: "crm", state: "needs_auth", lastFailure: { stage: "auth" } };
    expect((await service.get("/servers")).body).toMatchObject({ servers: [needing] });
    const status = await runlet(["servers", "status", "--url", service.url], { cwd: service.folder });
    expect(status.stdout).toMatch(/^crm +needs_auth +http +auth: .*runlet auth login crm/u);
    expect((await service.get<string>("/metrics")).body).toContain('runlet_upstreams{state="needs_auth"} 1');

    const { code, text } = await logInElsewhere(service.folder, "crm");
    expect(code).toBe(0);
    expect(await service.post("/invoke", call)).toMatchObject({ status: 200 });
    expect((await service.get("/servers")).body).toMatchObject({ servers: [{ name: "crm", state: "ready" }] });
    expect(secretsOfLogin(service.folder).filter((secret) => text.includes(secret))).toEqual([]);
  });

  test("tells nobody of its tokens, whatever becomes of them, and the server nothing of its callers", async () => {
    const { key, hash } = createClientKey();
    service = await startService({
      mcpServers: { crm: { url: setting.guard.url } },
      clients: { agent: { key: hash, admin: true } },
      log: { level: "trace" },
      env: { RUNLET_SECRETS_KEY: KEY },
    });
    const agent = service.as(key);
    const call = async (): Promise<unknown> => {
      const { status, body } = await agent.post("/invoke", { server: "crm", tool: "look", arguments: {} });
      answers.push(body);
      return status;
    };
    const answers: unknown[] = [];
    const secrets: string[] = [];
    await logInElsewhere(service.folder, "crm");
    secrets.push(...secretsOfLogin(service.folder));
    expect(await call()).toBe(200);
    setting.guard.forget();
    expect(await call()).toBe(200);
    secrets.push(...secretsOfLogin(service.folder));
    setting.authorization.forget();
    setting.guard.forget();
    expect([await call(), await call()]).toEqual([502, 502]);
    answers.push((await agent.get("/servers")).body, (await service.get("/metrics")).body);
    expect(setting.guard.shown.filter((token) => token?.includes("rk_"))).toEqual([]);
    expect((await service.stop()).code).toBe(0);
    const audit = readFileSync(join(service.folder, "data/audit.jsonl"), "utf8");
    expect([audit.split("\n").length > 4, service.logs().includes("must log in")]).toEqual([true, true]);
    const told = JSON.stringify(answers) + audit + service.logs();
    expect(new Set(secrets).size).toBe(4);
    expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);
  });
});

/** What the login of a service's folder keeps that nobody is to see. */
function secretsOfLogin(folder: string): readonly string[] {
  const place = { file: join(folder, "data/secrets.json"), keyFile: "/none", keyText: KEY };
  const [grant] = createGrantStore(tokensPlaceOf(place), systemClock).list();
  if (grant?.refreshToken === undefined) throw new Error("nobody has logged in");
  const { accessToken, refreshToken } = grant;
  return [accessToken, refreshToken];
}
