import { describe, expect, test } from "vitest";
import { LearnedTypes } from "../../../../src/catalog/learned/learned-types.ts";
import { ObservedTypes } from "../../../../src/catalog/learned/observed-types.ts";
import type { CatalogTool } from "../../../../src/catalog/catalog.ts";
import type { Log } from "../../../../src/lib/log.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import type { ObservationStore } from "../../../../src/store/observation-store.ts";
import { MemoryObservationStore } from "../../../../src/store/memory/memory-observation-store.ts";
import { fakeTool } from "../../../support/fake-catalog.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import type { ManualClock } from "../../../support/manual-clock.ts";

const DAY_MS = 86_400_000;
const GATHER_MS = 2_000;
const read = fakeTool("files", "read");
const ID = { type: "object", properties: { id: { type: "number" } }, required: ["id"] };

interface Made {
  readonly observed: ObservedTypes;
  readonly store: ObservationStore;
  readonly clock: ManualClock;
  /** Has a principal's call answered, and looked at. */
  readonly see: (value: unknown, tool?: CatalogTool, principal?: string, bytes?: number) => void;
  /** What a principal is shown of a tool. */
  readonly schema: (tool?: CatalogTool, principal?: string) => unknown;
  readonly logged: string[];
}

async function make(
  store: ObservationStore = new MemoryObservationStore(),
  clock = createManualClock(),
): Promise<Made> {
  const logged: string[] = [];
  const note = (_: object, message: string): void => void logged.push(message);
  const log: Log = { ...silentLog, warn: note, error: note };
  const observed = await ObservedTypes.create({ store, clock, log });
  return {
    observed,
    store,
    clock,
    see(value, tool = read, principal = "ann", bytes = 10) {
      observed.observe({ principal, tool, value, bytes });
      clock.advance(0);
    },
    schema: (tool = read, principal = "ann") => observed.of(principal).show(tool).observedSchema,
    logged,
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe("learning", () => {
  test("waits until the answer is on its way", async () => {
    const { observed, clock, schema } = await make();
    observed.observe({ principal: "ann", tool: read, value: { id: 1 }, bytes: 8 });
    expect(schema()).toBeUndefined();
    clock.advance(0);
    expect(schema()).toEqual(ID);
  });

  test("is for the principal who called alone, and for the tool that answered", async () => {
    const { see, schema } = await make();
    see({ id: 1 });
    expect(schema(read, "bob")).toBeUndefined();
    expect(schema(fakeTool("files", "write"))).toBeUndefined();
    expect(schema(fakeTool("other", "read"))).toBeUndefined();
    see("x", read, "bob");
    expect([schema(), schema(read, "bob")]).toEqual([ID, { type: "string" }]);
  });

  test("is not needed where the tool says what it answers", async () => {
    const { see, schema, clock } = await make();
    const declared = fakeTool("files", "read", { outputSchema: {} });
    see({ id: 1 }, declared);
    expect([schema(declared), clock.pending()]).toEqual([undefined, 0]);
  });

  test("starts anew when the tool changes; the old version is not shown as the new one, nor the other way round", async () => {
    const { see, schema } = await make();
    see({ id: 1 });
    const changed = fakeTool("files", "read", { description: "Reads otherwise." });
    expect(schema(changed)).toBeUndefined();
    see("text", changed);
    expect([schema(changed), schema(read)]).toEqual([{ type: "string" }, undefined]);
  });

  test("a change is seen at once, however seldom the settled old version was looked at", async () => {
    const { see, schema } = await make();
    for (let times = 0; times < 20; times++) see({ id: 1 });
    const changed = fakeTool("files", "read", { inputSchema: {} });
    see("text", changed);
    expect(schema(changed)).toEqual({ type: "string" });
  });

  test("takes 64 answers that come at once, eight at a time", async () => {
    const { observed, schema, clock } = await make();
    const tools = Array.from({ length: 70 }, (_, at) => fakeTool("files", `tool${at}`));
    for (const tool of tools) observed.observe({ principal: "ann", tool, value: "x", bytes: 3 });
    expect(clock.pending()).toBe(1);
    clock.advance(0);
    expect(tools.map((tool) => schema(tool) !== undefined)).toEqual(tools.map((_, at) => at < 64));
  });

  test("looks at a large answer only while nothing is known of the tool", async () => {
    const { see, schema } = await make();
    const large = 300 * 1024;
    see({ id: 1 }, read, "ann", large);
    see({ id: "x" }, read, "ann", large);
    expect(schema()).toEqual(ID);
  });

  test("that fails is told once and harms nobody", async () => {
    const { see, schema, logged } = await make();
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("no");
        },
      },
    );
    see(hostile);
    see(hostile);
    see({ id: 1 }, fakeTool("files", "other"));
    expect(logged).toEqual(["learning from a result failed"]);
    expect(schema(fakeTool("files", "other"))).toEqual(ID);
  });
});

