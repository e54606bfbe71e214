import { describe, expect, test } from "vitest";
import { configCommand } from "../../../src/cli/commands/config.ts";
import { optionsJsonSchema } from "../../../src/config/json-schema.ts";
import { folderWith, HASH } from "../config/support.ts";
import { captureIo } from "./support.ts";

async function run(args: readonly string[], files: Record<string, string> = {}, env: Record<string, string> = {}) {
  const io = captureIo(folderWith(files), env);
  const code = await configCommand(args, io);
  return { code, out: io.out, err: io.err };
}

/** The output's columns, by key. */
function table(out: string): Record<string, string[]> {
  const rows = out
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/u));
  return Object.fromEntries(rows.map(([key = "", ...rest]) => [key, rest]));
}

describe("config check", () => {
  test("a good configuration is said to be so, with exit code 0", async () => {
    const text = `mcpServers: {a: {command: x}}\nclients: {b: {key: ${HASH}}}\n`;
    expect(await run(["check"], { "runlet.yaml": text })).toEqual({
      code: 0,
      out: "runlet.yaml: valid (1 server, 1 client, no model)\n",
      err: "",
    });
  });

  test("warnings are listed and do not change the exit code", async () => {
    const { code, out } = await run(["check", "other.json"], { "other.json": '{"prot": 1}' });
    expect([code, out]).toEqual([
      0,
      "warning: prot (other.json:1) is ignored as it is not a known key. Did you mean port?\n" +
        "other.json: valid (0 servers, 0 clients, no model)\n",
    ]);
  });

  test("every error and warning is listed, with exit code 1", async () => {
    const { code, out } = await run(["check"], {
      "runlet.yaml": "port: x\nhost: 0.0.0.0\nprot: 1\nrateLimit: 1/day\n",
    });
    expect(code).toBe(1);
    expect(out.trimEnd().split("\n")).toEqual([
      expect.stringContaining("error: Cannot use rateLimit (runlet.yaml:4)"),
      expect.stringContaining("error: Cannot use port (runlet.yaml:1)"),
      expect.stringContaining("warning: prot (runlet.yaml:3)"),
    ]);
  });

  test("a file that does not parse or is not there is an error", async () => {
    expect(await run(["check"], { "runlet.json": "{" })).toMatchObject({
      code: 1,
      out: expect.stringContaining("error: Cannot read runlet.json:1"),
    });
    expect(await run(["check", "nope.yaml"])).toMatchObject({
      code: 1,
      out: expect.stringContaining("error: Cannot read nope.yaml"),
    });
  });

  test("without a file the defaults are checked", async () => {
    expect((await run(["check"])).out).toBe(
      "No configuration file; the defaults: valid (0 servers, 0 clients, no model)\n" +
        "Without a file, serve, run and mcp attach the sample servers.\n",
    );
  });

  test("flags count as they do when serving", async () => {
    expect(await run(["check", "--host", "0.0.0.0"])).toMatchObject({
      code: 1,
      out: expect.stringContaining("host (flag --host)"),
    });
    expect(await run(["check", "--config", "a.yaml"], { "a.yaml": "port: 1" })).toMatchObject({ code: 0 });
  });
});

describe("config schema", () => {
  test("prints the JSON Schema of configurations, whatever the configuration here is", async () => {
    const io = captureIo(folderWith({ "runlet.yaml": "port: [" }));
    expect(await configCommand(["schema"], io)).toBe(0);
    expect([JSON.parse(io.out), io.err]).toEqual([optionsJsonSchema(), ""]);
  });

  test("takes no file", async () => {
    const io = captureIo(folderWith({}));
    expect(await configCommand(["schema", "runlet.yaml"], io)).toBe(2);
    expect(io.err).toContain("runlet config schema");
  });
});

describe("config show", () => {
  test("each key has its value and its source", async () => {
    const files = {
      "runlet.yaml": "port: 81\nlog:\n  level: warn\nlimits:\n  wallMs: 5s\nmcpServers:\n  a: {command: x}\n",
    };
    const { code, out } = await run(["show", "--host", "localhost"], files, { RUNLET_LOG_LEVEL: "debug" });
    expect(code).toBe(0);
    expect(table(out)).toMatchObject({
      host: ['"localhost"', "flag --host"],
      port: ["81", "runlet.yaml:1"],
      dataDir: ['"./.runlet"', "default"],
      "log.level": ['"debug"', "environment RUNLET_LOG_LEVEL"],
      "log.pretty": ["false", "default"],
      "limits.wallMs": ['"5s"', "runlet.yaml:5"],
      "limits.cpuMs.default": ["5000", "default"],
      "limits.cpuMs.max": ["60000", "default"],
      "mcpServers.a.command": ['"x"', "runlet.yaml:7"],
      "timeout.call": ["60000", "default"],
    });
    expect(Object.keys(table(out)).filter((key) => key.startsWith("model"))).toEqual([]);
  });

  test("no secret is shown, wherever it is", async () => {
    const text = `
mcpServers:
  web: {url: "https://x/mcp?k=\${WEB_TOKEN}", headers: {Authorization: "Bearer \${PLAIN}", Accept: text/plain}}
  db: {command: db, args: ["\${DB_DSN}"], env: {API_TOKEN: literal-secret, MODE: fast}}
clients: {a: {key: ${HASH}}}
model: {baseURL: "http://m", model: m, apiKey: "\${file:key}"}
`;
    const env = { WEB_TOKEN: "web-secret-1", PLAIN: "plain-secret-2", DB_DSN: "postgres://u:db-secret-3@h/d" };
    const { out } = await run(["show"], { "runlet.yaml": text, key: "file-secret-4\n" }, env);
    expect(out).not.toMatch(/secret/u);
    expect(out).not.toContain(HASH);
    expect(table(out)).toMatchObject({
      "mcpServers.web.url": ['"https://x/mcp?k=***"', "runlet.yaml:3"],
      "mcpServers.web.headers.Authorization": ["***", "runlet.yaml:3"],
      "mcpServers.web.headers.Accept": ['"text/plain"', "runlet.yaml:3"],
      "mcpServers.db.env.API_TOKEN": ["***", "runlet.yaml:4"],
      "mcpServers.db.env.MODE": ['"fast"', "runlet.yaml:4"],
      "clients.a.key": ["***", "runlet.yaml:5"],
      "model.apiKey": ["***", "runlet.yaml:6"],
    });
  });

  test("a configuration with faults is still shown, for that is when it is looked at", async () => {
    const { code, out } = await run(["show"], { "runlet.yaml": "port: x\n" });
    expect([code, table(out)["port"]]).toEqual([0, ['"x"', "runlet.yaml:1"]]);
  });
});

describe("usage", () => {
  test.each([[[]], [["frobnicate"]], [["check", "a", "b"]], [["check", "--nope"]], [["show", "--port"]]])(
    "%j is not understood: exit code 2",
    async (args) => {
      const { code, out, err } = await run(args);
      expect([code, out]).toEqual([2, ""]);
      expect(err).toContain("Usage: runlet config check [FILE]");
    },
  );
});
