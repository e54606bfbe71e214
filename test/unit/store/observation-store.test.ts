import { makeDatabaseBefore } from "../../support/old-database.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Observation } from "../../../src/store/observation-store.ts";
import { createSqliteStores } from "../../../src/store/sqlite/create-sqlite-stores.ts";
import type { Stores } from "../../../src/store/stores.ts";
import { STORE_KINDS, type OpenedStores } from "../../support/store-kinds.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "runlet-observations-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function observation(tool: string, change: Partial<Observation> = {}): Observation {
  return { principal: "ann", server: "files", tool, digest: "d1", shape: "[6,8]", seenAtMs: 1_000, ...change };
}

describe.each(STORE_KINDS)("observations in %s", (_, open) => {
  let stores: Stores;
  let cleanUp: OpenedStores["cleanUp"];
  beforeEach(async () => {
    ({ stores, cleanUp } = await open());
  });
  afterEach(async () => {
    await stores.close();
    await cleanUp();
  });

  test("come back as they were written, the latest seen first, as many as are asked for", async () => {
    const all = [
      observation("a", { seenAtMs: 2 }),
      observation("b", { seenAtMs: 3, principal: "ä", server: "s p", shape: '[6,[32,0,[1,false,0,0,[["é",1,4]]]]]' }),
      observation("c", { seenAtMs: 1 }),
    ];
    await stores.observations.save(all);
    const [a, b, c] = all;
    expect(await stores.observations.list(10)).toEqual([b, a, c]);
    expect(await stores.observations.list(2)).toEqual([b, a]);
  });

  test("are one per principal, server and tool: a newer one takes the place, of whatever version it is", async () => {
    const other = [observation("a", { principal: "bob" }), observation("a", { server: "web" })];
    await stores.observations.save([observation("a"), ...other]);
    const newer = observation("a", { digest: "d2", shape: "[6,4]", seenAtMs: 5_000 });
    await stores.observations.save([newer]);
    const listed = await stores.observations.list(10);
    expect(listed).toHaveLength(3);
    expect(listed).toEqual(expect.arrayContaining([newer, ...other]));
  });

  test("can be removed by their key, and replaced in the same breath", async () => {
    await stores.observations.save([observation("a"), observation("b")]);
    const c = observation("c");
    await stores.observations.save([c], [observation("a"), observation("b"), observation("never there")]);
    expect(await stores.observations.list(10)).toEqual([c]);
  });

  test("that were not seen for long can be pruned", async () => {
    const kept = observation("c", { seenAtMs: 3 });
    await stores.observations.save([observation("a", { seenAtMs: 1 }), observation("b", { seenAtMs: 2 }), kept]);
    expect(await stores.observations.prune(3)).toBe(2);
    expect(await stores.observations.prune(3)).toBe(0);
    expect(await stores.observations.list(10)).toEqual([kept]);
  });

  test("are refused once the store is closed", async () => {
    const { observations } = stores;
    await stores.close();
    await expect(observations.list(1)).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(observations.save([observation("a")])).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(observations.prune(1)).rejects.toMatchObject({ code: "INTERNAL" });
  });
});

test("observations in SQLite outlive the process, and a batch that fails is not written at all", async () => {
  const first = createSqliteStores(folder);
  await first.observations.save([observation("a")]);
  const broken = { ...observation("c"), digest: undefined } as unknown as Observation;
  await expect(first.observations.save([observation("b"), broken])).rejects.toThrow();
  await first.observations.save([observation("d")]);
  await first.close();
  const next = createSqliteStores(folder);
  expect((await next.observations.list(10)).map(({ tool }) => tool).toSorted()).toEqual(["a", "d"]);
  await next.close();
});

test("a database of the version before observations is brought up to date", async () => {
  makeDatabaseBefore(folder, "CREATE TABLE observations");
  const stores = createSqliteStores(folder);
  await stores.observations.save([observation("a")]);
  expect(await stores.observations.list(10)).toEqual([observation("a")]);
  await stores.close();
});
