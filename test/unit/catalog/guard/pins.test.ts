import { beforeEach, describe, expect, test } from "vitest";
import { pinnedListing } from "../../../../src/catalog/guard/pinned-listing.ts";
import { Pins } from "../../../../src/catalog/guard/pins.ts";
import type { PinDeps } from "../../../../src/catalog/guard/pins.ts";
import { MemoryPinStore } from "../../../../src/store/memory/memory-pin-store.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { tool } from "../fake-registry.ts";
import { createLines } from "./lines.ts";
import type { Lines } from "./lines.ts";

const FIRST = pinnedListing([tool("read"), tool("list")], "Be kind.");
const SECOND = pinnedListing([tool("read", { description: "Reads all." }), tool("send")], "Be kind.");
const NONE = { changed: [], added: [], removed: [], instructionsChanged: false };
const AT = "2023-11-14T22:13:20.000Z";

let store: MemoryPinStore;
let deps: PinDeps & { log: Lines };

beforeEach(() => {
  store = new MemoryPinStore();
  deps = { store, clock: createManualClock(), log: createLines() };
});

test("what a server lists first is trusted and stored", async () => {
  const pins = await Pins.create(deps);
  expect(pins.view("files")).toEqual({ server: "files", state: "new", ...NONE });
  expect(pins.judge("files", FIRST)).toBeUndefined();
  const approved = { digest: FIRST.digest, tools: 2, at: AT };
  expect(pins.view("files")).toEqual({ server: "files", state: "ok", approved, ...NONE });
  await pins.close();
  expect(await store.list()).toMatchObject([
    { server: "files", kind: "approved", digest: FIRST.digest, approvedBy: undefined },
  ]);
  expect(deps.log.lines).toEqual([
    ["info", expect.objectContaining({ server: "files", tools: 2 }), "MCP server's tools are pinned as first seen"],
  ]);
});

test("another listing is told with what changed, and the pin stays", async () => {
  const pins = await Pins.create(deps);
  pins.judge("files", FIRST);
  const changes = { changed: ["read"], added: ["send"], removed: ["list"] };
  expect(pins.judge("files", SECOND)).toEqual({ ...changes, instructions: false });
  expect(pins.show("files")).toEqual({
    server: "files",
    state: "changed",
    approved: { digest: FIRST.digest, tools: 2, at: AT },
    listed: { digest: SECOND.digest, tools: 2, at: AT },
    ...changes,
    instructionsChanged: false,
    diff: [
      "~ tool read",
      "    /description",
      '      - ""',
      '      + "Reads all."',
      "+ tool send",
      '    + ""',
      "- tool list",
    ],
  });
  expect(deps.log.lines.at(-1)).toEqual([
    "warn",
    { server: "files", summary: "1 changed (read), 1 added (send), 1 removed (list)", diff: pins.show("files").diff },
    "MCP server lists other tools than were approved",
  ]);
});

test("a change is told once in a process, and again by the next one", async () => {
  const pins = await Pins.create(deps);
  for (const listing of [FIRST, SECOND, SECOND, FIRST, SECOND]) pins.judge("files", listing);
  const warnings = (): number => deps.log.lines.filter(([level]) => level === "warn").length;
  expect(warnings()).toBe(1);
  await pins.close();
  const next = await Pins.create(deps);
  expect(next.view("files").state).toBe("changed");
  next.judge("files", SECOND);
  expect(warnings()).toBe(2);
});

test("a server that lists again what it did is as it was, in the store too", async () => {
  const pins = await Pins.create(deps);
  for (const listing of [FIRST, SECOND, FIRST]) pins.judge("files", listing);
  expect(pins.view("files")).toMatchObject({ state: "ok", ...NONE });
  await pins.close();
  expect((await store.list()).map(({ kind }) => kind)).toEqual(["approved"]);
});

