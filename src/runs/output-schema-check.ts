import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { toArgumentProblems } from "../gateway/argument-problems.ts";
import { createSchemaCompiler, isDraft07 } from "../gateway/schema-compiler.ts";
import type { SchemaCheck } from "../gateway/schema-compiler.ts";
import { isRecord } from "../lib/guards.ts";
import { pointerStep } from "../lib/json.ts";
import type { JsonSchema } from "../upstream/upstream.ts";

/** One fault of a schema or of a result: where, and what. */
export interface SchemaProblem {
  /** JSON pointer. */
  readonly pointer: string;
  readonly message: string;
}

/** Faults told of one result or schema. */
const MAX_PROBLEMS = 10;
/** Compiled schemas that are kept. */
const MAX_COMPILED = 64;
/** Results above this size are checked up to their first fault only: faults can be many times larger than the value. */
const THOROUGH_BYTES = 256 * 1024;
const DIALECTS = /^https?:\/\/json-schema\.org\/draft(?:\/2020-12|-0[67])\/schema#?$/u;
const META = {
  latest: "https://json-schema.org/draft/2020-12/schema",
  draft07: "http://json-schema.org/draft-07/schema#",
} as const;
const OPTIONS = { strict: false, allErrors: true, verbose: true, logger: false, validateFormats: false } as const;

interface Compiled {
  /** Stops at the first fault. */
  readonly first: SchemaCheck;
  /** Finds all of them; compiled when it is first needed. */
  readonly every: () => SchemaCheck;
}

const first = createSchemaCompiler({ every: false, pattern: exactPattern });
const every = createSchemaCompiler({ every: true, pattern: exactPattern });
const compiled = new Map<string, Compiled>();

/** What is wrong with a schema. May take for ever: callers bound its time. @param schemaJson JSON. */
export function checkSchema(schemaJson: string): readonly SchemaProblem[] {
  const schema = JSON.parse(schemaJson) as unknown;
  if (typeof schema !== "boolean" && !isRecord(schema))
    return [{ pointer: "", message: "must be an object or a boolean" }];
  try {
    const problems = typeof schema === "boolean" ? [] : metaProblems(schema);
    if (problems.length > 0) return problems;
    const check = compile(schemaJson, schema);
    if (check === undefined) return [foreignReference(schema, "") ?? { pointer: "", message: UNUSABLE }];
    for (const sample of SAMPLES) check.first(sample);
    for (const pattern of patternsOf(schema)) tryPattern(pattern);
    return [];
  } catch (thrown) {
    if (thrown instanceof RangeError)
      return [{ pointer: "", message: "is nested too deeply or refers to itself without end" }];
    throw thrown;
  }
}

/** What is wrong with a result. May take for ever. @param schemaJson A schema without a fault. @param bytes JSON. */
export function checkResult(schemaJson: string, bytes: Uint8Array): readonly SchemaProblem[] {
  const check = compile(schemaJson, JSON.parse(schemaJson) as JsonSchema);
  if (check === undefined) return [{ pointer: "", message: "cannot be checked: outputSchema cannot be used any more" }];
  const value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")) as unknown;
  try {
    const faults = check.first(value);
    if (faults.length === 0) return [];
    const all = bytes.byteLength <= THOROUGH_BYTES ? check.every()(value) : faults;
    return toArgumentProblems(all).slice(0, MAX_PROBLEMS);
  } catch (thrown) {
    if (thrown instanceof RangeError) return [{ pointer: "", message: "is nested too deeply to be checked" }];
    throw thrown;
  }
}

const UNUSABLE =
  "cannot be compiled: it must be synchronous, refer to parts of itself only and name no meta-schema as its own";

/** A schema that refers to itself without end does so for one of these. */
const SAMPLES: readonly unknown[] = [null, true, 0, "", [], {}];

function compile(schemaJson: string, schema: JsonSchema): Compiled | undefined {
  const known = compiled.get(schemaJson);
  compiled.delete(schemaJson);
  const made = known ?? compileAnew(schema);
  if (made === undefined) return undefined;
  compiled.set(schemaJson, made);
  const [oldest] = compiled.keys();
  if (compiled.size > MAX_COMPILED && oldest !== undefined) compiled.delete(oldest);
  return made;
}

function compileAnew(schema: JsonSchema): Compiled | undefined {
  const check = first.compile(schema);
  if (check === undefined) return undefined;
  let thorough: SchemaCheck | undefined;
  return { first: check, every: () => (thorough ??= every.compile(schema) ?? check) };
}

/** What the dialect's own schema says of a schema. */
function metaProblems(schema: Record<string, unknown>): readonly SchemaProblem[] {
  const dialect = schema["$schema"];
  if (dialect !== undefined && (typeof dialect !== "string" || !DIALECTS.test(dialect)))
    return [{ pointer: "/$schema", message: "must name JSON Schema 2020-12 or draft-07" }];
  const old = isDraft07(schema);
  const ajv = old ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS);
  if (ajv.validate(old ? META.draft07 : META.latest, schema)) return [];
  return toArgumentProblems(ajv.errors ?? []).slice(0, MAX_PROBLEMS);
}

/** The first reference to something outside the schema. */
function foreignReference(value: unknown, pointer: string): SchemaProblem | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const place = pointer + pointerStep(key);
    if ((key === "$ref" || key === "$dynamicRef") && typeof member === "string" && !member.startsWith("#"))
      return { pointer: place, message: "must refer to a part of this schema: nothing is fetched" };
    const found = foreignReference(member, place);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As the schema has it: this thread may be ended when a match takes too long. */
function exactPattern(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return new RegExp(pattern, flags.replace("u", ""));
  }
}

/** Every text that stands where a pattern may. */
function* patternsOf(value: unknown): Generator<string, void, undefined> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (key === "pattern" && typeof member === "string") yield member;
    if (key === "patternProperties" && isRecord(member)) yield* Object.keys(member);
    yield* patternsOf(member);
  }
}

/** Repetitions of a character after which a pattern that takes exponential time has not ended when this thread is. */
const TRIED_LENGTH = 34;
const TRIED_CHARACTERS = 24;

/** Matches a pattern against texts that make many patterns take exponential time. */
function tryPattern(pattern: string): void {
  const characters = new Set(["a", "0", " ", "-", "/", ".", ...(pattern.match(/[\p{L}\p{N}_@:,;]/gu) ?? [])]);
  const expression = exactPattern(pattern, "u");
  for (const character of [...characters].slice(0, TRIED_CHARACTERS))
    expression.test(`${character.repeat(TRIED_LENGTH)}\u0001`);
}
