import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Catalog } from "../../../../src/catalog/catalog.ts";
import { propertyAccess } from "../../../../src/catalog/tool-names.ts";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";
import { compileTypes, literalText } from "../../../support/compile-types.ts";
import { sampleOf } from "../../../support/sample-schema.ts";
import type { SampleOptions } from "../../../support/sample-schema.ts";
import { checkOf, spoil } from "../../../support/spoil-sample.ts";
import { catalogOf, recordedTools, toolTaking } from "../fake-registry.ts";
import { tellingSchema } from "./telling-schema.ts";

const FULL: SampleOptions = { omits: () => false, choose: () => 0 };
const BARE: SampleOptions = { omits: () => true, choose: (count) => count - 1 };

/** A program that calls tools with arguments their schemas accept, and with arguments they refuse, and what it holds. */
interface Program {
  readonly text: string;
  readonly valid: number;
  readonly invalid: number;
}

function callsOf({ tools }: Catalog, invalidEach: number): Program {
  const lines: string[] = [];
  let [valid, invalid] = [0, 0];
  for (const { namespace, method, inputSchema } of tools) {
    const path = `mcp${propertyAccess(namespace)}${propertyAccess(method)}`;
    const check = checkOf(inputSchema);
    for (const sample of samplesOf(inputSchema)) {
      expect([sample, check(sample)]).toEqual([sample, []]);
      lines.push(`void ${path}(${literalText(sample)});`);
      valid++;
      for (const wrong of spoil(check, sample, invalidEach)) {
        lines.push(`// @ts-expect-error\nvoid ${path}(${literalText(wrong)});`);
        invalid++;
      }
    }
  }
  return { text: lines.join("\n"), valid, invalid };
}

function samplesOf(schema: JsonSchema): readonly unknown[] {
  const [full, bare] = [sampleOf(schema, FULL), sampleOf(schema, BARE)];
  return JSON.stringify(full) === JSON.stringify(bare) ? [full] : [full, bare];
}

/** What the compiler says, with the lines it says it of. */
async function problems(declarations: string, program: string): Promise<readonly string[]> {
  const said = await compileTypes({ "mcp.d.ts": declarations, "calls.ts": program });
  const [lines, declared] = [program.split("\n"), declarations.split("\n")];
  return said
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const at = Number(/\((\d+),/u.exec(line)?.[1] ?? Number.NaN) - 1;
      return `${line}\n${(line.startsWith("calls") ? lines : declared).slice(at, at + 2).join("\n")}`;
    });
}

test(
  "of any schema, what it accepts compiles against the declaration and what it refuses does not",
  { timeout: 60_000 },
  async () => {
    const schemas = fc.sample(tellingSchema, { numRuns: 300 });
    const catalog = catalogOf({ any: schemas.map((schema, at) => toolTaking(`t${at}`, schema)) });
    const program = callsOf(catalog, 4);
    expect(program.valid).toBeGreaterThan(300);
    expect(program.invalid).toBeGreaterThan(500);
    expect(await problems(catalog.declarations(), program.text)).toEqual([]);
  },
);

test(
  "of each real tool, what its schema accepts compiles against the declaration and what it refuses does not",
  { timeout: 60_000 },
  async () => {
    const catalog = catalogOf(recordedTools());
    const program = callsOf(catalog, 2);
    expect(program.valid).toBeGreaterThan(800);
    expect(program.invalid).toBeGreaterThan(1_500);
    expect(await problems(catalog.declarations(), program.text)).toEqual([]);
  },
);

test("each server's declarations, and each signature, compile alone", async () => {
  const catalog = catalogOf(recordedTools());
  const files = Object.fromEntries(
    catalog.servers.map((server) => [`${server}.d.ts`, `${catalog.declarations([server])}export {};\n`]),
  );
  const functions = catalog.tools.map(({ namespace, method, signature }, at) => {
    const path = `mcp${propertyAccess(namespace)}${propertyAccess(method)}`;
    expect(signature.startsWith(`${path}(`)).toBe(true);
    return `declare function f${at}${signature.slice(path.length)};\n`;
  });
  expect(functions).toHaveLength(482);
  expect(await compileTypes({ ...files, "signatures.d.ts": functions.join("") })).toBe("");
});