describe("an approval", () => {
  test("makes what is listed the pin, says by whom, and lasts", async () => {
    const pins = await Pins.create(deps);
    const heard: string[] = [];
    pins.onChange((server) => heard.push(server));
    pins.judge("files", FIRST);
    pins.judge("files", SECOND);
    const approved = { digest: SECOND.digest, tools: 2, at: AT, by: "ann" };
    expect(await pins.approve("files", "ann")).toEqual({ server: "files", state: "ok", approved, ...NONE });
    expect(heard).toEqual(["files"]);
    expect(pins.judge("files", SECOND)).toBeUndefined();
    expect(deps.log.lines.at(-1)).toEqual([
      "info",
      { server: "files", principal: "ann", digest: SECOND.digest },
      "pin of MCP server approved",
    ]);
    const next = await Pins.create(deps);
    expect(next.view("files")).toEqual({ server: "files", state: "ok", approved, ...NONE });
    expect(next.judge("files", FIRST)).toMatchObject({ changed: ["read"] });
  });

  test("of some tools leaves the others as they were", async () => {
    const pins = await Pins.create(deps);
    pins.judge("files", FIRST);
    pins.judge("files", SECOND);
    expect(await pins.approve("files", "ann", ["send", "list"])).toMatchObject({
      state: "changed",
      changed: ["read"],
      added: [],
      removed: [],
    });
    expect(pins.judge("files", SECOND)).toEqual({ changed: ["read"], added: [], removed: [], instructions: false });
    expect(await pins.approve("files", "ann", ["read"])).toMatchObject({ state: "ok" });
    expect((await store.list()).map(({ kind, digest }) => [kind, digest])).toEqual([["approved", SECOND.digest]]);
  });

  test("of what was shown accepts nothing that came since", async () => {
    const pins = await Pins.create(deps);
    pins.judge("files", FIRST);
    pins.judge("files", SECOND);
    const third = pinnedListing([tool("read", { description: "Reads and sends." })], "Be kind.");
    pins.judge("files", third);
    for (const tools of [undefined, ["read"]]) {
      await expect(pins.approve("files", "ann", tools, SECOND.digest)).rejects.toMatchObject({
        code: "PINS_CHANGED",
        context: { server: "files", details: { digest: third.digest } },
      });
    }
    expect(pins.view("files")).toMatchObject({ state: "changed", approved: { digest: FIRST.digest } });
    expect(await pins.approve("files", "ann", undefined, third.digest)).toMatchObject({ state: "ok" });
    expect(await pins.approve("files", "bob", undefined, third.digest)).toMatchObject({ approved: { by: "bob" } });
  });

  test("of instructions needs the whole listing", async () => {
    const other = pinnedListing([tool("read")], "Be quick.");
    const pins = await Pins.create(deps);
    pins.judge("files", pinnedListing([tool("list")], "Be kind."));
    pins.judge("files", other);
    expect(await pins.approve("files", "ann", ["read", "list"])).toMatchObject({
      state: "changed",
      ...NONE,
      instructionsChanged: true,
    });
    expect(await pins.approve("files", "ann")).toMatchObject({ state: "ok" });
  });

  test("is possible in another process, from what is stored alone", async () => {
    const pins = await Pins.create(deps);
    pins.judge("files", FIRST);
    pins.judge("files", SECOND);
    await pins.close();
    const next = await Pins.create(deps);
    expect(next.show("files").diff).toEqual(pins.show("files").diff);
    await next.approve("files", "local");
    expect((await Pins.create(deps)).judge("files", SECOND)).toBeUndefined();
  });

  test("of an unknown server or a tool that did not change is refused", async () => {
    const pins = await Pins.create(deps);
    pins.judge("files", FIRST);
    await expect(pins.approve("file", "ann")).rejects.toMatchObject({
      code: "NOT_FOUND",
      context: { details: { nearest: ["files"] } },
    });
    await expect(pins.approve("files", "ann", ["read"])).rejects.toMatchObject({
      code: "NOT_FOUND",
      message:
        'Cannot approve tool "read" of server "files" as only a tool that changed can be: it did not, or is not listed.',
    });
    expect(pins.view("files")).toMatchObject({ approved: { digest: FIRST.digest } });
  });

  test("that cannot be stored is none", async () => {
    const pins = await Pins.create(deps);
    pins.judge("files", FIRST);
    pins.judge("files", SECOND);
    await pins.close();
    store.close();
    await expect(pins.approve("files", "ann")).rejects.toMatchObject({ code: "INTERNAL" });
    expect(pins.view("files")).toMatchObject({ state: "changed" });
  });
});

test("a reset forgets the server: what it lists next is trusted", async () => {
  const pins = await Pins.create(deps);
  pins.judge("files", FIRST);
  pins.judge("files", SECOND);
  await pins.reset("files", "ann");
  expect(await store.list()).toEqual([]);
  expect(pins.view("files").state).toBe("new");
  expect(pins.judge("files", SECOND)).toBeUndefined();
  await expect(pins.reset("web", "ann")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a pin that cannot be read trusts nothing", async () => {
  await store.save([{ server: "files", kind: "approved", digest: "d", atMs: 1, approvedBy: "ann", listing: "?" }]);
  const pins = await Pins.create(deps);
  expect(deps.log.lines).toEqual([
    ["error", { server: "files" }, "stored pin of MCP server is damaged: approve its tools anew"],
  ]);
  expect(pins.judge("files", FIRST)).toMatchObject({ added: ["list", "read"] });
});

test("a store that fails costs the pins their life after this process and nothing else", async () => {
  const pins = await Pins.create(deps);
  store.close();
  pins.judge("files", FIRST);
  expect(pins.judge("files", SECOND)).toMatchObject({ changed: ["read"] });
  await pins.close();
  expect(deps.log.lines.filter(([level]) => level === "error")).toHaveLength(2);
});