describe("what is shown", () => {
  test("is the same object until there is more", async () => {
    const { observed, see } = await make();
    expect(observed.of("ann")).toBe(observed.of("ann"));
    see({ id: 1 });
    const first = observed.of("ann");
    see({ id: 2 });
    expect(observed.of("ann")).toBe(first);
    see({ id: null });
    const second = observed.of("ann");
    expect(second).not.toBe(first);
    expect(first.show(read).observedSchema).toEqual(ID);
    expect(first.show(read)).toBe(first.show(read));
  });

  test("of a principal who has called nothing is nothing", async () => {
    const { observed } = await make();
    expect(observed.of("nobody").isEmpty).toBe(true);
    expect(observed.of("nobody").show(read)).toBe(read);
  });

  test("keeps the servers of which nothing was learned since", async () => {
    const { observed, see } = await make();
    const toServer = (tool: CatalogTool) => ({
      server: tool.server,
      namespace: tool.server,
      tools: { server: tool.server, namespace: tool.server, tools: [tool], byName: new Map([[tool.name, tool]]) },
    });
    const web = fakeTool("web", "get");
    const [files, other, idle] = [toServer(read), toServer(web), toServer(fakeTool("idle", "wait"))];
    see({ id: 1 });
    const first = observed.of("ann").showServer(files);
    expect(first.tools?.byName.get("read")?.observedSchema).toEqual(ID);
    see("x", web);
    const next = observed.of("ann");
    expect(next).toBeInstanceOf(LearnedTypes);
    expect(next.showServer(files)).toBe(first);
    expect(next.showServer(other)).not.toBe(other);
    expect(next.showServer(idle)).toBe(idle);
    expect(next.showServer({ server: "x", namespace: "x", tools: undefined }).tools).toBeUndefined();
  });
});

describe("what is kept", () => {
  test("is written once for many answers, and taken up by the next life", async () => {
    const first = await make();
    let writes = 0;
    const save = first.store.save.bind(first.store);
    first.store.save = (...batch) => (writes++, save(...batch));
    for (const id of [1, null, "x"]) first.see({ id });
    first.see("text", read, "bob");
    first.clock.advance(GATHER_MS);
    await settle();
    expect(writes).toBe(1);
    const next = await make(first.store);
    expect([next.schema(), next.schema(read, "bob")]).toEqual([first.schema(), { type: "string" }]);
    expect(next.schema(fakeTool("files", "read", { description: "changed" }))).toBeUndefined();
  });

  test("is written at the end, also what nobody had time to look at", async () => {
    const { observed, store, see } = await make();
    observed.observe({ principal: "ann", tool: read, value: { id: 1 }, bytes: 8 });
    await observed.close();
    await observed.close();
    see({ id: "ignored" });
    expect((await make(store)).schema()).toEqual(ID);
  });

  test("is one version of a tool: the older one goes", async () => {
    const { observed, store, see } = await make();
    see({ id: 1 });
    see("x", fakeTool("files", "read", { description: "changed" }));
    await observed.close();
    expect((await store.list(10)).map(({ principal, server, tool }) => [principal, server, tool])).toEqual([
      ["ann", "files", "read"],
    ]);
  });

  test("is noted as seen once a day while the tool is used", async () => {
    const { clock, store, see } = await make();
    for (let times = 0; times < 20; times++) see({ id: 1 });
    clock.advance(GATHER_MS);
    await settle();
    clock.advance(DAY_MS);
    see({ id: 1 });
    see({ id: 1 });
    clock.advance(GATHER_MS);
    await settle();
    expect((await store.list(10)).map(({ seenAtMs }) => seenAtMs)).toEqual([clock.now() - GATHER_MS]);
  });

  test("is at most 512 tools of a principal: the one not learned from for longest goes, here and in the store", async () => {
    const { observed, store, see, schema } = await make();
    const tools = Array.from({ length: 513 }, (_, at) => fakeTool("files", `tool${at}`));
    for (const tool of tools.slice(0, 512)) see("x", tool);
    see(1, tools[0]);
    see("x", tools[512]);
    expect(tools.flatMap((tool, at) => (schema(tool) === undefined ? [at] : []))).toEqual([1]);
    await observed.close();
    const kept = new Set((await store.list(1_000)).map(({ tool }) => tool));
    expect([kept.size, kept.has("tool0"), kept.has("tool1")]).toEqual([512, true, false]);
  });

  test("that cannot be read is told, and learning goes on", async () => {
    const store = new MemoryObservationStore();
    store.list = () => Promise.reject(new Error("damaged"));
    const { see, schema, logged } = await make(store);
    expect(logged).toEqual(["what earlier results looked like could not be read"]);
    see({ id: 1 });
    expect(schema()).toEqual(ID);
  });

  test("that cannot be written is told once, tried again, and not lost", async () => {
    const store = new MemoryObservationStore();
    const save = store.save.bind(store);
    store.save = () => Promise.reject(new Error("full"));
    const { clock, see, logged, observed } = await make(store);
    see({ id: 1 });
    clock.advance(GATHER_MS);
    await settle();
    clock.advance(60_000);
    await settle();
    see({ id: null }, fakeTool("files", "other"));
    store.save = save;
    clock.advance(60_000);
    await settle();
    expect(logged).toEqual(["what results looked like could not be stored"]);
    expect((await store.list(10)).map(({ tool }) => tool).toSorted()).toEqual(["other", "read"]);
    store.save = () => Promise.reject(new Error("full"));
    see("x", fakeTool("files", "third"));
    await observed.close();
    expect(logged).toHaveLength(2);
  });
});
