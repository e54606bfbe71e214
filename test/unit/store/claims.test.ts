import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Stores } from "../../../src/store/stores.ts";
import { run } from "../../support/records.ts";
import { STORE_KINDS, type OpenedStores } from "../../support/store-kinds.ts";

describe.each(STORE_KINDS)("idempotency keys in %s", (_, open) => {
  let stores: Stores;
  let cleanUp: OpenedStores["cleanUp"];
  beforeEach(async () => {
    ({ stores, cleanUp } = await open());
  });
  afterEach(async () => {
    await stores.close();
    await cleanUp();
  });

  const claim = { key: "k 1\nä", digest: "d1" };

  it("belong to the first run, of which the others are told and are not kept", async () => {
    expect(await stores.runs.insert(run("run_1"), claim)).toBeUndefined();
    expect(await stores.runs.insert(run("run_2"), { ...claim, digest: "d2" })).toEqual({
      runId: "run_1",
      digest: "d1",
    });
    expect(await stores.runs.get("run_2")).toBeUndefined();
    expect(await stores.runs.claimed("ann", claim.key)).toEqual({ runId: "run_1", digest: "d1" });
  });

  it("are each principal's own", async () => {
    await stores.runs.insert(run("run_1"), claim);
    expect(await stores.runs.claimed("bob", claim.key)).toBeUndefined();
    expect(await stores.runs.insert(run("run_2", { principal: "bob" }), claim)).toBeUndefined();
    expect(await stores.runs.claimed("bob", claim.key)).toEqual({ runId: "run_2", digest: "d1" });
  });

  it("go to exactly one of many runs at once", async () => {
    const ids = Array.from({ length: 8 }, (_, at) => `run_${at}`);
    const answers = await Promise.all(ids.map((id) => stores.runs.insert(run(id), claim)));
    const winner = ids[answers.indexOf(undefined)];
    expect(answers.filter((answer) => answer?.runId === winner)).toHaveLength(7);
    expect((await stores.runs.unfinished()).map(({ id }) => id)).toEqual([winner]);
  });

  it("are not taken by a run whose id is", async () => {
    await stores.runs.insert(run("run_1"));
    await expect(stores.runs.insert(run("run_1"), claim)).rejects.toMatchObject({ code: "INTERNAL" });
    expect(await stores.runs.claimed("ann", claim.key)).toBeUndefined();
  });

  it("are free again when they are freed, and when their run is deleted", async () => {
    await stores.runs.insert(run("run_1"), claim);
    await stores.runs.unclaim("ann", claim.key);
    await stores.runs.unclaim("ann", claim.key);
    expect(await stores.runs.insert(run("run_2"), claim)).toBeUndefined();
    for (const id of ["run_1", "run_2"])
      await stores.runs.update(id, ["queued"], { status: "failed", endedAtMs: id === "run_1" ? 1 : 5 });
    await stores.prune(2);
    expect(await stores.runs.claimed("ann", claim.key)).toEqual({ runId: "run_2", digest: "d1" });
    await stores.prune(6);
    expect(await stores.runs.claimed("ann", claim.key)).toBeUndefined();
    expect(await stores.runs.insert(run("run_3"), claim)).toBeUndefined();
  });
});
