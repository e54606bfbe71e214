import { describe, expect, test } from "vitest";
import { keysCommand } from "../../../src/cli/commands/keys.ts";
import { clientKeyHash, findClient } from "../../../src/config/clients.ts";
import { compileYaml } from "../config/support.ts";
import { captureIo } from "./support.ts";

describe("keys create", () => {
  test("--json prints name, key and hash on one line", async () => {
    const io = captureIo("/");
    expect(await keysCommand(["create", "agent", "--json"], io)).toBe(0);
    const { name, key, hash, ...others } = JSON.parse(io.out) as { name: string; key: string; hash: string };
    expect([name, hash, others, io.out.split("\n").length, io.err]).toEqual(["agent", clientKeyHash(key), {}, 2, ""]);
  });

  test.each(["agent", "production-agent", "123", "true", "a.b@c"])(
    "the block printed for %s lets the key's holder in",
    async (name) => {
      const io = captureIo("/");
      expect(await keysCommand(["create", name], io)).toBe(0);
      const key = /rk_[\w-]{43}/u.exec(io.out)?.[0] ?? "";
      const { clients } = compileYaml(io.out.slice(io.out.indexOf("clients:\n")));
      expect(findClient(clients, key)?.principal.id).toBe(name);
    },
  );

  test("each key is another", async () => {
    const keys = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const io = captureIo("/");
      await keysCommand(["create", "a", "--json"], io);
      keys.add((JSON.parse(io.out) as { key: string }).key);
    }
    expect(keys.size).toBe(5);
  });

  test.each([
    [[]],
    [["lists"]],
    [["list", "x"]],
    [["revoke"]],
    [["revoke", "a", "b"]],
    [["create"]],
    [["create", "a", "b"]],
    [["create", "a b"]],
    [["create", "a", "--yaml"]],
  ])("%j is not understood: exit code 2", async (args) => {
    const io = captureIo("/");
    expect(await keysCommand(args, io)).toBe(2);
    expect(io.out).toBe("");
    expect(io.err).toContain("Usage: runlet keys create NAME");
  });
});
