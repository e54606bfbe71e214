import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { newKeyText } from "../../../../src/config/secrets/master-key.ts";
import { openSecrets, setSecret } from "../../../../src/config/secrets/secret-store.ts";
import { checkMasterKey, tokensPlaceOf } from "../../../../src/config/secrets/tokens-place.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { createGrantStore, type Grant } from "../../../../src/upstream/oauth/grant-store.ts";
import { folderWith } from "../../config/support.ts";

const GRANT: Grant = {
  server: "crm",
  url: "https://crm.example/mcp",
  issuer: "https://login.example",
  resource: "https://crm.example/mcp",
  clientId: "us",
  clientSecret: "the-client-secret",
  accessToken: "the-access-token",
  refreshToken: "the-refresh-token",
  scope: "crm.read",
  obtainedAtMs: 1_000,
  expiresAtMs: 2_000,
};

function setup() {
  const folder = folderWith({});
  const secrets = { file: join(folder, "secrets.json"), keyFile: join(folder, "secrets.key"), keyText: newKeyText() };
  const place = tokensPlaceOf(secrets);
  return { folder, secrets, place, grants: createGrantStore(place, systemClock) };
}

describe("grants", () => {
  test("are what was kept, in a file beside the secrets that its owner alone reads", async () => {
    const { folder, grants, place } = setup();
    expect([grants.list(), grants.stamp()]).toEqual([[], ""]);
    await grants.save(GRANT);
    expect(grants.list()).toEqual([GRANT]);
    expect(readdirSync(folder)).toEqual(["secrets.tokens.json"]);
    expect(statSync(place.file).mode & 0o777).toBe(0o600);
    expect(readFileSync(place.file, "utf8")).not.toMatch(/the-\w+-(?:token|secret)|crm\.read/u);
  });

  test("of other servers, issuers and resources are kept apart, the newest last", async () => {
    const { grants } = setup();
    const others = [
      { ...GRANT, server: "desk", obtainedAtMs: 5_000 },
      { ...GRANT, issuer: "https://other.example", obtainedAtMs: 4_000 },
      { ...GRANT, resource: "https://crm.example", obtainedAtMs: 3_000 },
    ];
    await grants.save({ ...GRANT, accessToken: "an-older-one" });
    for (const grant of [GRANT, ...others]) await grants.save(grant);
    expect(grants.list()).toEqual([GRANT, ...others.toReversed()]);
    expect([await grants.remove("crm"), grants.list()]).toEqual([3, [others[0]]]);
    expect(await grants.remove("crm")).toBe(0);
  });

  test("have another stamp after each change, whoever made it", async () => {
    const { grants, place } = setup();
    const other = createGrantStore(place, systemClock);
    const stamps = [grants.stamp()];
    await other.save(GRANT);
    stamps.push(grants.stamp());
    await other.save({ ...GRANT, accessToken: "the-other-token-" });
    stamps.push(grants.stamp());
    await grants.remove("crm");
    stamps.push(other.stamp());
    expect(new Set(stamps).size).toBe(4);
    expect(grants.stamp()).toBe(other.stamp());
  });

  test("that are put under another name, or are none, are not given", async () => {
    const { grants, place } = setup();
    await grants.save(GRANT);
    setSecret(place, { name: "desk https://a.example https://b.example", value: JSON.stringify(GRANT) }, 0);
    setSecret(place, { name: "no grant", value: "{}" }, 0);
    expect(grants.list()).toEqual([GRANT]);
  });

  test.each([
    ["another key", newKeyText()],
    ["no key", undefined],
  ])("do not open with %s", async (_what, keyText) => {
    const { grants, place } = setup();
    await grants.save(GRANT);
    const other = createGrantStore({ ...place, keyText }, systemClock);
    expect(() => other.list()).toThrow(/Cannot open .* as the master key/u);
  });

  test("are not kept where there is no master key, and none is made", async () => {
    const { folder, secrets } = setup();
    const keyless = { ...secrets, keyText: undefined };
    const grants = createGrantStore(tokensPlaceOf(keyless), systemClock);
    await expect(grants.save(GRANT)).rejects.toThrow(/there must be a master key/u);
    expect(() => checkMasterKey(keyless)).toThrow(/openssl rand -hex 32/u);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("are kept with the key of the secrets only", () => {
    const { secrets } = setup();
    setSecret(secrets, { name: "a", value: "the-password" }, 0);
    expect(() => checkMasterKey(secrets)).not.toThrow();
    expect(() => checkMasterKey({ ...secrets, keyText: newKeyText() })).toThrow(/must be the one it was written with/u);
    expect(openSecrets(secrets)?.read("a")).toBe("the-password");
  });

  test("wait for another process that changes the file", async () => {
    const { grants, place } = setup();
    await grants.save(GRANT);
    writeFileSync(`${place.file}.lock`, "");
    const saving = grants.save({ ...GRANT, accessToken: "the-next-token" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(grants.list()).toEqual([GRANT]);
    rmSync(`${place.file}.lock`);
    await saving;
    expect(grants.list()).toMatchObject([{ accessToken: "the-next-token" }]);
  });
});

describe("work on one grant", () => {
  test("is done by one at a time, that on others at the same time", async () => {
    const { grants, place } = setup();
    await grants.save(GRANT);
    const other = createGrantStore(place, systemClock);
    const order: string[] = [];
    const { promise: free, resolve: release } = Promise.withResolvers<void>();
    const first = grants.exclusively(GRANT, async () => {
      order.push("first begins");
      await free;
      order.push("first ends");
    });
    const second = other.exclusively(GRANT, async () => void order.push("second"));
    await other.exclusively({ ...GRANT, server: "desk" }, async () => void order.push("of another"));
    await new Promise((resolve) => setTimeout(resolve, 120));
    release();
    await Promise.all([first, second]);
    expect(order).toEqual(["first begins", "of another", "first ends", "second"]);
  });

  test("that fails lets the next one begin", async () => {
    const { grants } = setup();
    await grants.save(GRANT);
    await expect(grants.exclusively(GRANT, () => Promise.reject(new Error("it failed")))).rejects.toThrow("it failed");
    expect(await grants.exclusively(GRANT, async () => "done")).toBe("done");
  });

  test("of a process that died is waited for no longer than half a minute", async () => {
    const { folder, grants, place } = setup();
    await grants.save(GRANT);
    const module = pathToFileURL("src/upstream/oauth/grant-store.ts").href;
    const clock = pathToFileURL("src/lib/clock.ts").href;
    const program = `
      const { createGrantStore } = await import(${JSON.stringify(module)});
      const { systemClock } = await import(${JSON.stringify(clock)});
      const grants = createGrantStore(${JSON.stringify(place)}, systemClock);
      await grants.exclusively(${JSON.stringify(GRANT)}, async () => process.kill(process.pid, "SIGKILL"));
    `;
    const dead = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
    await new Promise((resolve) => dead.once("exit", resolve));
    const lock = readdirSync(folder).find((name) => /\.[0-9a-f]{16}\.lock$/u.test(name)) ?? "";
    expect(lock).not.toBe("");
    let begun = false;
    const work = grants.exclusively(GRANT, async () => {
      begun = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(begun).toBe(false);
    const longAgo = (Date.now() - 31_000) / 1_000;
    utimesSync(join(folder, lock), longAgo, longAgo);
    await work;
    expect(readdirSync(folder)).toEqual(["secrets.tokens.json"]);
  });
});
