import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { askRedis, startRedis, type RedisServer } from "../support/redis-server.ts";

const SUPPORT = new URL("../support/", import.meta.url).pathname;

const servers: RedisServer[] = [];
let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "runlet-test-"));
  vi.stubEnv("TMPDIR", temporary);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(temporary, { recursive: true });
});

async function start(): Promise<RedisServer> {
  const server = await startRedis();
  servers.push(server);
  return server;
}

const folders = (): string[] => readdirSync(temporary);

describe("a test's Redis server", () => {
  it("answers at its address, evicts nothing and writes nothing", async () => {
    const { url, port } = await start();
    expect(url).toBe(`redis://127.0.0.1:${port}`);
    expect(await askRedis(port, "PING")).toBe("+PONG\r\n");
    expect(await askRedis(port, "CONFIG GET maxmemory-policy")).toContain("noeviction");
    expect(await askRedis(port, "CONFIG GET appendonly")).toMatch(/\r\nno\r\n$/u);
    expect(await askRedis(port, "CONFIG GET save")).toMatch(/\$0\r\n\r\n$/u);
  });

  it("is apart from every other one", async () => {
    const [one, other] = await Promise.all([start(), start()]);
    expect(one.port).not.toBe(other.port);
    await askRedis(one.port, "SET name one");
    expect(await askRedis(other.port, "GET name")).toBe("$-1\r\n");
  });

  it("is gone after close, its folder too, and close is safe to call twice", async () => {
    const server = await start();
    expect(folders()).toHaveLength(1);
    await server.close();
    await server.close();
    await expect(askRedis(server.port, "PING")).rejects.toThrow("ECONNREFUSED");
    expect(folders()).toEqual([]);
  });

  it("ends, and its folder goes, when the process that started it is killed", async () => {
    const script = `
      const { startRedis } = await import(${JSON.stringify(`${SUPPORT}redis-server.ts`)});
      console.log((await startRedis()).port);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [text] = (await once(child.stdout, "data")) as [Buffer];
    const port = Number(text.toString());
    expect(await askRedis(port, "PING")).toBe("+PONG\r\n");
    expect(folders()).toHaveLength(1);
    child.kill("SIGKILL");
    await expect.poll(() => askRedis(port, "PING").catch((error: Error) => error.message)).toContain("ECONNREFUSED");
    await expect.poll(folders).toEqual([]);
  });
});

describe("the check before the tests", () => {
  /** Runs the check where only the given program is on the PATH. */
  function check(program?: string): { readonly status: number | null; readonly stderr: string } {
    const folder = mkdtempSync(join(tmpdir(), "runlet-path-"));
    try {
      if (program !== undefined) {
        writeFileSync(join(folder, program), "");
        chmodSync(join(folder, program), 0o755);
      }
      const options = { env: { PATH: folder }, encoding: "utf8" } as const;
      const { status, stderr } = spawnSync(process.execPath, [join(SUPPORT, "ensure-redis.ts")], options);
      return { status, stderr };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it.each(["redis-server", "valkey-server"])("passes in silence where %s is installed", (program) => {
    expect(check(program)).toEqual({ status: 0, stderr: "" });
  });

  it("fails and says what to install where there is neither", () => {
    const { status, stderr } = check();
    expect(status).toBe(1);
    expect(stderr).toContain("apt-get install -y --no-install-recommends redis-server");
  });
});
