import { describe, expect, test } from "vitest";
import { createCatalogSource } from "../../../../src/catalog/catalog-source.ts";
import type { Catalog, CatalogSource } from "../../../../src/catalog/catalog.ts";
import { ObservedTypes } from "../../../../src/catalog/learned/observed-types.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { MemoryObservationStore } from "../../../../src/store/memory/memory-observation-store.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { FakeRegistry, tool } from "../fake-registry.ts";

const ROW = { type: "object", properties: { id: { type: "number" } }, required: ["id"] };
const SEEN = "mcp.files.readFile(): Promise<Observed<{ id: number }>>";
const UNSEEN = "mcp.files.readFile(): Promise<unknown>";

interface Made {
  readonly source: CatalogSource;
  readonly registry: FakeRegistry;
  readonly see: (principal: string, server: string, name: string, value: unknown) => void;
}

async function make(): Promise<Made> {
  const registry = new FakeRegistry({
    files: [tool("read_file"), tool("stat", { outputSchema: ROW }), tool("write_file")],
    web: [tool("get"), tool("read_file")],
    down: undefined,
  });
  const clock = createManualClock();
  const observed = await ObservedTypes.create({ store: new MemoryObservationStore(), clock, log: silentLog });
  const source = createCatalogSource(registry, observed);
  return {
    source,
    registry,
    see(principal, server, name, value) {
      const seen = source.current({ access: {} }).find(server, name);
      if (seen === undefined) throw new Error(`there is no ${server}.${name}`);
      observed.observe({ principal, tool: seen, value, bytes: 1 });
      clock.advance(0);
    },
  };
}

/** The signature of `files.read_file`, by every way to ask for it. */
function ways(catalog: Catalog): readonly (string | undefined)[] {
  const resolved = catalog.resolve(["files", "read_file"]);
  const missed = catalog.resolve(["files", "readFil"]);
  const { hits } = catalog.search("read", { server: "files" });
  return [
    catalog.find("files", "read_file")?.signature,
    catalog.tools.find(({ server, name }) => server === "files" && name === "read_file")?.signature,
    resolved.kind === "tool" ? resolved.tool.signature : undefined,
    missed.kind === "unknown" ? missed.nearest[0]?.signature : undefined,
    hits.find((hit) => hit.tool.name === "read_file")?.tool.signature,
  ];
}

describe("what a principal's results have taught", () => {
  test("is shown to this principal by every way to ask, and to nobody else", async () => {
    const { source, see } = await make();
    see("ann", "files", "read_file", { id: 1 });
    expect(ways(source.current({ access: {}, id: "ann" }))).toEqual(Array(5).fill(SEEN));
    for (const reader of [{ access: {}, id: "bob" }, { access: {} }]) {
      expect(ways(source.current(reader))).toEqual(Array(5).fill(UNSEEN));
      expect(source.current(reader).declarations()).not.toContain("Observed");
    }
    expect(source.current({ access: {}, id: "ann" }).declarations()).toMatch(
      /type Observed<T> = T;[^]*readFile\([^)]*\): Promise<Observed<\{ id: number \}>>/u,
    );
    const settled = await source.settled({ access: {}, id: "ann" });
    expect(settled).toBe(source.current({ access: {}, id: "ann" }));
  });

  test("does not replace what the server declares", async () => {
    const { source, see } = await make();
    see("ann", "files", "stat", { other: "x" });
    const shown = source.current({ access: {}, id: "ann" }).find("files", "stat");
    expect([shown?.signature, shown?.observedSchema]).toEqual(["mcp.files.stat(): Promise<{ id: number }>", undefined]);
  });

  test("shows no tool that the reader may not use", async () => {
    const { source, see } = await make();
    see("ann", "files", "read_file", { id: 1 });
    const narrowed = source.current({ access: {}, id: "ann" }, { servers: ["web"] });
    expect(narrowed.find("files", "read_file")).toBeUndefined();
    expect(narrowed.tools.map(({ server }) => server)).toEqual(["web", "web"]);
    expect(narrowed.declarations()).not.toContain("Observed");
  });

  test("is shown in a narrowed catalog too", async () => {
    const { source, see } = await make();
    see("ann", "files", "read_file", { id: 1 });
    const narrowed = source.current({ access: {}, id: "ann" }, { tools: new Map([["files", ["read_file"]]]) });
    expect(ways(narrowed)).toEqual(Array(5).fill(SEEN));
  });

  test("is gone when the tool changes, and back with the version it is of", async () => {
    const { source, registry, see } = await make();
    see("ann", "files", "read_file", { id: 1 });
    registry.set("files", [tool("read_file", { description: "Reads otherwise." })]);
    expect(source.current({ access: {}, id: "ann" }).find("files", "read_file")?.signature).toBe(UNSEEN);
    registry.set("files", [tool("read_file")]);
    expect(source.current({ access: {}, id: "ann" }).find("files", "read_file")?.signature).toBe(SEEN);
  });
});

describe("a view", () => {
  test("is the same object until there is more to show, and never changes", async () => {
    const { source, see } = await make();
    const reader = { access: {}, id: "ann" };
    see("ann", "files", "read_file", { id: 1 });
    const first = source.current(reader);
    const [tools, text] = [first.tools, first.declarations()];
    see("ann", "files", "read_file", { id: 2 });
    see("bob", "files", "read_file", "x");
    expect(source.current(reader)).toBe(first);
    see("ann", "files", "read_file", { id: null });
    const second = source.current(reader);
    expect(second).not.toBe(first);
    expect([first.tools, first.declarations()]).toEqual([tools, text]);
    expect(first.find("files", "read_file")?.signature).toBe(SEEN);
    for (const part of [second, second.tools, second.find("files", "read_file")])
      expect(Object.isFrozen(part)).toBe(true);
  });

  test("is the shared catalog itself while nothing was learned", async () => {
    const { source } = await make();
    expect(source.current({ access: {}, id: "ann" })).toBe(source.current({ access: {} }));
  });

  test("agrees with the shared catalog in all but the types", async () => {
    const { source, see } = await make();
    see("ann", "web", "read_file", { id: 1 });
    const [shared, view] = [source.current({ access: {} }), source.current({ access: {}, id: "ann" })];
    expect([view.servers, view.unlisted, view.namesJson]).toEqual([shared.servers, shared.unlisted, shared.namesJson]);
    expect(view.search("read file").hits.map(({ tool: { server }, score }) => [server, score])).toEqual(
      shared.search("read file").hits.map(({ tool: { server }, score }) => [server, score]),
    );
    expect(view.resolve(["down", "x"])).toEqual(shared.resolve(["down", "x"]));
    expect(view.find("web", "none")).toBeUndefined();
    expect(view.find("files", "write_file")).toBe(shared.find("files", "write_file"));
    expect(view.declarations(["files"])).toBe(shared.declarations(["files"]));
    expect(
      view
        .declarations()
        .replaceAll(/Observed<\{ id: number \}>/gu, "unknown")
        .split("\n")
        .slice(2)
        .join("\n"),
    ).toBe(shared.declarations());
  });
});
