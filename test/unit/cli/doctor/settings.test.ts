import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { HealthCheck } from "../../../../src/cli/doctor/health-check.ts";
import { readConfiguration } from "../../../../src/cli/doctor/read-configuration.ts";
import { settingsChecks } from "../../../../src/cli/doctor/settings-checks.ts";
import { setSecret } from "../../../../src/config/secrets/secret-store.ts";
import { tokensPlaceOf } from "../../../../src/config/secrets/tokens-place.ts";
import { folderWith, HASH } from "../../config/support.ts";
import { captureIo } from "../support.ts";

/** What is found of a `runlet.yaml` of this text, readable by its owner only. */
function find(text: string, { env = {}, files = {} }: { env?: Record<string, string>; files?: object } = {}) {
  const folder = folderWith({ "runlet.yaml": text, ...files });
  chmodSync(join(folder, "runlet.yaml"), 0o600);
  const examine = () => {
    const found = readConfiguration(new Map(), captureIo(folder, env));
    return { ...found, checks: settingsChecks(found) };
  };
  return { folder, examine, ...examine() };
}

function named(checks: readonly HealthCheck[], name: string): readonly HealthCheck[] {
  return checks.filter((check) => check.name === name);
}

describe("a configuration without faults", () => {
  test("is told of by its file, its references and who may call", () => {
    const text = `mcpServers: {a: {command: "\${PROGRAM}"}}\nclients: {agent: {key: ${HASH}}}\nhost: 0.0.0.0\n`;
    const { checks, folder } = find(text, { env: { PROGRAM: "node" } });
    expect(checks).toEqual([
      { group: "configuration", name: "file", status: "ok", detail: join(folder, "runlet.yaml") },
      { group: "configuration", name: "references", status: "ok", detail: "1 in all; each stands for something" },
      { group: "configuration", name: "callers", status: "ok", detail: "the network; 1 client" },
    ]);
  });

  test("that nobody wrote is the one of the sample servers", () => {
    const folder = folderWith({});
    const found = readConfiguration(new Map(), captureIo(folder));
    expect(found.config.upstreams.length).toBeGreaterThan(0);
    expect(settingsChecks(found)[0]).toMatchObject({ name: "file", detail: `none in ${folder}: the sample servers` });
  });

  test("that asks no key says that every program of the machine may call", () => {
    expect(named(find("mcpServers: {}\n").checks, "callers")).toEqual([
      { group: "configuration", name: "callers", status: "ok", detail: "this machine only; no key is asked for" },
    ]);
  });
});

describe("a configuration with faults", () => {
  const FAULTY = [
    "host: 0.0.0.0",
    "rateLimit: 100/minute",
    "tiemout: 3",
    "mcpServers:",
    "  good: {command: node}",
    "  late: {command: node, timeout: soon}",
    '  lost: {command: node, env: {TOKEN: "${NOWHERE}"}}',
    "model: {baseURL: 'ftp://x', model: m}",
  ].join("\n");

  test("tells each with its place and its remedy, those of references by themselves", () => {
    const { checks } = find(FAULTY);
    const failed = checks.filter(({ status }) => status === "failed");
    expect(failed.map(({ name, place, remedy }) => ({ name, place, remedy }))).toEqual([
      {
        name: "reference",
        place: { key: "mcpServers.lost.env.TOKEN", file: "runlet.yaml", line: 7 },
        remedy: "Set NOWHERE, or write ${NOWHERE:-default}.",
      },
      { name: "setting", place: { key: "rateLimit", file: "runlet.yaml", line: 2 }, remedy: "Remove it." },
      {
        name: "setting",
        place: { key: "mcpServers.late.timeout", file: "runlet.yaml", line: 6 },
        remedy: expect.stringContaining("Longest one call may take"),
      },
    ]);
    for (const { detail, remedy = "" } of failed) expect(detail).not.toContain(remedy);
    expect(named(checks, "setting").filter(({ status }) => status === "warning")).toEqual([
      {
        group: "configuration",
        name: "setting",
        status: "warning",
        detail: "tiemout (runlet.yaml:3) is ignored as it is not a known key.",
        remedy: "Did you mean timeout?",
      },
    ]);
    expect(named(checks, "references")).toEqual([]);
    expect(named(checks, "callers")).toEqual([]);
  });

  test("is taken without the servers and sections that have them, whatever comes to light on the way", () => {
    const { config, leftOut } = find(FAULTY);
    expect(config.upstreams.map(({ name }) => name)).toEqual(["good"]);
    expect(leftOut.toSorted()).toEqual(["late", "lost"]);
    expect([config.http.host, config.model]).toEqual(["127.0.0.1", undefined]);
  });

  test("keeps the clients that are as they should be", () => {
    const { config } = find(`mcpServers: {}\nclients: {bad: {key: x}, good: {key: ${HASH}}}\n`);
    expect(config.clients.map(({ principal }) => principal.id)).toEqual(["good"]);
  });

  test("that is no YAML is one fault, and the defaults are looked at instead", () => {
    const { checks, config, loaded } = find("mcpServers: [\n");
    expect(loaded).toBeUndefined();
    expect(config.upstreams).toEqual([]);
    expect(checks.map(({ name, status }) => [name, status])).toEqual([["setting", "failed"]]);
    expect(checks[0]?.place?.file).toBe("runlet.yaml");
  });

  test("that is not there is one fault with what to do", () => {
    const io = captureIo(folderWith({}));
    const checks = settingsChecks(readConfiguration(new Map([["config", "gone.yaml"]]), io));
    expect(checks.map(({ status }) => status)).toEqual(["failed"]);
    expect(checks[0]?.detail).toContain("gone.yaml");
  });
});

