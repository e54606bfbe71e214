import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { RunletError } from "../../src/lib/errors.ts";
import { silentLog } from "../../src/lib/log.ts";
import { prepareScript } from "../../src/script/prepare.ts";
import type { PreparedScript } from "../../src/script/prepare.ts";
import { createTypeChecker } from "../../src/script/typecheck/typecheck.ts";
import type { TypeCheck } from "../../src/script/typecheck/typecheck.ts";
import { CATALOG } from "../unit/script/typecheck/typecheck-catalog.ts";

function many(count: number, text: (at: number) => string, between = ""): string {
  return Array.from({ length: count }, (_, at) => text(at)).join(between);
}

/** Scripts whose types take a compiler long, or much memory. */
const HEAVY: readonly (readonly [claim: string, script: string])[] = [
  [
    "tuples that double",
    `type D<T extends any[]> = [...T, ...T]; type A0 = [1, 2, 3];\n${many(24, (i) => `type A${i + 1} = D<A${i}>;`)}\nconst x: A24 = input; x[0].nope()`,
  ],
  [
    "a recursion of ten thousand tuples",
    'type R<N extends number, T extends any[] = []> = T["length"] extends N ? T : R<N, [...T, any]>;\nconst x: R<9999> = input; x.nope()',
  ],
  [
    "template literal types of a hundred thousand texts",
    'type C = "a"|"b"|"c"|"d"|"e"|"f"|"g"|"h"|"i"|"j"; type W = `${C}${C}${C}${C}${C}`; const w: W = input; w.nope()',
  ],
  [
    "an intersection of sixteen unions",
    `${many(16, (i) => `type I${i} = { a${i}: 1 } | { b${i}: 1 };`)} type Z = ${many(16, (i) => `I${i}`, " & ")}; const z: Z = input; z.nope()`,
  ],
  [
    "a quarter of a megabyte of unions",
    `type U = ${many(9_000, (i) => `{ k${i}: ${i} }`, " | ")}; const u = input as U; const v: { q: string } = u; v.q`,
  ],
  [
    "mapped types over many literals",
    `type L = ${many(8_000, (i) => `"k${i}"`, " | ")}; type M = { [K in L as \`\${K}\${K}\`]: K }; const m: M = input; m.nope`,
  ],
  [
    "generics that call themselves",
    "type F<A, B> = { a: F<[A, B], [B, A]>; b: F<B, A> }; const p = input as F<1, 2>; const q: F<2, 1> = p; q",
  ],
  [
    "spreads that fork",
    `const a = { a: 1 };\n${many(24, (i) => `const a${i} = input ? { ...${i === 0 ? "a" : `a${i - 1}`}, p${i}: 1 } : { ...${i === 0 ? "a" : `a${i - 1}`}, q${i}: 1 };\n`)}return a23.nope`,
  ],
  ["lists in lists", `const o = ${"[1, 'a', ".repeat(900)}0${"]".repeat(900)}; return o.flat(20).nope`],
  ["callbacks in callbacks", `const r = ${"((x) => ".repeat(60)}1${")".repeat(60)}; return r`],
  ["ten thousand faults", many(10_000, (i) => `nope${i};`)],
  ["a type in a type in a type", `const x: ${"{ a: ".repeat(400)}1${" }".repeat(400)} = input; return x.nope`],
];

const TIMEOUT_MS = 1_500;
const checker = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: TIMEOUT_MS, processes: 1 });
const patient = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: 20_000, processes: 1 });
const folder = mkdtempSync(join(tmpdir(), "runlet-typecheck-"));
afterAll(async () => {
  await Promise.all([checker.close(), patient.close()]);
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;

const UNREADABLE: ReadonlySet<string> = new Set(["SCRIPT_SYNTAX", "SCRIPT_TOO_LARGE"]);

/** @returns `undefined` when the text is refused as one that cannot be read, or is too deep to be, which is as good. */
async function prepare(text: string): Promise<PreparedScript | undefined> {
  try {
    return await prepareScript(text, { maxBytes: 1024 * 1024 });
  } catch (error) {
    if (error instanceof RunletError && UNREADABLE.has(error.code)) return undefined;
    throw error;
  }
}

async function patientCheck(text: string): Promise<TypeCheck> {
  const script = await prepare(text);
  if (script === undefined) throw new Error("cannot be read");
  return patient.check(script, CATALOG, "ann", never);
}

function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(?<kib>\d+)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.groups?.["kib"];
  return Number(kib ?? Number.NaN) / 1024;
}

describe("a script whose types take long", () => {
  it.each(HEAVY)("is judged in bounded time, and so is the next one: %s", async (_claim, text) => {
    const script = await prepare(text);
    if (script === undefined) return;
    const checked = await checker.check(script, CATALOG, "mallory", never);
    // Each is either found faulty or given up; that it ends is what this is about.
    expect(["checked", "givenUp"]).toContain(checked.status);
    expect(JSON.stringify(checked).length).toBeLessThan(20_000);
    if (process.platform === "linux") for (const pid of checker.pids()) expect(residentMiB(pid)).toBeLessThan(1_100);
    const next = await patientCheck("const r = await mcp.files.readFile({ path: 'a' });\nreturn r.contnt;");
    expect(next).toMatchObject({ error: { code: "SCRIPT_TYPE_ERROR", line: 2, column: 10 } });
  });

  it("and is given up is no failure of the script", async () => {
    const impatient = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: 1, processes: 1 });
    const script = await prepare("return nope");
    if (script === undefined) throw new Error("cannot be read");
    const checked = await impatient.check(script, CATALOG, "mallory", never);
    expect(checked).toEqual({ status: "givenUp", reason: "it takes longer than 1 ms" });
    expect(impatient.pids()).toEqual([]);
    await impatient.close();
  });
});

