import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toServerTools } from "../../../src/catalog/server-tools.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";
import { createArgumentValidator } from "../../../src/gateway/validator.ts";
import type { ErrorInfo } from "../../../src/lib/errors.ts";
import { checkNames } from "../../../src/script/preflight.ts";
import type { JsonSchema } from "../../../src/upstream/upstream.ts";
import { prepare } from "./run-script.ts";

/** A value, and a schema that allows it. */
interface Sample {
  readonly schema: Exclude<JsonSchema, boolean>;
  readonly value: unknown;
}

const key = fc.constantFrom("path", "a", "b-c", "class", "0", "12", "ünï", "with space", "", "toString", "$ref");
const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("a`b", "${x}", "\\", "'\"", "\u2028", "*/"));
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 1e21, -5e-7),
);

const leaf = fc.oneof(
  text.map((value): Sample => ({ schema: { type: "string" }, value })),
  text.map((value): Sample => ({ schema: { type: "string", maxLength: value.length }, value })),
  number.map((value): Sample => ({ schema: { type: "number", minimum: value, maximum: value }, value })),
  fc.integer().map((value): Sample => ({ schema: { type: ["integer", "null"] }, value })),
  fc.boolean().map((value): Sample => ({ schema: { type: "boolean" }, value })),
  fc.constant<Sample>({ schema: { type: "null" }, value: null }),
  text.map((value): Sample => ({ schema: { enum: [1, value, null] }, value })),
  number.map((value): Sample => ({
    schema: { anyOf: [{ type: "string" }, { const: value === 0 ? 0 : value }] },
    value,
  })),
  // A member of this name sets a prototype and no member where it is written: it is not judged.
  fc
    .jsonValue()
    .filter((value) => !JSON.stringify(value).includes("__proto__"))
    .map((value): Sample => ({ schema: {}, value })),
);

const { object } = fc.letrec<{ sample: Sample; object: Sample }>((tie) => ({
  sample: fc.oneof({ maxDepth: 3 }, leaf, tie("object"), fc.array(tie("sample"), { maxLength: 3 }).map(toTuple)),
  object: fc
    .tuple(
      fc.uniqueArray(fc.tuple(key, tie("sample"), fc.boolean()), { selector: ([name]) => name, maxLength: 4 }),
      fc.boolean(),
    )
    .map(([members, isClosed]) => toObject(members, isClosed)),
}));

function toTuple(items: readonly Sample[]): Sample {
  const schema = {
    type: "array",
    items: { anyOf: [...items.map((item) => item.schema), false] },
    maxItems: items.length,
  };
  return { schema, value: items.map((item) => item.value) };
}

function toObject(members: readonly (readonly [string, Sample, boolean])[], isClosed: boolean): Sample {
  const schema = {
    type: "object",
    properties: Object.fromEntries(members.map(([name, member]) => [name, member.schema])),
    required: members.filter(([, , isRequired]) => isRequired).map(([name]) => name),
    ...(isClosed ? { additionalProperties: false } : {}),
  };
  return { schema, value: Object.fromEntries(members.map(([name, member]) => [name, member.value])) };
}

/** Writes a value as a script may: `style` chooses among the ways at each point, `isLiteral` keeps out what is not JSON. */
function write(value: unknown, style: () => number, isLiteral: boolean): string {
  const written = writeBare(value, style, isLiteral);
  switch (style() % 8) {
    case 0:
      return `(${written})`;
    case 1:
      return `/* ${style()} */ ${written}`;
    case 2:
      return isLiteral ? written : `(0, ${written})`;
    case 3:
      return isLiteral ? written : `(true ? ${written} : undefined)`;
    default:
      return written;
  }
}

function writeBare(value: unknown, style: () => number, isLiteral: boolean): string {
  if (typeof value === "string") return writeText(value, style());
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, style, isLiteral));
    return style() % 2 === 0 && items.length > 0 ? `[${items.join(", ")},]` : `[\n${items.join(",\n")}]`;
  }
  if (typeof value !== "object" || value === null) return String(value);
  const members = Object.entries(value).map(([name, member]) =>
    writeMember(name, write(member, style, isLiteral), style, isLiteral),
  );
  if (!isLiteral && style() % 3 === 0) members.push("undefinedMember: undefined", "...({})");
  return `{ ${members.join(", ")} }`;
}

function writeMember(name: string, value: string, style: () => number, isLiteral: boolean): string {
  const quoted = writeText(name, 0);
  if (!isLiteral && style() % 3 === 0) return `[${quoted}]: ${value}`;
  if (!isLiteral && style() % 4 === 0) return `get ${quoted}() { return ${value} }`;
  return /^[a-z]+$/u.test(name) && style() % 2 === 0 ? `${name}: ${value}` : `${quoted}: ${value}`;
}

function writeText(value: string, style: number): string {
  if (style % 3 !== 1) return JSON.stringify(value);
  return `\`${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("`", "\\`").replaceAll("${", "\\${")}\``;
}

const validator = createArgumentValidator();

async function check(inputSchema: JsonSchema, script: string): Promise<readonly ErrorInfo[]> {
  const tool = { server: "box", name: "put", description: "Puts.", inputSchema };
  const tools = toServerTools("box", "box", [tool], true);
  return checkNames(await prepare(script), createSnapshot([{ server: "box", namespace: "box", tools }]), validator);
}

const styled = fc.tuple(
  object,
  fc.infiniteStream(fc.nat(1_000)),
  fc.constantFrom("mcp.box.put", "mcp.put", 'mcp["box"].put'),
);

describe("whatever the schema, and however its arguments are written", () => {
  it("valid arguments are not refused", async () => {
    await fc.assert(
      fc.asyncProperty(styled, fc.boolean(), async ([{ schema, value }, stream, name], isLiteral) => {
        const style = (): number => stream.next().value ?? 0;
        const script = `const r = await ${name}(${write(value, style, isLiteral)});\nr`;
        expect(await check(schema, script)).toEqual([]);
        // What is written out in full is read as the very value.
        if (isLiteral) expect((await prepare(script)).calls[0]?.args).toEqual([value]);
      }),
      { numRuns: 400 },
    );
  });

  it("a required member that is missing from a literal object is told", async () => {
    await fc.assert(
      fc.asyncProperty(styled, async ([{ schema, value }, stream, name]) => {
        const style = (): number => stream.next().value ?? 0;
        const strict = { ...schema, required: [...(schema["required"] as readonly string[]), "missing"] };
        const errors = await check(strict, `await ${name}(${write(value, style, true)})`);
        expect(errors).toMatchObject([{ code: "TOOL_ARGUMENTS_INVALID", line: 1 }]);
      }),
      { numRuns: 100 },
    );
  });
});
