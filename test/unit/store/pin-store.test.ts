import { makeDatabaseBefore } from "../../support/old-database.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { PinRecord } from "../../../src/store/pin-store.ts";
import { createSqliteStores } from "../../../src/store/sqlite/create-sqlite-stores.ts";
import { STORE_KINDS, type OpenedStores } from "../../support/store-kinds.ts";

function pin(server: string, change: Partial<PinRecord> = {}): PinRecord {
  return {
    server,
    kind: "approved",
    digest: "d1",
    atMs: 1_000,
    approvedBy: undefined,
    listing: '{"tools":[]}',
    ...change,
  };
}

describe.each(STORE_KINDS)("pins in %s", (_, open) => {
  let opened: OpenedStores;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(async () => {
    await opened.stores.close();
    await opened.cleanUp();
  });

  test("come back as they were written, sorted by server, what was approved first", async () => {
    const { pins } = opened.stores;
    const files = pin("files", { approvedBy: "ann", listing: '{"text":"ä\\u0000"}' });
    const listed = pin("files", { kind: "listed", digest: "d2", atMs: 2_000 });
    const web = pin("a web");
    await pins.save([listed, files, web]);
    expect(await pins.list()).toEqual([web, files, listed]);
    expect(await pins.get({ server: "files", kind: "listed" })).toEqual(listed);
    expect(await pins.get({ server: "files", kind: "approved" })).toEqual(files);
    expect(await pins.get({ server: "a web", kind: "listed" })).toBeUndefined();
  });

  test("are one per server and kind: a newer one takes the place", async () => {
    const { pins } = opened.stores;
    await pins.save([pin("files", { approvedBy: "ann" }), pin("web")]);
    const newer = pin("files", { digest: "d2", atMs: 5_000, listing: "[]" });
    await pins.save([newer]);
    expect(await pins.list()).toEqual([newer, pin("web")]);
  });

  test("can be removed in the same breath as others are written", async () => {
    const { pins } = opened.stores;
    await pins.save([pin("files"), pin("files", { kind: "listed" }), pin("web")]);
    const newer = pin("files", { digest: "d2" });
    await pins.save(
      [newer],
      [
        { server: "files", kind: "listed" },
        { server: "web", kind: "approved" },
        { server: "never", kind: "listed" },
      ],
    );
    expect(await pins.list()).toEqual([newer]);
  });

  test("stay whatever the age when runs are pruned", async () => {
    await opened.stores.pins.save([pin("files")]);
    await opened.stores.prune(1e15);
    expect(await opened.stores.pins.list()).toEqual([pin("files")]);
  });

  test("are refused once the store is closed", async () => {
    const { pins } = opened.stores;
    await opened.stores.close();
    await expect(pins.list()).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(pins.get(pin("files"))).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(pins.save([pin("files")])).rejects.toMatchObject({ code: "INTERNAL" });
  });
});

describe("pins in a file", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "runlet-pins-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("outlive the process, and a batch that fails is not written at all", async () => {
    const first = createSqliteStores(folder);
    await first.pins.save([pin("files")]);
    const broken = { ...pin("web"), digest: undefined } as unknown as PinRecord;
    await expect(first.pins.save([pin("mail"), broken], [{ server: "files", kind: "approved" }])).rejects.toThrow();
    await first.close();
    const next = createSqliteStores(folder);
    expect(await next.pins.list()).toEqual([pin("files")]);
    await next.close();
  });

  test("of the version before pins are made when the database is brought up to date", async () => {
    makeDatabaseBefore(folder, "CREATE TABLE pins");
    const stores = createSqliteStores(folder);
    await stores.pins.save([pin("files")]);
    expect(await stores.pins.list()).toEqual([pin("files")]);
    await stores.close();
  });

  test("that were damaged are told as such", async () => {
    const stores = createSqliteStores(folder);
    await stores.pins.save([pin("files")]);
    await stores.close();
    const database = new DatabaseSync(join(folder, "runlet.db"));
    database.exec("UPDATE pins SET kind = 'else'");
    database.close();
    const next = createSqliteStores(folder);
    await expect(next.pins.list()).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining("its stored kind must be one of approved, listed") as string,
    });
    await next.close();
  });
});