describe("the compiler reads no file of the machine", () => {
  const secret = join(folder, "secret.d.ts");
  writeFileSync(secret, "declare const SECRET: { value: 1 };\nexport type Secret = { secretValue: string };\n");
  const noSecret = { status: "checked", error: { message: expect.stringContaining("Cannot find name 'SECRET'") } };

  it.each([
    ["a triple-slash reference", `/// <reference path="${secret}" />\nreturn SECRET.value;`],
    [
      "a triple-slash reference after a line break",
      `\n/// <reference path="${secret}" />\n/// <reference types="node" />\nreturn SECRET.value;`,
    ],
    ["a reference in a fence", `\`\`\`ts\n/// <reference path="${secret}" />\nSECRET.value\n\`\`\``],
    ["a library by name", `/// <reference lib="dom" />\nconst a: number = 1; return SECRET.value;`],
    [
      "an import type",
      `type S = import(${JSON.stringify(secret)}).Secret;\nconst s: S = input; s.nope();\nreturn SECRET.value;`,
    ],
    [
      "an import type in a comment of JavaScript",
      `/** @type {import(${JSON.stringify(secret)}).Secret} */\nconst s = input; s.nope();\nreturn SECRET.value;`,
    ],
    [
      "an import in a comment of JavaScript",
      `/** @import { Secret } from ${JSON.stringify(secret)} */\nreturn SECRET.value;`,
    ],
  ])("by %s", async (_claim, text) => {
    const checked = await patientCheck(text);
    expect(checked).toMatchObject(noSecret);
    expect(JSON.stringify(checked)).not.toContain("secretValue");
  });

  it("not even the password file, whose text would show in its faults", async () => {
    const checked = await patientCheck(
      '/// <reference path="/etc/passwd" />\nlet a: import("/etc/passwd").root; return nope;',
    );
    expect(JSON.stringify(checked)).not.toContain("root:");
    expect(checked).toMatchObject({
      error: { details: { diagnostics: [{ line: 2, message: "Cannot find name 'nope'." }] } },
    });
  });
});

describe("a script cannot change what others are checked against", () => {
  const honest = "const r = await mcp.files.readFile({ path: 'a' });\nreturn r.content.length + r.contnt;";

  it.each([
    ["by a module's declaration", "declare module 'x' { export const a: any; }\nreturn 1"],
    ["by a global declaration", "declare global { interface FilesTools { nope(): any } var contnt: any }\nreturn 1"],
    [
      "by an interface of the same name",
      "interface FilesTools { read_file: any }\ninterface String { nope(): any }\nreturn 1",
    ],
    ["by a namespace", "namespace NodeJS { export interface Timeout {} }\nreturn 1"],
    ["by a property of globalThis", "globalThis.mcp = 1; globalThis.contnt = 2; var Mcp = 3;\nreturn 1"],
    ["by a type in a comment of JavaScript", "/** @typedef {any} FilesTools */\n/** @global */ var contnt;\nreturn 1"],
    ["by a directive", "// @ts-nocheck\n// @ts-ignore\nreturn nope"],
  ])("%s", async (_claim, text) => {
    const script = await prepare(text);
    if (script !== undefined) await patient.check(script, CATALOG, "mallory", never);
    expect(await patientCheck(honest)).toMatchObject({
      error: { details: { diagnostics: [{ line: 2, column: 29, tsCode: 2551 }] } },
    });
  });

  it("nor see what they declare", async () => {
    await patientCheck("var secretOfAnn = { value: 1 };\nglobalThis.secretToo = 1;\nreturn secretOfAnn;");
    const checked = await patientCheck("return [secretOfAnm, globalThis.secretTo];");
    expect(JSON.stringify(checked)).not.toMatch(/secretOfAnn|secretToo/u);
  });
});

describe.runIf(process.platform === "linux")("the compiler's process", () => {
  it("has nothing of the service's environment", async () => {
    process.env["RUNLET_TEST_SECRET"] = "s3cr3t";
    const own = createTypeChecker({ clock: systemClock, log: silentLog, timeoutMs: 20_000 });
    try {
      const script = await prepare("return nope");
      if (script === undefined) throw new Error("cannot be read");
      await own.check(script, CATALOG, "ann", never);
      const environments = own.pids().map((pid) => readFileSync(`/proc/${pid}/environ`, "utf8"));
      expect(environments).toEqual(["GOMEMLIMIT=384MiB\0"]);
    } finally {
      delete process.env["RUNLET_TEST_SECRET"];
      await own.close();
    }
  });
});
