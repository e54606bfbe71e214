import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { compileConfig } from "../../../src/config/compile.ts";
import { demoOptions } from "../../../src/config/demo.ts";
import { folderWith } from "./support.ts";

const PACKAGE_ROOT = resolve(import.meta.dirname, "../../..");

describe("the sample servers", () => {
  test("are started with this Node from installed files, so that nothing is downloaded", () => {
    const { options, warnings } = demoOptions(PACKAGE_ROOT, "/srv/data");
    expect(warnings).toEqual([]);
    const [files, memory] = compileConfig(options).upstreams;
    expect([files?.name, files?.eager, memory?.name, memory?.eager]).toEqual(["files", true, "memory", true]);
    for (const upstream of [files, memory]) {
      expect(upstream?.transport).toMatchObject({ kind: "stdio", command: process.execPath });
    }
    const { transport } = files ?? {};
    const args = transport?.kind === "stdio" ? transport.args : [];
    expect(args.map((path) => existsSync(path))).toEqual([true, true]);
    expect(args[1]).toBe(join(PACKAGE_ROOT, "examples", "sample-data"));
    expect(memory?.transport).toMatchObject({ env: { MEMORY_FILE_PATH: join("/srv/data", "memory.jsonl") } });
  });

  test("answer a real handshake", () => {
    const { options } = demoOptions(PACKAGE_ROOT, folderWith({}));
    const request = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } },
    });
    for (const { transport } of compileConfig(options).upstreams) {
      if (transport.kind !== "stdio") continue;
      const { stdout, status } = spawnSync(transport.command, [...transport.args], {
        input: `${request}\n`,
        env: { ...process.env, ...transport.env },
        encoding: "utf8",
        timeout: 20_000,
      });
      expect([status, JSON.parse(stdout)]).toMatchObject([0, { id: 1, result: { serverInfo: {} } }]);
    }
  });

  test("keep their memory out of the way when nothing is to be kept", () => {
    const { options } = demoOptions(PACKAGE_ROOT, ":memory:");
    expect(options.mcpServers?.["memory"]?.env?.["MEMORY_FILE_PATH"]).not.toContain(":memory:");
  });

  test("are left out with a warning when they are not installed", () => {
    const root = folderWith({ "package.json": "{}" });
    expect(demoOptions(root, root)).toEqual({
      options: { mcpServers: {} },
      warnings: [
        "The sample server files is left out as @modelcontextprotocol/server-filesystem is not installed. Write a runlet.yaml with mcpServers of your own.",
        "The sample server memory is left out as @modelcontextprotocol/server-memory is not installed. Write a runlet.yaml with mcpServers of your own.",
      ],
    });
  });

  test("need their sample folder", () => {
    const name = "node_modules/@modelcontextprotocol/server-filesystem";
    const root = folderWith({
      "package.json": "{}",
      [`${name}/package.json`]: JSON.stringify({ name: "x", bin: "run.js" }),
      [`${name}/run.js`]: "",
    });
    expect(demoOptions(root, root).warnings[0]).toContain("its sample folder is not installed");
  });
});
