import { Attempts } from "../../../src/store/attempts.ts";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { RESULT_PART_BYTES } from "../../../src/store/result-store.ts";
import { openDatabase } from "../../../src/store/sqlite/open-database.ts";
import { SqliteResultStore } from "../../../src/store/sqlite/sqlite-result-store.ts";
import { SqliteRunStore } from "../../../src/store/sqlite/sqlite-run-store.ts";
import type { Stores } from "../../../src/store/stores.ts";
import { run } from "../../support/records.ts";
import { STORE_KINDS, type OpenedStores } from "../../support/store-kinds.ts";

describe.each(STORE_KINDS)("whole results in %s", (_, open) => {
  let stores: Stores;
  let cleanUp: OpenedStores["cleanUp"];

  const bytesOf = (length: number, seed = 0): Uint8Array => Uint8Array.from({ length }, (_, at) => (at + seed) % 251);
  const wholeOf = async (runId: string): Promise<Buffer | undefined> => {
    const stored = await stores.results.get(runId);
    if (stored === undefined) return undefined;
    const whole = await buffer(stored.parts());
    expect(stored.bytes).toBe(whole.byteLength);
    return whole;
  };

  beforeEach(async () => {
    ({ stores, cleanUp } = await open());
    await stores.runs.insert(run("run_1"));
    await stores.runs.insert(run("run_2"));
  });

  afterEach(async () => {
    await stores.close();
    await cleanUp();
  });

  it.each([0, 1, RESULT_PART_BYTES, RESULT_PART_BYTES + 1, 3 * RESULT_PART_BYTES + 7])(
    "of %i bytes come back as they were put, each run's apart",
    async (length) => {
      await stores.results.put("run_1", bytesOf(length));
      await stores.results.put("run_2", bytesOf(5, 1));
      expect((await wholeOf("run_1"))?.equals(bytesOf(length))).toBe(true);
      expect((await wholeOf("run_2"))?.equals(bytesOf(5, 1))).toBe(true);
    },
  );

  it("come from memory that threads share, and are given in memory that they do not", async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(10)).fill(7);
    await stores.results.put("run_1", shared);
    const stored = await stores.results.get("run_1");
    for await (const part of stored?.parts() ?? []) expect(part.buffer).toBeInstanceOf(ArrayBuffer);
    expect(await wholeOf("run_1")).toEqual(Buffer.alloc(10, 7));
  });

  it("are replaced by a later one, and unknown when there is none", async () => {
    await stores.results.put("run_1", bytesOf(2 * RESULT_PART_BYTES));
    await stores.results.put("run_1", bytesOf(3));
    expect(await wholeOf("run_1")).toEqual(Buffer.from(bytesOf(3)));
    expect(await stores.results.get("run_2")).toBeUndefined();
    expect(await stores.results.get("run_0")).toBeUndefined();
  });

  it("can be deleted, also when there is none", async () => {
    await stores.results.put("run_1", bytesOf(2 * RESULT_PART_BYTES));
    await stores.results.delete("run_1");
    await stores.results.delete("run_1");
    expect(await stores.results.get("run_1")).toBeUndefined();
  });

  it("of a run that is not stored are refused, and nothing of them stays", async () => {
    await expect(stores.results.put("run_0", bytesOf(10))).rejects.toMatchObject({
      code: "INTERNAL",
      message: 'Cannot keep a result as its run must be stored: current value is "run_0".',
    });
    await stores.runs.insert(run("run_0"));
    expect(await stores.results.get("run_0")).toBeUndefined();
  });

  it("go with their run when it is pruned, and no others do", async () => {
    for (const id of ["run_1", "run_2"]) {
      await stores.results.put(id, bytesOf(2 * RESULT_PART_BYTES));
      await stores.runs.update(id, ["queued"], { status: "succeeded", endedAtMs: id === "run_1" ? 10 : 20 });
    }
    expect(await stores.prune(20)).toBe(1);
    expect(await stores.results.get("run_1")).toBeUndefined();
    expect(await wholeOf("run_2")).toHaveLength(2 * RESULT_PART_BYTES);
  });
});

test("a result that the disk has no room for is refused, leaves nothing behind, and harms no run", async () => {
  const database = openDatabase(":memory:");
  const runs = new SqliteRunStore(database, new Attempts(() => 0));
  const results = new SqliteResultStore(database);
  await runs.insert(run("run_1"));
  database.connection.exec("PRAGMA max_page_count = 700");
  await expect(results.put("run_1", new Uint8Array(8 * RESULT_PART_BYTES))).rejects.toMatchObject({
    code: "INTERNAL",
    message: 'Cannot keep a result as the database must take it: SQLite says "database or disk is full".',
  });
  expect(await results.get("run_1")).toBeUndefined();
  expect(database.connection.prepare("SELECT count(*) AS parts FROM result_parts").get()).toEqual({ parts: 0 });
  expect(await runs.get("run_1")).toEqual(run("run_1"));
  await results.put("run_1", new Uint8Array(RESULT_PART_BYTES));
  expect((await results.get("run_1"))?.bytes).toBe(RESULT_PART_BYTES);
  database.close();
});
