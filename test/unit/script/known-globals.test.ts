import { afterAll, describe, expect, it } from "vitest";
import { SANDBOX_DECLARATIONS } from "../../../src/catalog/declarations/sandbox-declarations.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { SCRIPT_GLOBALS } from "../../../src/script/script-globals.ts";
import { createTypeChecker } from "../../../src/script/typecheck/typecheck.ts";
import { useExecutor } from "../../support/executor.ts";
import { prepare } from "./run-script.ts";
import { CATALOG } from "./typecheck/typecheck-catalog.ts";

const { value } = useExecutor();
const checker = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: 20_000 });
afterAll(() => checker.close());

/** Every name that is on the global object of a script. */
function names(): Promise<readonly string[]> {
  return value("return Object.getOwnPropertyNames(globalThis)", { input: 1 }) as Promise<readonly string[]>;
}

describe("the names on a script's global object", () => {
  it("are all known to the type check", async () => {
    const text = `${(await names()).map((name) => `void ${name};`).join("\n")}\nreturn 1`;
    expect(await checker.check(await prepare(text), CATALOG, "ann", new AbortController().signal)).toEqual({
      status: "checked",
      error: undefined,
    });
  });

  it("have those among them that a refused import is told of, and those that the declarations declare", async () => {
    const there = new Set(await names());
    expect(SCRIPT_GLOBALS.map((name) => name.split(".")[0] ?? "").filter((name) => !there.has(name))).toEqual([]);
    const declared = [...SANDBOX_DECLARATIONS.matchAll(/^declare (?:const|let|var|function|class) (?<name>\w+)/gmu)];
    const told = declared.map(({ groups }) => groups?.["name"] ?? "").filter((name) => name !== "mcp");
    expect(told.length).toBeGreaterThan(2);
    expect(told.filter((name) => !there.has(name))).toEqual([]);
  });
});
