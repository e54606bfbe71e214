import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { errorInfo } from "../../../src/lib/errors.ts";
import type { JsonValue } from "../../../src/lib/guards.ts";
import type { JournalQuery } from "../../../src/store/journal.ts";
import type { RunQuery, RunRecord, RunStatus } from "../../../src/store/run-store.ts";
import type { Stores } from "../../../src/store/stores.ts";
import { call, run } from "../../support/records.ts";
import { STORE_KINDS } from "../../support/store-kinds.ts";
import type { OpenedStores } from "../../support/store-kinds.ts";

const EVERYTHING: RunQuery = { principal: undefined, status: undefined, limit: 100, before: undefined };

/** One body for every implementation: what callers may rely on whichever is configured. */
function describeStores(name: string, open: () => OpenedStores | Promise<OpenedStores>): void {
  describe(name, () => {
    let stores: Stores;
    let cleanUp: OpenedStores["cleanUp"];

    beforeEach(async () => {
      ({ stores, cleanUp } = await open());
    });
    afterEach(async () => {
      await stores.close();
      await cleanUp();
    });

    const ids = async (query: Partial<RunQuery>): Promise<string[]> =>
      (await stores.runs.list({ ...EVERYTHING, ...query })).map(({ id }) => id);

    describe("runs", () => {
      it("come back as they were inserted", async () => {
        const bare = run("run_1");
        const full = run("run_2", {
          source: "task",
          status: "failed",
          startedAtMs: 1_001,
          endedAtMs: 1_002,
          outcomeJson: '{"error":null}',
          metadata: { ticket: [7, null, "ä"] },
        });
        await stores.runs.insert(bare);
        await stores.runs.insert(full);
        expect(await stores.runs.get("run_1")).toEqual(bare);
        expect(await stores.runs.get("run_2")).toEqual(full);
      });

      it("keep any text and any JSON exactly", async () => {
        let count = 0;
        const text = fc.string({ unit: "grapheme" });
        await fc.assert(
          fc.asyncProperty(text, text, fc.jsonValue({ noUnicodeString: false }), async (principal, request, value) => {
            const metadata = JSON.parse(JSON.stringify(value)) as JsonValue;
            const record = run(`run_${count++}`, { principal, requestJson: JSON.stringify(request), metadata });
            await stores.runs.insert(record);
            expect(await stores.runs.get(record.id)).toEqual(record);
          }),
          { numRuns: 200 },
        );
      });

      it("keep metadata that is null apart from metadata that is absent", async () => {
        await stores.runs.insert(run("run_1", { metadata: null }));
        await stores.runs.insert(run("run_2", { metadata: undefined }));
        expect((await stores.runs.get("run_1"))?.metadata).toBeNull();
        expect((await stores.runs.get("run_2"))?.metadata).toBeUndefined();
      });

      it("do not change when the caller changes what it inserted", async () => {
        const metadata = { label: "before" };
        await stores.runs.insert(run("run_1", { metadata }));
        metadata.label = "after";
        expect((await stores.runs.get("run_1"))?.metadata).toEqual({ label: "before" });
      });

      it("keep a megabyte of outcome", async () => {
        const outcomeJson = JSON.stringify("x".repeat(1_000_000));
        await stores.runs.insert(run("run_1"));
        await stores.runs.update("run_1", ["queued"], { outcomeJson });
        expect((await stores.runs.get("run_1"))?.outcomeJson).toBe(outcomeJson);
      });

      it("are unknown when they were never inserted", async () => {
        expect(await stores.runs.get("run_0")).toBeUndefined();
        expect(await stores.runs.update("run_0", ["queued"], { status: "running" })).toBe(false);
      });

      it("refuse an id that is taken and keep the first run", async () => {
        await stores.runs.insert(run("run_1", { principal: "ann" }));
        await expect(stores.runs.insert(run("run_1", { principal: "bob" }))).rejects.toMatchObject({
          code: "INTERNAL",
          message: 'Cannot insert a run as its id must be new: current value is "run_1".',
        });
        expect((await stores.runs.get("run_1"))?.principal).toBe("ann");
      });
    });

    describe("update", () => {
      it("changes what it names and nothing else", async () => {
        await stores.runs.insert(run("run_1", { metadata: { kept: true } }));
        expect(await stores.runs.update("run_1", ["queued"], { status: "running", startedAtMs: 5 })).toBe(true);
        expect(await stores.runs.get("run_1")).toEqual(
          run("run_1", { metadata: { kept: true }, status: "running", startedAtMs: 5 }),
        );
        const end = { status: "succeeded", endedAtMs: 9, outcomeJson: "{}" } as const;
        expect(await stores.runs.update("run_1", ["running"], end)).toBe(true);
        expect(await stores.runs.get("run_1")).toEqual(
          run("run_1", { metadata: { kept: true }, startedAtMs: 5, ...end }),
        );
      });

      it("clears a member that it names as undefined", async () => {
        await stores.runs.insert(run("run_1", { status: "running", startedAtMs: 5 }));
        await stores.runs.update("run_1", ["running"], { status: "queued", startedAtMs: undefined });
        expect(await stores.runs.get("run_1")).toEqual(run("run_1"));
      });

      it("changes nothing when the status is not one of those given", async () => {
        await stores.runs.insert(run("run_1", { status: "succeeded" }));
        expect(await stores.runs.update("run_1", ["queued", "running"], { status: "cancelled" })).toBe(false);
        expect(await stores.runs.update("run_1", [], { status: "cancelled" })).toBe(false);
        expect(await stores.runs.get("run_1")).toEqual(run("run_1", { status: "succeeded" }));
      });

      it("lets exactly one of many racing changes win", async () => {
        await stores.runs.insert(run("run_1"));
        const ends: RunStatus[] = ["succeeded", "failed", "cancelled", "succeeded", "failed"];
        const won = await Promise.all(ends.map((status) => stores.runs.update("run_1", ["queued"], { status })));
        expect(won.filter(Boolean)).toHaveLength(1);
        expect((await stores.runs.get("run_1"))?.status).toBe(ends[won.indexOf(true)]);
      });
    });

    describe("list", () => {
      beforeEach(async () => {
        const owners = ["ann", "bob", "ann", "ann", "bob"];
        const states: RunStatus[] = ["queued", "queued", "failed", "queued", "failed"];
        for (const [at, principal] of owners.entries()) {
          await stores.runs.insert(run(`run_${at + 1}`, { principal, status: states[at] ?? "queued" }));
        }
      });

      it("stops behind the run that makes all together too large, and goes on from there", async () => {
        const outcomeJson = `"${"x".repeat(100)}"`;
        for (let i = 1; i <= 5; i++) await stores.runs.insert(run(`run_b${i}`, { outcomeJson }));
        expect(await ids({ maxSize: 200 })).toEqual(["run_b5", "run_b4"]);
        expect(await ids({ maxSize: 0 })).toEqual(["run_b5"]);
        expect(await ids({ maxSize: 10_000, before: "run_b4", limit: 3 })).toEqual(["run_b3", "run_b2", "run_b1"]);
      });

      it("gives the newest first", async () => {
        expect(await ids({})).toEqual(["run_5", "run_4", "run_3", "run_2", "run_1"]);
      });

      it("narrows by principal, by status and by both", async () => {
        expect(await ids({ principal: "ann" })).toEqual(["run_4", "run_3", "run_1"]);
        expect(await ids({ status: "failed" })).toEqual(["run_5", "run_3"]);
        expect(await ids({ principal: "ann", status: "failed" })).toEqual(["run_3"]);
        expect(await ids({ principal: "eve" })).toEqual([]);
      });

      it("pages without gaps or repeats, also when runs are added meanwhile", async () => {
        expect(await ids({ limit: 2 })).toEqual(["run_5", "run_4"]);
        await stores.runs.insert(run("run_6"));
        expect(await ids({ limit: 2, before: "run_4" })).toEqual(["run_3", "run_2"]);
        expect(await ids({ limit: 2, before: "run_2" })).toEqual(["run_1"]);
        expect(await ids({ limit: 2, before: "run_1" })).toEqual([]);
      });

      it("pages within each narrowing, and from a cursor whose run is gone", async () => {
        expect(await ids({ principal: "ann", before: "run_4" })).toEqual(["run_3", "run_1"]);
        expect(await ids({ status: "failed", before: "run_5" })).toEqual(["run_3"]);
        expect(await ids({ principal: "bob", status: "queued", before: "run_4zzz" })).toEqual(["run_2"]);
      });

      it("takes a name with SQL in it as a name", async () => {
        expect(await ids({ principal: "ann' OR '1'='1" })).toEqual([]);
        expect(await ids({ before: "run_3'; DROP TABLE runs; --" })).toEqual(["run_3", "run_2", "run_1"]);
        expect(await ids({})).toHaveLength(5);
      });
    });

    it("unfinished gives queued and running runs, oldest first", async () => {
      const states: RunStatus[] = ["running", "succeeded", "queued", "waiting", "failed", "cancelled", "running"];
      for (const [at, status] of states.entries()) await stores.runs.insert(run(`run_${9 - at}`, { status }));
      expect((await stores.runs.unfinished()).map(({ id }) => id)).toEqual(["run_3", "run_7", "run_9"]);
    });

    describe("journal", () => {
      beforeEach(async () => {
        await stores.runs.insert(run("run_1"));
        await stores.runs.insert(run("run_2"));
      });

      it("shows a call as pending until it settles", async () => {
        await stores.journal.begin(call("run_1", 1));
        const pending = {
          outcome: "pending",
          settledAtMs: undefined,
          order: undefined,
          resultJson: undefined,
          error: undefined,
          approval: undefined,
        };
        expect(await stores.journal.list("run_1")).toEqual([{ ...call("run_1", 1), ...pending }]);
        const settlement = { outcome: "ok", settledAtMs: 30, order: 1, resultJson: "[1]", error: undefined } as const;
        await stores.journal.settle({ runId: "run_1", seq: 1, attempt: 0 }, settlement);
        expect(await stores.journal.list("run_1")).toEqual([
          { ...call("run_1", 1), ...settlement, approval: undefined },
        ]);
      });

      it("keeps an error with everything it carries", async () => {
        const error = errorInfo("TOOL_FAILED", "No such file.", { tool: "read", details: { path: ["a", 1] } });
        await stores.journal.begin(call("run_1", 1));
        await stores.journal.settle(
          { runId: "run_1", seq: 1, attempt: 0 },
          { outcome: "error", settledAtMs: 3, order: 1, resultJson: undefined, error },
        );
        expect((await stores.journal.list("run_1"))[0]?.error).toEqual(error);
      });

      it("lists by number, whatever the order of writing, and each run apart", async () => {
        for (const seq of [3, 1, 10, 2]) await stores.journal.begin(call("run_1", seq));
        await stores.journal.begin(call("run_2", 1));
        expect((await stores.journal.list("run_1")).map(({ seq }) => seq)).toEqual([1, 2, 3, 10]);
        expect((await stores.journal.list("run_2")).map(({ seq }) => seq)).toEqual([1]);
        expect(await stores.journal.list("run_0")).toEqual([]);
      });

      it("refuses a number that is taken", async () => {
        await stores.journal.begin(call("run_1", 1));
        await expect(stores.journal.begin(call("run_1", 1))).rejects.toMatchObject({
          code: "INTERNAL",
          message: 'Cannot journal a call of run "run_1" as its number must be new: current value is 1.',
        });
      });

      it("refuses a call of a run that is not stored", async () => {
        await expect(stores.journal.begin(call("run_0", 1))).rejects.toMatchObject({
          code: "INTERNAL",
          message: 'Cannot journal a call as its run must be stored: current value is "run_0".',
        });
      });

      it("lets the first settlement stand", async () => {
        await stores.journal.begin(call("run_1", 1));
        const first = { outcome: "ok", settledAtMs: 3, order: 1, resultJson: "1", error: undefined } as const;
        await stores.journal.settle({ runId: "run_1", seq: 1, attempt: 0 }, first);
        await expect(
          stores.journal.settle({ runId: "run_1", seq: 1, attempt: 0 }, { ...first, resultJson: "2" }),
        ).rejects.toMatchObject({
          code: "INTERNAL",
        });
        await expect(stores.journal.settle({ runId: "run_1", seq: 2, attempt: 0 }, first)).rejects.toMatchObject({
          code: "INTERNAL",
        });
        expect((await stores.journal.list("run_1"))[0]?.resultJson).toBe("1");
      });
    });

    describe("a page of a journal", () => {
      const seqs = async (query: JournalQuery): Promise<number[]> =>
        (await stores.journal.list("run_1", query)).map(({ seq }) => seq);

      beforeEach(async () => {
        await stores.runs.insert(run("run_1"));
        for (let seq = 1; seq <= 5; seq++) await stores.journal.begin(call("run_1", seq));
      });

      it("begins after a number and is bounded in number", async () => {
        expect(await seqs({})).toEqual([1, 2, 3, 4, 5]);
        expect(await seqs({ after: 3 })).toEqual([4, 5]);
        expect(await seqs({ after: 1, limit: 2 })).toEqual([2, 3]);
        expect(await seqs({ after: 9 })).toEqual([]);
      });

      it("stops behind the call that makes all together too large", async () => {
        const settlement = {
          outcome: "ok",
          settledAtMs: 3,
          order: 1,
          resultJson: `"${"x".repeat(100)}"`,
          error: undefined,
        } as const;
        await stores.journal.settle({ runId: "run_1", seq: 2, attempt: 0 }, settlement);
        expect(await seqs({ maxSize: 50 })).toEqual([1, 2]);
        expect(await seqs({ after: 2, maxSize: 0 })).toEqual([3]);
      });
    });

    describe("prune", () => {
      const ended = (id: string, endedAtMs: number): RunRecord => run(id, { status: "succeeded", endedAtMs });

      it("deletes runs that ended before the instant, with their journals, and no others", async () => {
        for (const record of [ended("run_1", 10), ended("run_2", 20), run("run_3")]) await stores.runs.insert(record);
        for (const id of ["run_1", "run_2", "run_3"]) await stores.journal.begin(call(id, 1));
        expect(await stores.prune(20)).toBe(1);
        expect(await ids({})).toEqual(["run_3", "run_2"]);
        expect(await stores.journal.list("run_1")).toEqual([]);
        expect(await stores.journal.list("run_2")).toHaveLength(1);
        expect(await stores.journal.list("run_3")).toHaveLength(1);
        expect(await stores.prune(20)).toBe(0);
      });

      it("deletes many, and other work gets its turn meanwhile", async () => {
        for (let at = 0; at < 1_000; at++) await stores.runs.insert(ended(`run_${String(at).padStart(4, "0")}`, at));
        const pruned = stores.prune(999);
        expect(await stores.runs.get("run_0999")).toBeDefined();
        expect(await pruned).toBe(999);
        expect(await ids({})).toEqual(["run_0999"]);
      });
    });

    it("close is safe to call twice, and later work is refused", async () => {
      await stores.runs.insert(run("run_1"));
      await stores.close();
      await stores.close();
      await stores.runs.close();
      const settlement = { outcome: "ok", settledAtMs: 1, order: 1, resultJson: "1", error: undefined } as const;
      const late = [
        () => stores.runs.insert(run("run_2")),
        () => stores.runs.update("run_1", ["queued"], { status: "running" }),
        () => stores.runs.get("run_1"),
        () => stores.runs.list(EVERYTHING),
        () => stores.runs.unfinished(),
        () => stores.journal.begin(call("run_1", 1)),
        () => stores.journal.settle({ runId: "run_1", seq: 1, attempt: 0 }, settlement),
        () => stores.journal.list("run_1"),
        () => stores.results.put("run_1", new Uint8Array(1)),
        () => stores.results.get("run_1"),
        () => stores.results.delete("run_1"),
        () => stores.prune(1),
      ];
      for (const work of late) {
        await expect(work()).rejects.toMatchObject({
          code: "INTERNAL",
          message: expect.stringMatching(/^Cannot .+ as the store must be open: it is closed\.$/u) as string,
        });
      }
    });
  });
}

for (const [name, open] of STORE_KINDS) describeStores(name, open);
