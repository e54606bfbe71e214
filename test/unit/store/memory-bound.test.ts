import { expect, test } from "vitest";
import { createMemoryStores } from "../../../src/store/memory/create-memory-stores.ts";
import { call, run } from "../../support/records.ts";

test("a store in memory keeps the latest ended runs and their journals, and every run that has not ended", async () => {
  const stores = createMemoryStores({ endedRuns: 2 });
  const { runs, journal } = stores;
  const ids = ["run_1", "run_2", "run_3", "run_4"];
  for (const id of ids) {
    await runs.insert(run(id));
    await journal.begin(call(id, 1));
  }
  for (const [index, id] of ["run_3", "run_1", "run_2"].entries()) {
    await runs.update(id, ["queued"], { status: "succeeded", endedAtMs: index + 1 });
  }
  const kept = await Promise.all(
    ids.map(async (id) => ({ run: (await runs.get(id)) !== undefined, calls: (await journal.list(id)).length })),
  );
  expect(kept).toEqual([
    { run: true, calls: 1 },
    { run: true, calls: 1 },
    { run: false, calls: 0 },
    { run: true, calls: 1 },
  ]);
  await stores.close();
});

test("a store in memory keeps the latest results within its bound; a larger one is kept alone", async () => {
  const stores = createMemoryStores({ resultBytes: 10 });
  for (const id of ["run_1", "run_2", "run_3"]) await stores.runs.insert(run(id));
  const kept = async (): Promise<boolean[]> =>
    Promise.all(["run_1", "run_2", "run_3"].map(async (id) => (await stores.results.get(id)) !== undefined));
  await stores.results.put("run_1", new Uint8Array(6));
  await stores.results.put("run_2", new Uint8Array(4));
  expect(await kept()).toEqual([true, true, false]);
  await stores.results.put("run_3", new Uint8Array(1));
  expect(await kept()).toEqual([false, true, true]);
  await stores.results.put("run_1", new Uint8Array(100));
  expect(await kept()).toEqual([true, false, false]);
  await stores.close();
});

test("the result of a run that a store in memory drops goes with it", async () => {
  const stores = createMemoryStores({ endedRuns: 1 });
  for (const id of ["run_1", "run_2"]) {
    await stores.runs.insert(run(id));
    await stores.results.put(id, new Uint8Array(1));
    await stores.runs.update(id, ["queued"], { status: "succeeded", endedAtMs: 1 });
  }
  expect(await stores.results.get("run_1")).toBeUndefined();
  expect((await stores.results.get("run_2"))?.bytes).toBe(1);
  await stores.close();
});
