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
