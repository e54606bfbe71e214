import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CallDecision, CallRecord, CallSettlement } from "../../../src/store/journal.ts";
import type { RunStatus } from "../../../src/store/run-store.ts";
import type { Stores } from "../../../src/store/stores.ts";
import { call, run } from "../../support/records.ts";
import { STORE_KINDS, type OpenedStores } from "../../support/store-kinds.ts";

const OK: CallSettlement = { outcome: "ok", settledAtMs: 30, order: 1, resultJson: "[1]", error: undefined };
const APPROVED: CallDecision = { decision: "approve", by: "bob", atMs: 50, reason: undefined };
const DENIED: CallDecision = { decision: "deny", by: "eve", atMs: 60, reason: "no" };

describe.each(STORE_KINDS)("attempts in %s", (_, open) => {
  let stores: Stores;
  let cleanUp: OpenedStores["cleanUp"];
  beforeEach(async () => {
    ({ stores, cleanUp } = await open());
  });
  afterEach(async () => {
    await stores.close();
    await cleanUp();
  });

  const take = (id: string, from: RunStatus[] = ["queued", "running", "waiting"]) => stores.runs.take(id, from, 7);
  const taken = async (id: string, times: number): Promise<void> => {
    await stores.runs.insert(run(id));
    for (let time = 0; time < times; time++) await take(id);
  };
  const first = async (runId: string): Promise<CallRecord | undefined> => (await stores.journal.list(runId))[0];
  const superseded = { code: "RUN_SUPERSEDED" };

  describe("taking a run up", () => {
    it("makes it running, counts, and keeps when the first attempt began", async () => {
      await stores.runs.insert(run("run_1"));
      expect(await stores.runs.take("run_1", ["queued"], 5)).toEqual({ attempt: 1, startedAtMs: 5 });
      expect(await stores.runs.get("run_1")).toEqual(run("run_1", { status: "running", attempt: 1, startedAtMs: 5 }));
      expect(await stores.runs.take("run_1", ["running"], 9)).toEqual({ attempt: 2, startedAtMs: 5 });
      const ids = async (status: RunStatus): Promise<string[]> =>
        (await stores.runs.list({ principal: "ann", status, limit: 9, before: undefined })).map(({ id }) => id);
      expect([await ids("queued"), await ids("running")]).toEqual([[], ["run_1"]]);
    });

    it("is refused from another status, and of a run that is not there", async () => {
      await stores.runs.insert(run("run_1", { status: "succeeded" }));
      expect(await take("run_1")).toBeUndefined();
      expect(await take("run_0")).toBeUndefined();
      expect(await stores.runs.get("run_1")).toEqual(run("run_1", { status: "succeeded" }));
    });

    it("succeeds for one of many who try at once", async () => {
      await stores.runs.insert(run("run_1"));
      const all = await Promise.all(Array.from({ length: 5 }, () => take("run_1", ["queued"])));
      expect(all.filter((one) => one !== undefined)).toEqual([{ attempt: 1, startedAtMs: 7 }]);
    });

    it("keeps attempts before it from changing the run", async () => {
      await taken("run_1", 2);
      expect(await stores.runs.update("run_1", ["running"], { stateJson: "1" }, 1)).toBe(false);
      expect(await stores.runs.update("run_1", ["running"], { stateJson: "2" }, 2)).toBe(true);
      expect((await stores.runs.get("run_1"))?.stateJson).toBe("2");
      expect(await stores.runs.update("run_1", ["running"], { stateJson: undefined })).toBe(true);
      expect((await stores.runs.get("run_1"))?.stateJson).toBeUndefined();
    });

    it("keeps attempts before it from writing anything to the journal", async () => {
      await taken("run_1", 1);
      for (const seq of [1, 2]) await stores.journal.begin(call("run_1", seq, { attempt: 1 }));
      await take("run_1");
      const before = await stores.journal.list("run_1");
      const late = { runId: "run_1", seq: 1, attempt: 1 };
      const writes = [
        () => stores.journal.begin(call("run_1", 3, { attempt: 1 })),
        () => stores.journal.record(call("run_1", 3, { attempt: 1 }), OK),
        () => stores.journal.settle(late, OK),
        () => stores.journal.ask(late, { askedAtMs: 1, expiresAtMs: 2 }),
        () => stores.journal.clear("run_1", 1),
      ];
      for (const write of writes) await expect(write()).rejects.toMatchObject(superseded);
      expect(await stores.journal.list("run_1")).toEqual(before);
    });
  });

  describe("a call of an earlier attempt", () => {
    it("that is pending is begun again, with another start", async () => {
      await taken("run_1", 1);
      await stores.journal.begin(call("run_1", 1, { attempt: 1 }));
      await take("run_1");
      await expect(stores.journal.settle({ runId: "run_1", seq: 1, attempt: 2 }, OK)).rejects.toMatchObject({
        code: "INTERNAL",
      });
      const again = call("run_1", 1, { attempt: 2, tool: "other", argumentsJson: "[]", startedAtMs: 9 });
      await stores.journal.begin(again);
      expect(await first("run_1")).toMatchObject({ ...again, outcome: "pending" });
      await stores.journal.settle({ runId: "run_1", seq: 1, attempt: 2 }, OK);
      expect(await first("run_1")).toEqual({ ...again, ...OK, approval: undefined });
    });

    it("that is pending can be written down as ended", async () => {
      await taken("run_1", 1);
      await stores.journal.begin(call("run_1", 1, { attempt: 1 }));
      await take("run_1");
      const unknown: CallSettlement = { ...OK, outcome: "unknown", resultJson: undefined };
      await stores.journal.record(call("run_1", 1, { attempt: 2 }), unknown);
      expect(await first("run_1")).toEqual({ ...call("run_1", 1, { attempt: 2 }), ...unknown, approval: undefined });
    });

    it("that has settled stays as it is", async () => {
      await taken("run_1", 1);
      await stores.journal.record(call("run_1", 1, { attempt: 1 }), OK);
      await take("run_1");
      const next = call("run_1", 1, { attempt: 2 });
      await expect(stores.journal.begin(next)).rejects.toMatchObject({ code: "INTERNAL" });
      await expect(stores.journal.record(next, OK)).rejects.toMatchObject({ code: "INTERNAL" });
      expect(await first("run_1")).toMatchObject({ attempt: 1, outcome: "ok" });
    });
  });

  describe("a call that waits for a decision", () => {
    const NAME = { runId: "run_1", seq: 1, attempt: 1 };
    beforeEach(async () => {
      await taken("run_1", 1);
      await stores.journal.begin(call("run_1", 1, { attempt: 1 }));
      await stores.journal.ask(NAME, { askedAtMs: 10, expiresAtMs: 20 });
    });

    it("is awaiting, and can be neither settled nor asked for again", async () => {
      const approval = { askedAtMs: 10, expiresAtMs: 20, decided: undefined };
      expect(await first("run_1")).toMatchObject({ outcome: "awaiting", settledAtMs: undefined, approval });
      await expect(stores.journal.settle(NAME, OK)).rejects.toMatchObject({ code: "INTERNAL" });
      await expect(stores.journal.ask(NAME, approval)).rejects.toMatchObject({ code: "INTERNAL" });
    });

    it("has the first decision, which others are told", async () => {
      const grant = { tool: "read_*", times: 3, match: { path: "/a" } };
      const decisions = [{ ...APPROVED, grant }, DENIED];
      expect(await stores.journal.decide(NAME, { ...APPROVED, grant })).toEqual({ ...APPROVED, grant });
      for (const decision of decisions)
        expect(await stores.journal.decide(NAME, decision)).toEqual({ ...APPROVED, grant });
      expect(await first("run_1")).toMatchObject({
        outcome: "awaiting",
        approval: { decided: { ...APPROVED, grant } },
      });
    });

    it("gets one decision from many at once", async () => {
      const answers = await Promise.all([APPROVED, DENIED, APPROVED].map((one) => stores.journal.decide(NAME, one)));
      expect(new Set(answers.map((one) => one?.decision)).size).toBe(1);
    });

    it("cannot be decided when it was never asked for", async () => {
      expect(await stores.journal.decide({ runId: "run_1", seq: 2 }, APPROVED)).toBeUndefined();
      expect(await stores.journal.decide({ runId: "run_0", seq: 1 }, APPROVED)).toBeUndefined();
      await stores.journal.begin(call("run_1", 2, { attempt: 1 }));
      expect(await stores.journal.decide({ runId: "run_1", seq: 2 }, APPROVED)).toBeUndefined();
    });

    it("is begun again with its approval kept, by the same attempt or a later one", async () => {
      await stores.journal.decide(NAME, APPROVED);
      await take("run_1");
      await stores.journal.begin(call("run_1", 1, { attempt: 2 }));
      const approval = { askedAtMs: 10, expiresAtMs: 20, decided: APPROVED };
      expect(await first("run_1")).toMatchObject({ outcome: "pending", attempt: 2, approval });
      expect(await stores.journal.decide(NAME, DENIED)).toEqual(APPROVED);
      await stores.journal.settle({ ...NAME, attempt: 2 }, OK);
      expect(await first("run_1")).toMatchObject({ outcome: "ok", resultJson: "[1]", approval });
    });

    it("can be written down as denied", async () => {
      await stores.journal.decide(NAME, DENIED);
      await stores.journal.record(call("run_1", 1, { attempt: 1 }), {
        ...OK,
        outcome: "denied",
        resultJson: undefined,
      });
      expect(await first("run_1")).toMatchObject({ outcome: "denied", approval: { decided: DENIED } });
    });
  });

  describe("calls that wait too long", () => {
    const ask = async (runId: string, seq: number, expiresAtMs: number): Promise<void> => {
      await stores.journal.begin(call(runId, seq, { attempt: 1 }));
      await stores.journal.ask({ runId, seq, attempt: 1 }, { askedAtMs: 1, expiresAtMs });
    };
    beforeEach(async () => {
      for (const id of ["run_1", "run_2"]) await taken(id, 1);
      await ask("run_1", 1, 30);
      await ask("run_1", 2, 10);
      await ask("run_2", 1, 20);
      await ask("run_2", 2, 40);
    });

    it("are told, the one that was over first first, as many as are asked for", async () => {
      const [a, b, c] = [
        { runId: "run_1", seq: 2 },
        { runId: "run_2", seq: 1 },
        { runId: "run_1", seq: 1 },
      ];
      expect(await stores.journal.expired(9, 10)).toEqual([]);
      expect(await stores.journal.expired(30, 10)).toEqual([a, b, c]);
      expect(await stores.journal.expired(30, 2)).toEqual([a, b]);
    });

    it("are those that nobody decided, of runs that are there, and that were not made again or cleared", async () => {
      await stores.journal.decide({ runId: "run_1", seq: 1 }, APPROVED);
      await stores.journal.begin(call("run_1", 2, { attempt: 1 }));
      expect(await stores.journal.expired(99, 10)).toEqual([
        { runId: "run_2", seq: 1 },
        { runId: "run_2", seq: 2 },
      ]);
      await stores.journal.clear("run_2", 1);
      expect(await stores.journal.expired(99, 10)).toEqual([]);
      await ask("run_2", 1, 50);
      expect(await stores.journal.expired(99, 1)).toEqual([{ runId: "run_2", seq: 1 }]);
      await stores.runs.update("run_2", ["running"], { status: "cancelled", endedAtMs: 3 });
      await stores.prune(4);
      expect(await stores.journal.expired(99, 1)).toEqual([]);
    });
  });

  describe("a journal", () => {
    it("keeps the order in which the script was told, and lists calls of one kind", async () => {
      await taken("run_1", 1);
      for (const seq of [1, 2, 3, 4]) {
        const kind = seq % 2 === 0 ? "own" : "tool";
        await stores.journal.record(call("run_1", seq, { attempt: 1, kind }), { ...OK, order: 5 - seq });
      }
      const listed = async (query: object) => (await stores.journal.list("run_1", query)).map(({ seq }) => seq);
      expect((await stores.journal.list("run_1")).map(({ order }) => order)).toEqual([4, 3, 2, 1]);
      expect(await listed({ kind: "own" })).toEqual([2, 4]);
      expect(await listed({ kind: "tool", after: 1 })).toEqual([3]);
      expect(await listed({ kind: "own", limit: 1 })).toEqual([2]);
      expect(await listed({ kind: "own", limit: 0 })).toEqual([]);
    });

    it("of many calls and large results comes whole, and stops where it is asked to", async () => {
      await taken("run_1", 1);
      const resultJson = `"${"ä€😀".repeat(10_000)}"`;
      for (let seq = 1; seq <= 500; seq++)
        await stores.journal.record(call("run_1", seq, { attempt: 1, argumentsJson: "{}" }), {
          ...OK,
          resultJson: seq <= 150 ? resultJson : "1",
        });
      const all = await stores.journal.list("run_1");
      expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
      expect(all[149]?.resultJson).toBe(resultJson);
      const size = resultJson.length + 2;
      expect(await stores.journal.list("run_1", { maxSize: 140 * size - 1 })).toHaveLength(140);
      expect(await stores.journal.list("run_1", { maxSize: 140 * size })).toHaveLength(141);
      expect(await stores.journal.list("run_1", { limit: 333 })).toHaveLength(333);
    });

    it("is empty after it was cleared, and takes the same numbers again", async () => {
      await taken("run_1", 1);
      for (const seq of [1, 2]) await stores.journal.record(call("run_1", seq, { attempt: 1 }), OK);
      await stores.journal.clear("run_1", 1);
      expect(await stores.journal.list("run_1")).toEqual([]);
      await stores.journal.begin(call("run_1", 1, { attempt: 1 }));
      expect(await stores.journal.list("run_1")).toHaveLength(1);
    });
  });
});
