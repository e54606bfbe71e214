import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { serversCommand } from "../../../src/cli/commands/servers.ts";
import { compileConfig } from "../../../src/config/compile.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { folderWith } from "../config/support.ts";
import { captureIo } from "./support.ts";

const never = new AbortController().signal;

/** Runs `runlet servers` in a folder with these files. */
async function servers(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
  folder = folderWith(files),
) {
  const io = captureIo(folder);
  const code = await serversCommand(args, io, never);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return { code, out: io.out, err: io.err, folder, read };
}

const SECRET = "ghp_0123456789abcdef";

describe("servers import", () => {
  const claude = JSON.stringify({
    mcpServers: {
      files: { command: "npx", args: ["-y", "server-filesystem", "/data"] },
      github: { command: "docker", args: ["run", "--token", SECRET], env: { GITHUB_TOKEN: SECRET, MODE: "ro" } },
    },
    globalShortcut: "",
  });

  test("takes the servers of Claude Desktop's file into a new runlet.yaml", async () => {
    const { code, out, err, folder, read } = await servers(["import", "claude.json"], { "claude.json": claude });
    expect([code, out]).toEqual([0, "+ files  npx\n+ github  docker\n2 servers added to runlet.yaml\n"]);
    const remedy = (secret: string) =>
      `Run \`runlet secrets set ${secret}\`, and write \${secret:${secret}} instead of it.`;
    expect(err).toBe(
      `note: github: env.GITHUB_TOKEN holds a secret in plain text. ${remedy("github_env_github_token")}\n` +
        `note: github: args[2] holds a secret in plain text. ${remedy("github_args_2")}\n`,
    );
    expect(read("runlet.yaml")).toContain(`GITHUB_TOKEN: ${SECRET}`);
    const loaded = loadOptions({ cwd: folder, env: {} });
    expect(compileConfig(loaded.options, loaded).upstreams.map(({ name }) => name)).toEqual(["files", "github"]);
  });

  test("never prints a secret, dry or not", async () => {
    for (const more of [[], ["--dry-run"]]) {
      const { out, err } = await servers(["import", "claude.json", ...more], { "claude.json": claude });
      expect(out + err).not.toContain(SECRET);
    }
  });

  test("with --dry-run changes nothing", async () => {
    const { code, out, folder } = await servers(["import", "claude.json", "--dry-run"], { "claude.json": claude });
    expect([code, out.split("\n").at(-2)]).toEqual([0, "2 servers would be added to runlet.yaml"]);
    expect(existsSync(join(folder, "runlet.yaml"))).toBe(false);
  });

  test("takes VS Code's file with comments and inputs, and tells which variables to set", async () => {
    const vscode = `{
      // Asked by the editor.
      "inputs": [{"type": "promptString", "id": "api-key", "description": "Key of the API", "password": true}],
      "servers": {"api": {"type": "http", "url": "https://x.example/mcp?t=1", "headers": {"X-Key": "\${input:api-key}"}}},
    }`;
    const { code, out, err, folder } = await servers(["import", ".vscode/mcp.json"], { ".vscode/mcp.json": vscode });
    expect([code, out, err]).toEqual([
      0,
      "+ api  https://x.example/mcp\n1 server added to runlet.yaml\n",
      "note: api needs the environment variable API_KEY (Key of the API).\n",
    ]);
    const loaded = loadOptions({ cwd: folder, env: { API_KEY: "the-key-of-a-test" } });
    expect(loaded.options.mcpServers?.["api"]?.headers).toEqual({ "X-Key": "the-key-of-a-test" });
    expect(loaded.secrets).toContain("the-key-of-a-test");
  });

  test("takes VS Code's settings, and Docker-style blocks as they are", async () => {
    const settings = '{"mcp": {"servers": {"a": {"command": "x"}}}}';
    const gateway = "gateway: {port: 8080}\ncredentials: {a: {token: '${T}'}}\n";
    const { folder } = await servers(["import", "settings.json"], {
      "settings.json": settings,
      "gateway.yaml": gateway,
    });
    const { code, out, read } = await servers(["import", "gateway.yaml"], {}, folder);
    expect([code, out]).toEqual([0, "+ gateway\n+ credentials\n0 servers added to runlet.yaml\n"]);
    expect(read("runlet.yaml")).toContain("gateway:\n  port: 8080\n");
  });

  test("keeps the comments of the file it changes, and its section", async () => {
    const ours = "# Ours.\nservers:\n  own: {command: z} # mine\n";
    const { read } = await servers(["import", "c.json", "--into", "my.yaml"], { "c.json": claude, "my.yaml": ours });
    expect(read("my.yaml")).toMatch(/^# Ours\.\nservers:\n {2}own: \{ ?command: z ?\} # mine\n {2}files:\n/u);
  });

  test("a name that is taken is refused, and nothing is changed; --rename numbers it", async () => {
    const ours = "mcpServers:\n  github:\n    command: own\n";
    const files = { "c.json": claude, "runlet.yaml": ours };
    const refused = await servers(["import", "c.json"], files);
    expect([refused.code, refused.read("runlet.yaml")]).toEqual([1, ours]);
    expect(refused.err).toContain("error: github is there already with other settings.");
    const renamed = await servers(["import", "c.json", "--rename"], files);
    expect([renamed.code, renamed.out]).toEqual([
      0,
      "+ files  npx\n+ github-2  docker\n2 servers added to runlet.yaml\n",
    ]);
  });

  test("a second import finds everything there", async () => {
    const { folder } = await servers(["import", "c.json"], { "c.json": claude });
    const { code, out, err } = await servers(["import", "c.json"], {}, folder);
    expect([code, out]).toEqual([0, "0 servers added to runlet.yaml\n"]);
    expect(err).toContain("note: files is there already.");
  });

  test("a name that we do not take gets another", async () => {
    const source = '{"mcpServers": {"My Server": {"command": "x"}, "a__b": {"command": "y"}}}';
    const { out, err } = await servers(["import", "c.json"], { "c.json": source });
    expect(out).toContain("+ My-Server  x\n+ a_b  y\n");
    expect(err).toBe("note: My Server is called My-Server here.\nnote: a__b is called a_b here.\n");
  });

  test.each([
    ['{"other": 1}', "It has no servers"],
    ['{"mcpServers": {"a": "x"}}', "a is no server"],
  ])("%s is refused", async (source, why) => {
    const { code, err } = await servers(["import", "c.json"], { "c.json": source });
    expect(code).toBe(1);
    expect(err).toContain(why);
    expect(err).toContain("Nothing was changed.");
  });
});

describe("servers add, remove and list", () => {
  test("a command is added with its arguments and variables, listed, and removed again", async () => {
    const added = await servers(["add", "files", "--env", "A=b=c", "--", "npx", "-y", "pkg", "--flag"], {
      "runlet.yaml": "port: 1 # ours\n",
    });
    expect([added.code, added.out, added.err]).toEqual([0, "files added to runlet.yaml\n", ""]);
    expect(added.read("runlet.yaml")).toBe(
      "port: 1 # ours\nmcpServers:\n  files:\n    command: npx\n    args:\n      - -y\n      - pkg\n      - --flag\n    env:\n      A: b=c\n",
    );
    const listed = await servers(["list", "--json"], {}, added.folder);
    expect(JSON.parse(listed.out)).toEqual([{ name: "files", reached: "npx", disabled: false }]);
    const again = await servers(["add", "files", "--", "other"], {}, added.folder);
    expect([again.code, again.err]).toEqual([
      1,
      "Cannot add files as runlet.yaml has it already. Remove it first: runlet servers remove files\n",
    ]);
    const removed = await servers(["remove", "files"], {}, added.folder);
    expect([removed.code, removed.out, removed.read("runlet.yaml").startsWith("port: 1 # ours\n")]).toEqual([
      0,
      "files removed from runlet.yaml\n",
      true,
    ]);
    expect((await servers(["list"], {}, added.folder)).err).toContain("No servers.");
  });

  test("an address is added with its headers; a secret that is written out is told, not shown", async () => {
    const header = "Authorization=Bearer 0123456789";
    const { code, err, read } = await servers(["add", "api", "--url", "https://x.example/mcp", "--header", header]);
    expect([code, err.includes("0123456789")]).toEqual([0, false]);
    expect(err).toContain("note: api: headers.Authorization holds a secret in plain text.");
    expect(read("runlet.yaml")).toContain("Authorization: Bearer 0123456789");
  });

  test("a server that is not there cannot be removed", async () => {
    const files = { "runlet.json": '{"servers": {"github": {"command": "x", "disabled": true}}}' };
    const { code, err, folder } = await servers(["remove", "gihub"], files);
    expect([code, err]).toEqual([1, "Cannot remove gihub as runlet.json has no such server. Did you mean github?\n"]);
    expect((await servers(["list"], {}, folder)).out).toMatch(/^github +x +disabled\n$/u);
  });

  test.each([
    [[], "Say which"],
    [["lst"], "Unknown: servers lst"],
    [["import"], "One file is needed."],
    [["import", "a", "b"], "One file is needed."],
    [["add"], "A name is needed."],
    [["add", "a"], "Either a command after -- or --url is needed."],
    [["add", "a", "--url", "http://x", "--", "y"], "Either a command"],
    [["add", "a b", "--", "y"], "Cannot name a server"],
    [["add", "a", "--env", "B", "--", "y"], "NAME=VALUE"],
    [["add", "a", "--header", "B=c", "--", "y"], "--header with --url"],
    [["remove"], "One name is needed."],
    [["restart"], "One name is needed."],
    [["list", "--jsn"], "Did you mean --json?"],
  ])("%j is not understood: exit code 2", async (args, why) => {
    const { code, out, err, folder } = await servers(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(why);
    expect(err).toContain("Usage: runlet servers import FILE");
    expect(existsSync(join(folder, "runlet.yaml"))).toBe(false);
  });

  test("the configuration file itself cannot be imported", async () => {
    const folder = folderWith({});
    writeFileSync(join(folder, "runlet.yaml"), "mcpServers: {}\n");
    expect((await servers(["import", "runlet.yaml"], {}, folder)).code).toBe(2);
  });
});
