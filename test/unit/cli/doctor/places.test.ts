import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test } from "vitest";
import type { HealthCheck } from "../../../../src/cli/doctor/health-check.ts";
import { portOwner } from "../../../../src/cli/doctor/port-owner.ts";
import { placeChecks } from "../../../../src/cli/doctor/place-checks.ts";
import { compileConfig } from "../../../../src/config/compile.ts";
import type { Options } from "../../../../src/config/options.ts";
import { createSqliteStores } from "../../../../src/store/sqlite/create-sqlite-stores.ts";
import { folderWith } from "../../config/support.ts";

/** This process, where it can be known who listens. */
const US =
  process.platform === "linux" ? `: ${readFileSync("/proc/self/comm", "utf8").trim()} (pid ${process.pid})` : "";
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** Listens on a free port and answers everything with one text. */
async function listening(body: string): Promise<number> {
  const server = createServer((_request, response) => response.end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function examine(options: Options) {
  const { checks, pins } = await placeChecks(compileConfig({ port: 0, dataDir: ":memory:", ...options }));
  const one = (name: string): HealthCheck | undefined => checks.find((check) => check.name === name);
  return { checks, pins, one };
}

describe("the port", () => {
  test("that is free is let go of at once", async () => {
    const port = await listening("");
    await new Promise((resolve) => servers.pop()?.close(resolve));
    for (let time = 0; time < 2; time++) {
      const { one } = await examine({ port });
      expect(one("port")).toMatchObject({ status: "ok", detail: `127.0.0.1:${port} is free` });
    }
  });

  test("that another program has fails, and the remedy names the flag", async () => {
    const port = await listening("<html>");
    const { one } = await examine({ port });
    expect(one("port")).toMatchObject({
      status: "failed",
      detail: `127.0.0.1:${port} is taken by another program${US}`,
      remedy: expect.stringContaining("--port"),
    });
  });

  test("that a service of ours has is warned of: it may be the one that is meant", async () => {
    const port = await listening(JSON.stringify({ status: "ok", version: "1.0.0" }));
    const { one } = await examine({ port });
    expect(one("port")).toMatchObject({
      status: "warning",
      detail: `127.0.0.1:${port} is taken by a Runlet service that runs${US}`,
    });
  });

  test("that nobody listens on has no owner", async () => {
    const port = await listening("");
    expect(portOwner(port)).toBe(US === "" ? undefined : US.slice(2));
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(portOwner(port)).toBeUndefined();
  });

  test("of an address that this machine does not have fails", async () => {
    const clients = { agent: { key: "0".repeat(64) } };
    const { one } = await examine({ host: "192.0.2.1", clients });
    expect(one("port")).toMatchObject({ status: "failed", detail: "192.0.2.1:0 cannot be listened on: EADDRNOTAVAIL" });
  });
});

describe("the data folder", () => {
  test("is told of with its room; memory needs none", async () => {
    const dataDir = folderWith({});
    expect((await examine({ dataDir })).one("data")).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(new RegExp(`^${dataDir}(?:, on .+)?, \\d+ MiB free$`, "u")),
    });
    expect((await examine({})).checks.map(({ name, status }) => [name, status])).toEqual([
      ["port", "ok"],
      ["data", "ok"],
    ]);
  });

  test("of the audit file is looked at where it is another one", async () => {
    const folder = folderWith({ file: "" });
    const { one } = await examine({ audit: { file: join(folder, "file", "audit.jsonl") } });
    expect(one("audit")).toMatchObject({ status: "failed", remedy: expect.stringContaining("audit.file") });
    expect((await examine({ audit: { file: join(folder, "audit.jsonl") } })).one("audit")).toMatchObject({
      status: "ok",
    });
  });
});

describe("the database", () => {
  test("is told of with its schema and its pins, and is as it was", async () => {
    const dataDir = folderWith({});
    const stores = createSqliteStores(dataDir);
    const pin = { server: "a", kind: "approved", digest: "d", atMs: 1, approvedBy: undefined, listing: "{}" } as const;
    await stores.pins.save([pin]);
    await stores.close();
    const before = statSync(join(dataDir, "runlet.db"));
    const { one, pins } = await examine({ dataDir });
    expect(one("database")).toMatchObject({ status: "ok", detail: expect.stringMatching(/^schema \d+$/u) });
    expect(pins).toEqual([pin]);
    const after = statSync(join(dataDir, "runlet.db"));
    expect([after.mtimeMs, after.size]).toEqual([before.mtimeMs, before.size]);
  });

  test("that is not there is not made", async () => {
    const dataDir = folderWith({});
    const { one } = await examine({ dataDir });
    expect(one("database")).toBeUndefined();
    expect(() => statSync(join(dataDir, "runlet.db"))).toThrow("ENOENT");
  });

  test("of an older version is told of with what becomes of it, and is not brought up to date", async () => {
    const dataDir = folderWith({});
    await createSqliteStores(dataDir).close();
    const change = (sql: string): unknown => {
      const database = new DatabaseSync(join(dataDir, "runlet.db"));
      const row = sql.startsWith("PRAGMA user_version =")
        ? database.exec(sql)
        : Object.values(database.prepare(sql).get() ?? {})[0];
      database.close();
      return row;
    };
    const newest = Number(change("PRAGMA user_version"));
    change(`PRAGMA user_version = ${newest - 1}`);
    const { one, pins } = await examine({ dataDir });
    expect(one("database")?.detail).toBe(`schema ${newest - 1}; the next start brings it to ${newest}`);
    expect([pins, change("PRAGMA user_version")]).toEqual([[], newest - 1]);

    change(`PRAGMA user_version = ${newest + 1}`);
    expect((await examine({ dataDir })).one("database")).toMatchObject({
      status: "failed",
      detail: expect.stringContaining(`reads schema ${newest} at most: current value is ${newest + 1}`),
    });
  });

  test("that a process holds is warned of, and that process goes on", async () => {
    const dataDir = folderWith({});
    const stores = createSqliteStores(dataDir);
    try {
      expect((await examine({ dataDir })).one("database")).toMatchObject({
        status: "warning",
        detail: expect.stringContaining("another process holds it"),
      });
      expect(await stores.pins.list()).toEqual([]);
    } finally {
      await stores.close();
    }
  });

  test("that is none fails", async () => {
    const dataDir = folderWith({});
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, "runlet.db"), "no database at all, but a text that is long enough".repeat(100));
    expect((await examine({ dataDir })).one("database")).toMatchObject({
      status: "failed",
      detail: expect.stringContaining("it is damaged"),
    });
  });
});
