import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { runCli } from "../../../src/cli/cli.ts";
import type { SecretInput } from "../../../src/cli/hidden-input.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { folderWith } from "../config/support.ts";
import { captureIo } from "./support.ts";

const NEVER = new AbortController().signal;

/** Runs `runlet secrets …` in a folder. */
async function secrets(
  cwd: string,
  args: readonly string[],
  more: { readonly stdin?: SecretInput; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ code: number; out: string; err: string }> {
  const io = captureIo(cwd, more.env);
  const code = await runCli(["secrets", ...args], more.stdin === undefined ? io : withStdin(io, more.stdin), NEVER);
  return { code, out: io.out, err: io.err };
}

function withStdin(io: ReturnType<typeof captureIo>, stdin: SecretInput): Parameters<typeof runCli>[1] {
  const { stdout, stderr, env, cwd } = io;
  return { stdout, stderr, env, cwd, stdin };
}

function piped(text: string | Buffer): SecretInput {
  const stream = new PassThrough();
  stream.end(text);
  return stream;
}

/** A terminal on which somebody types. */
function terminal(...typed: readonly string[]): SecretInput & { readonly modes: boolean[] } {
  const modes: boolean[] = [];
  const stream = new PassThrough();
  for (const text of typed) stream.write(text);
  return Object.assign(stream, { isTTY: true, modes, setRawMode: (raw: boolean) => void modes.push(raw) });
}

describe("set", () => {
  test("keeps what is piped in, says where, and never shows it", async () => {
    const cwd = folderWith({});
    const first = await secrets(cwd, ["set", "github"], { stdin: piped("ghp_the-token\n") });
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toContain(`Made the master key ${join(cwd, ".runlet/secrets.key")}`);
    expect(first.out).toContain(
      `github is kept in ${join(cwd, ".runlet/secrets.json")}, encrypted. Refer to it as \${secret:github}.`,
    );
    const second = await secrets(cwd, ["set", "db", "--value", "the-password"]);
    expect(second.out).not.toContain("master key");
    const listed = await secrets(cwd, ["list"]);
    expect(listed.out.split("\n").map((line) => line.split(" ")[0])).toEqual(["db", "github", ""]);
    const stored = readFileSync(join(cwd, ".runlet/secrets.json"), "utf8");
    for (const text of [first.out, second.out, listed.out, stored]) expect(text).not.toMatch(/ghp_the|the-password/u);
  });

  test("what is kept is what the configuration gets, line breaks inside and all", async () => {
    const cwd = folderWith({ "runlet.yaml": 'mcpServers: {a: {command: x, env: {KEY: "${secret:pem}"}}}\n' });
    const { code } = await secrets(cwd, ["set", "pem"], { stdin: piped("line one\nline two\r\n") });
    expect(code).toBe(0);
    const io = captureIo(cwd);
    expect(await runCli(["config", "check"], io, NEVER)).toBe(0);
    const shown = captureIo(cwd);
    expect(await runCli(["config", "show"], shown, NEVER)).toBe(0);
    expect(shown.out).not.toContain("line one");
  });

  test("asks a terminal, shows nothing of it, and takes corrections", async () => {
    const cwd = folderWith({});
    const stdin = terminal("wrong\u007F\u007F\u007F\u007F\u007F", "typed-secret", "\r");
    const { code, out, err } = await secrets(cwd, ["set", "a"], { stdin });
    expect([code, err, stdin.modes]).toEqual([0, "Secret (not shown): \n", [true, false]]);
    expect(out).not.toContain("typed-secret");
    const yaml = 'model: {baseURL: "http://m", model: "${secret:a}"}\n';
    writeFileSync(join(cwd, "runlet.yaml"), yaml);
    expect(loadOptions({ cwd, env: {} }).options.model?.model).toBe("typed-secret");
  });

  test("Ctrl-C at the prompt keeps nothing and gives the terminal back", async () => {
    const cwd = folderWith({});
    const stdin = terminal("half\u0003");
    expect(await secrets(cwd, ["set", "a"], { stdin })).toMatchObject({ code: 1, out: "" });
    expect(stdin.modes).toEqual([true, false]);
    expect((await secrets(cwd, ["list"])).err).toContain("No secrets.");
  });

  test.each([
    ["shorter than can be hidden", "12345"],
    ["blank", "         "],
    ["larger than a secret may be", "x".repeat(65 * 1024)],
  ])("a value %s is refused without being shown", async (_what, value) => {
    const { code, out, err } = await secrets(folderWith({}), ["set", "a"], { stdin: piped(value) });
    expect([code, out]).toEqual([1, ""]);
    expect(err).not.toContain(value);
  });
});

describe("the other verbs", () => {
  test("list --json has names and dates and nothing else", async () => {
    const cwd = folderWith({});
    await secrets(cwd, ["set", "a", "--value", "value-of-a"]);
    const { out } = await secrets(cwd, ["list", "--json"]);
    const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT/u) as string;
    expect(JSON.parse(out)).toEqual([{ name: "a", createdAt: date, updatedAt: date }]);
  });

  test("rm removes one; one that is not there is a failure", async () => {
    const cwd = folderWith({});
    await secrets(cwd, ["set", "a", "--value", "value-of-a"]);
    expect(await secrets(cwd, ["rm", "a"])).toMatchObject({ code: 0 });
    const { code, err } = await secrets(cwd, ["rm", "a"]);
    expect([code, err]).toEqual([1, expect.stringContaining("CONFIG_INVALID: Cannot remove the secret a")]);
  });

  test("rotate changes the key file and says so", async () => {
    const cwd = folderWith({});
    await secrets(cwd, ["set", "a", "--value", "value-of-a"]);
    const key = readFileSync(join(cwd, ".runlet/secrets.key"), "utf8");
    const { code, out } = await secrets(cwd, ["rotate"]);
    expect([code, out]).toEqual([0, expect.stringContaining("The new master key is in")]);
    expect(readFileSync(join(cwd, ".runlet/secrets.key"), "utf8")).not.toBe(key);
    expect(out).not.toContain(readFileSync(join(cwd, ".runlet/secrets.key"), "utf8").trim());
  });

  test("rotate with keys of the environment takes the new one from there", async () => {
    const cwd = folderWith({});
    const [old, next] = ["ab".repeat(32), "cd".repeat(32)];
    await secrets(cwd, ["set", "a", "--value", "value-of-a"], { env: { RUNLET_SECRETS_KEY: old } });
    expect((await secrets(cwd, ["rotate"], { env: { RUNLET_SECRETS_KEY: old } })).code).toBe(1);
    const env = { RUNLET_SECRETS_KEY: old, RUNLET_SECRETS_NEW_KEY: next };
    expect((await secrets(cwd, ["rotate"], { env })).out).toContain("Now set RUNLET_SECRETS_KEY");
    expect((await secrets(cwd, ["list"], { env: { RUNLET_SECRETS_KEY: next } })).out).toContain("a ");
    expect((await secrets(cwd, ["list"], { env: { RUNLET_SECRETS_KEY: old } })).code).toBe(1);
  });

  test.each([
    [[]],
    [["show"]],
    [["set"]],
    [["set", "a", "b"]],
    [["set", "a b", "--value", "123456"]],
    [["rm"]],
    [["list", "x"]],
    [["rotate", "x"]],
    [["set", "--loud"]],
  ])("%j is not understood: exit code 2", async (args) => {
    const { code, out, err } = await secrets(folderWith({}), args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: runlet secrets set NAME");
  });
});
