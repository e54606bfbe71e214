import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import type { ErrorInfo } from "../../../../src/lib/errors.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { createTypeChecker } from "../../../../src/script/typecheck/typecheck.ts";
import type { TypeCheck } from "../../../../src/script/typecheck/typecheck.ts";
import { prepare } from "../run-script.ts";
import { CATALOG } from "./typecheck-catalog.ts";

interface Row {
  readonly claim: string;
  /** Of a mistaken one, `▶` marks the place that must be told and is not sent. */
  readonly script: string;
  readonly tsCode?: number;
}

function readRows(name: string): readonly Row[] {
  const file = new URL(`../../../fixtures/data/type-check/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as readonly Row[];
}

// Generous, as the machine that runs all tests at once may be slow to start a process.
const checker = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: 20_000 });
afterAll(() => checker.close());

async function check(text: string, signal = new AbortController().signal): Promise<TypeCheck> {
  return checker.check(await prepare(text), CATALOG, "ann", signal);
}

async function findError(text: string): Promise<ErrorInfo | undefined> {
  const checked = await check(text);
  if (checked.status === "givenUp") throw new Error(checked.reason);
  return checked.error;
}

function placeOf(marked: string): { readonly line: number; readonly column: number } {
  const before = marked.slice(0, marked.indexOf("▶")).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

describe("nothing is said of a script that may succeed", () => {
  it.each(readRows("valid"))("$claim", async ({ script }) => {
    expect(await check(script)).toEqual({ status: "checked", error: undefined });
  });
});

describe("a mistake is found at its place", () => {
  it.each(readRows("mistaken"))("$claim", async ({ script, tsCode }) => {
    const text = script.replace("▶", "");
    const place = placeOf(script);
    expect(await findError(text)).toMatchObject({
      code: "SCRIPT_TYPE_ERROR",
      ...place,
      details: { diagnostics: [{ ...place, tsCode }] },
    });
  });
});

describe("what is told", () => {
  it("is one error of the script's with the place, TypeScript's words and the tool's signature", async () => {
    const text = "const r = await mcp.files.readFile({ path: 'a' });\n  return r.contnt;";
    const stub = "mcp.files.readFile(args: { path: string }): Promise<{ content: string }>";
    const message = "Property 'contnt' does not exist on type '{ content: string; }'. Did you mean 'content'?";
    expect(await findError(text)).toEqual({
      code: "SCRIPT_TYPE_ERROR",
      fault: "script",
      retryable: false,
      message: `Cannot run the script as its types show that it must fail: ${message}`,
      line: 2,
      column: 12,
      snippet: "return r.contnt;",
      hint: `Compare with the tools:\n${stub}`,
      details: { diagnostics: [{ line: 2, column: 12, message, tsCode: 2551, stub }] },
    });
  });

  it("is five places at most, and how many more there are", async () => {
    const line = "console.log(r.contnt);\n";
    const error = await findError(`const r = await mcp.files.readFile({ path: 'a' });\n${line.repeat(8)}`);
    expect(error?.message).toMatch(/ \(and 7 more\)$/u);
    expect(error?.details).toMatchObject({ diagnostics: [2, 3, 4, 5, 6].map((at) => ({ line: at, column: 15 })) });
  });

  it("names a missing await as what it is", async () => {
    const error = await findError("const r = mcp.issues.count();\nreturn r.count;");
    expect(error?.hint).toBe(
      "A call of a tool gives a promise: write `await` before it.\n" +
        "Compare with the tools:\nmcp.issues.count(): Promise<{ count: number }>",
    );
  });

  it("does not tell of the types that only the check knows", async () => {
    const error = await findError("const n = 5;\nreturn await mcp.files.readFile({ path: n });");
    expect(error?.message).toBe(
      "Cannot run the script as its types show that it must fail: Type 'number' is not assignable to type 'string'.",
    );
  });

  it("is bounded however long the names of a script are", async () => {
    const name = "x".repeat(5_000);
    const error = await findError(`return ${name};`);
    expect(error?.message.length).toBeLessThan(500);
    expect(error?.snippet?.length).toBeLessThan(200);
  });

  it("is nothing of a text that TypeScript reads otherwise", async () => {
    // What makes its value a `return` comes after the type parameters here.
    expect(await check("<T,>(x: T) => undefinedName")).toEqual({ status: "checked", error: undefined });
  });
});
