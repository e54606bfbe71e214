import { describe, expect, test } from "vitest";
import { createCatalogSource } from "../../../src/catalog/catalog-source.ts";
import { FakeRegistry, tool } from "./fake-registry.ts";

const read = { annotations: { readOnlyHint: true } };

function names(catalog: { readonly tools: readonly { readonly server: string; readonly name: string }[] }): string[] {
  return catalog.tools.map(({ server, name }) => `${server}/${name}`);
}

describe("a catalog", () => {
  test("has tools by server, then as listed, and knows which servers are not listed", () => {
    const registry = new FakeRegistry({ web: [tool("z"), tool("a")], down: undefined, files: [tool("m")] });
    const catalog = createCatalogSource(registry).current({ access: {} });
    expect(names(catalog)).toEqual(["files/m", "web/z", "web/a"]);
    expect(catalog.servers).toEqual(["down", "files", "web"]);
    expect(catalog.unlisted).toEqual(["down"]);
    expect(JSON.parse(catalog.namesJson)).toEqual({ down: [], files: ["m"], web: ["z", "a"] });
  });

  test("finds by the own names of server and tool only", () => {
    const catalog = createCatalogSource(new FakeRegistry({ "a-b": [tool("get-x")] })).current({ access: {} });
    expect(catalog.find("a-b", "get-x")?.method).toBe("getX");
    expect(catalog.find("a-b", "getX")).toBeUndefined();
    expect(catalog.find("aB", "get-x")).toBeUndefined();
  });

  test("serves the first of two tools of one name", () => {
    const catalog = createCatalogSource(
      new FakeRegistry({ s: [tool("x", { description: "1" }), tool("x", { description: "2" })] }),
    ).current({ access: {} });
    expect(catalog.tools.map(({ description, method }) => [description, method])).toEqual([["1", "x"]]);
  });

  test("keeps what the server said of a tool", () => {
    const definition = tool("x", { server: "s", title: "T", ...read, outputSchema: { type: "object" } });
    const [made] = createCatalogSource(new FakeRegistry({ s: [definition] })).current({ access: {} }).tools;
    expect(made).toEqual({
      ...definition,
      class: "read",
      method: "x",
      namespace: "s",
      positional: [],
      signature: "mcp.s.x(): Promise<Record<string, unknown>>",
    });
  });

  test("cannot be changed", () => {
    const catalog = createCatalogSource(new FakeRegistry({ s: [tool("x")] })).current({ access: {} });
    const { tools, servers, unlisted } = catalog;
    for (const part of [catalog, tools, servers, unlisted, tools[0], tools[0]?.positional]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe("access", () => {
  const registry = new FakeRegistry({
    files: [tool("read_file", read), tool("write_file"), tool("rm", { annotations: { destructiveHint: true } })],
    web: [tool("get", read)],
    down: undefined,
  });
  registry.set("shady", [tool("get", read)], false);
  const source = createCatalogSource(registry);

  test.each([
    [{}, undefined, ["files/read_file", "files/write_file", "files/rm", "shady/get", "web/get"]],
    [{ servers: ["w*"] }, undefined, ["web/get"]],
    [{ classes: ["read"] }, undefined, ["files/read_file", "web/get"]],
    [
      { tools: new Map([["files", ["*_file"]]]) },
      undefined,
      ["files/read_file", "files/write_file", "shady/get", "web/get"],
    ],
    [{ servers: ["files", "web"] }, { servers: ["web", "shady"] }, ["web/get"]],
    [{ classes: ["read"] }, { classes: ["destructive"] }, []],
    [{ servers: [] }, {}, []],
  ] as const)("%j narrowed by %j shows %j", (access, narrow, expected) => {
    expect(names(source.current({ access }, narrow))).toEqual(expected);
  });

  test("hides servers and tools from every way to ask", () => {
    const catalog = source.current({ access: { servers: ["files"], classes: ["read"] } });
    expect(catalog.servers).toEqual(["files"]);
    expect(catalog.unlisted).toEqual([]);
    expect(catalog.find("files", "rm")).toBeUndefined();
    expect(catalog.resolve(["files", "rm"]).kind).toBe("unknown");
    expect(catalog.resolve(["down", "x"]).kind).toBe("unknown");
    expect(catalog.search("rm").total).toBe(0);
    expect(catalog.declarations()).not.toMatch(/rm|web|down/u);
    expect(JSON.parse(catalog.namesJson)).toEqual({ files: ["readFile"] });
    expect(JSON.stringify(catalog.resolve(["files", "r"]))).not.toContain("rm");
  });

  test("does not change what a tool is called", () => {
    const two = createCatalogSource(new FakeRegistry({ s: [tool("get-x"), tool("get_x")], "a-b": [], a_b: [] }));
    const catalog = two.current({ access: { servers: ["s", "a-b"], tools: new Map([["s", ["get-x"]]]) } });
    expect(catalog.tools.map(({ method }) => method)).toEqual(["get-x"]);
    expect(JSON.parse(catalog.namesJson)).toEqual({ "a-b": [], s: ["get-x"] });
  });

  test("a method that only one visible server has is on mcp itself", () => {
    expect(source.current({ access: {} }).resolve(["get"]).kind).toBe("unknown");
    expect(source.current({ access: { servers: ["web"] } }).resolve(["get"]).kind).toBe("tool");
  });
});

describe("a snapshot", () => {
  test("is the same object for equal rules while nothing changed", () => {
    const registry = new FakeRegistry({ s: [tool("x")] });
    const source = createCatalogSource(registry);
    const catalog = source.current({ access: { tools: new Map([["s", ["*"]]]) } }, { servers: ["*"] });
    expect(source.current({ access: { tools: new Map([["s", ["*"]]]) } }, { servers: ["*"] })).toBe(catalog);
    expect(source.current({ access: { tools: new Map([["s", ["*"]]]) } })).not.toBe(catalog);
    registry.version++;
    expect(source.current({ access: { tools: new Map([["s", ["*"]]]) } }, { servers: ["*"] })).toBe(catalog);
  });

  test("is replaced when a list changes, and the old one stays as it was", () => {
    const registry = new FakeRegistry({ s: [tool("x")], t: [tool("y")] });
    const source = createCatalogSource(registry);
    const before = source.current({ access: {} });
    registry.set("s", [tool("x2")]);
    const after = source.current({ access: {} });
    expect([names(before), names(after)]).toEqual([
      ["s/x", "t/y"],
      ["s/x2", "t/y"],
    ]);
    expect(before.resolve(["s", "x"]).kind).toBe("tool");
    expect(after.resolve(["s", "x"]).kind).toBe("unknown");
    expect(after.find("t", "y")).toBe(before.find("t", "y"));
  });

  test("shares its tools with the narrower ones", () => {
    const source = createCatalogSource(new FakeRegistry({ s: [tool("x"), tool("y")] }));
    const narrow = source.current({ access: {} }, { tools: new Map([["s", ["y"]]]) });
    expect(narrow.find("s", "y")).toBe(source.current({ access: {} }).find("s", "y"));
  });

  test("is forgotten when 256 others were asked for since", () => {
    const source = createCatalogSource(new FakeRegistry({ s: [tool("x")] }));
    const first = source.current({ access: { servers: ["s", "0"] } });
    const second = source.current({ access: { servers: ["s", "1"] } });
    for (let at = 2; at <= 256; at++) {
      source.current({ access: { servers: ["s", String(at)] } });
      expect(source.current({ access: { servers: ["s", "0"] } })).toBe(first);
    }
    expect(source.current({ access: { servers: ["s", "1"] } })).not.toBe(second);
  });

  test("of a thousand tools costs nothing to ask for again", () => {
    const tools = Array.from({ length: 1_000 }, (_, at) => tool(`tool_${at}`));
    const source = createCatalogSource(new FakeRegistry({ s: tools }));
    const access = { tools: new Map([["s", ["tool_*"]]]) };
    source.current({ access });
    const started = performance.now();
    for (let at = 0; at < 10_000; at++) source.current({ access });
    expect((performance.now() - started) / 10_000).toBeLessThan(0.05);
  });
});

test("a settled catalog waits for the visible servers and then shows what they list", async () => {
  const registry = new FakeRegistry({ s: undefined, hidden: undefined, narrowed: undefined });
  registry.whileSettling = () => registry.set("s", [tool("x")]);
  const source = createCatalogSource(registry);
  const { signal } = new AbortController();
  const catalog = await source.settled({ access: { servers: ["s", "narrowed"] } }, { servers: ["s"] }, { signal });
  expect(names(catalog)).toEqual(["s/x"]);
  expect(registry.settled).toEqual([{ names: ["s"], signal }]);
});

test("a settled catalog rejects with what the wait rejects with", async () => {
  const registry = new FakeRegistry({ s: undefined });
  registry.settle = () => Promise.reject(new Error("aborted"));
  await expect(createCatalogSource(registry).settled({ access: {} })).rejects.toThrow("aborted");
});