describe("secrets", () => {
  test("in files that others can read are warned of, with the mode and the order that mends it", () => {
    const text = 'mcpServers: {a: {command: node, env: {A: "${file:token}", B: "${OTHER}"}}}\n';
    const { folder, examine } = find(text, {
      files: { token: "the-first-secret", other: "the-second-one" },
      env: { OTHER_FILE: "other" },
    });
    for (const name of ["token", "other"]) chmodSync(join(folder, name), 0o600);
    expect(named(examine().checks, "secret-files")[0]?.detail).toBe("2, each open to its owner only");
    chmodSync(join(folder, "token"), 0o644);
    const [check, ...others] = named(examine().checks, "secret-file");
    expect(others).toEqual([]);
    expect(check).toMatchObject({
      status: "warning",
      detail: `${join(folder, "token")} is open to others than its owner (mode 644)`,
      remedy: `chmod 600 ${join(folder, "token")}`,
    });
  });

  test("that are written out are warned of where others can read the file; hashes of keys are none", () => {
    const text = [
      "mcpServers:",
      "  a: {url: 'http://localhost/mcp', headers: {Authorization: Bearer written-out-token}}",
      '  b: {command: node, env: {API_TOKEN: "${GIVEN}"}}',
      "model: {baseURL: 'http://localhost/v1', model: m, apiKey: none}",
      `clients: {agent: {key: ${HASH}}}`,
    ].join("\n");
    const { folder, examine, checks } = find(text, { env: { GIVEN: "from-the-environment" } });
    expect(named(checks, "plain-secret")).toEqual([]);
    chmodSync(join(folder, "runlet.yaml"), 0o644);
    expect(named(examine().checks, "plain-secret")).toEqual([
      {
        group: "configuration",
        name: "plain-secret",
        status: "warning",
        detail:
          "runlet.yaml is open to others than its owner (mode 644) and has mcpServers.a.headers.Authorization written out",
        remedy: "runlet secrets set NAME, and write ${secret:NAME}; or chmod 600 runlet.yaml",
      },
    ]);
  });

  describe("of the store", () => {
    const USING = 'mcpServers: {a: {command: node, env: {A: "${secret:github}"}}}\n';

    test("are told of where it opens, with the key that does", () => {
      const { folder, examine, loaded } = find(USING);
      if (loaded === undefined) throw new Error("the file can be read");
      setSecret(loaded.secretsPlace, { name: "github", value: "stored-secret-value" }, 0);
      const { checks, problems } = examine();
      const { file, keyFile } = loaded.secretsPlace;
      expect(problems).toEqual([]);
      expect(named(checks, "secrets")[0]?.detail).toBe(`${file} opens with the key of ${keyFile}; 1 in it`);
      expect(JSON.stringify(checks)).not.toContain("stored-secret-value");
      chmodSync(keyFile, 0o640);
      expect(named(examine().checks, "secret-file")[0]?.detail).toContain("secrets.key");
      chmodSync(keyFile, 0o600);
      expect(folder).not.toBe("");
    });

    test("fail where it does not open and is needed, and are warned of where it is not", () => {
      const other = { RUNLET_SECRETS_KEY: "ab".repeat(32) };
      const needed = find(USING);
      const idle = find("mcpServers: {}\n");
      for (const { loaded } of [needed, idle]) {
        if (loaded === undefined) throw new Error("the file can be read");
        setSecret(loaded.secretsPlace, { name: "github", value: "stored-secret-value" }, 0);
      }
      const statusOf = (folder: string) =>
        named(settingsChecks(readConfiguration(new Map(), captureIo(folder, other))), "secrets").map(
          ({ status, remedy }) => [status, remedy?.includes("RUNLET_SECRETS_KEY_FILE")],
        );
      expect(statusOf(needed.folder)).toEqual([["failed", true]]);
      expect(statusOf(idle.folder)).toEqual([["warning", true]]);
    });

    test("of tokens are told of beside them, and warned of where they do not open", () => {
      const { folder, loaded, examine } = find("mcpServers: {}\n");
      if (loaded === undefined) throw new Error("the file can be read");
      setSecret(loaded.secretsPlace, { name: "one", value: "stored-secret-value" }, 0);
      setSecret(tokensPlaceOf(loaded.secretsPlace), { name: "two", value: "stored-token-value" }, 0);
      expect(named(examine().checks, "tokens")).toMatchObject([{ status: "ok" }]);
      const other = captureIo(folder, { RUNLET_SECRETS_KEY: "ab".repeat(32) });
      expect(named(settingsChecks(readConfiguration(new Map(), other)), "tokens")).toMatchObject([
        { status: "warning", detail: expect.stringContaining("secrets.tokens.json") },
      ]);
    });

    test("that are not there fail as the reference that needs them", () => {
      const { checks } = find(USING);
      expect(named(checks, "reference")[0]?.remedy).toContain("runlet secrets set github");
      expect(named(checks, "secrets")).toEqual([]);
    });
  });
});
