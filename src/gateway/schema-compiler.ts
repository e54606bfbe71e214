import { Ajv, type ErrorObject, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { canonicalJson } from "../lib/json.ts";
import type { JsonSchema } from "../upstream/upstream.ts";
import { compilePattern, type PatternTest } from "./safe-pattern.ts";
import { SCHEMA_FORMATS } from "./schema-formats.ts";

/** Checks one value. @returns The faults, none when it is valid. */
export type SchemaCheck = (value: unknown) => readonly ErrorObject[];

/** Compiles schemas of MCP servers, which are not trusted. */
export interface SchemaCompiler {
  /**
   * @returns `undefined` when the schema cannot be used: it does not compile, refers to something outside itself (nothing
   *   is ever fetched), is asynchronous, poses as a meta-schema, or has too many parts.
   */
  compile(schema: JsonSchema): SchemaCheck | undefined;
}

/** What a compiler does its own way. */
export interface SchemaCompilerOptions {
  /** Whether a check goes on after the first fault. */
  readonly every: boolean;
  /** Parts, see `countParts`, of the largest schema that is compiled. @default any number, for callers that bound the time */
  readonly maxParts?: number;
  /** Makes the test of a `pattern`; one that throws makes the schema unusable. @default tests that never take long */
  readonly pattern?: (pattern: string, flags: string) => PatternTest;
}

/**
 * Makes a compiler on two shared Ajv instances, made on first use: JSON Schema 2020-12, and draft-07 for schemas that
 * say so. Nothing of a compiled schema stays in them.
 */
export function createSchemaCompiler(how: SchemaCompilerOptions): SchemaCompiler {
  let latest: Dialect | undefined;
  let draft07: Dialect | undefined;
  return {
    compile(schema) {
      if (typeof schema === "boolean") schema = schema ? {} : { not: {} };
      if (schema["$async"] === true || !isUsableId(schema["$id"])) return undefined;
      if (how.maxParts !== undefined && countParts(schema, how.maxParts) > how.maxParts) return undefined;
      const dialect = isDraft07(schema)
        ? (draft07 ??= toDialect(new Ajv(options(how))))
        : (latest ??= toDialect(new Ajv2020(options(how))));
      try {
        const validate = dialect.ajv.compile(schema);
        return (value) => (validate(value) ? [] : (validate.errors ?? []));
      } catch {
        // Whatever a foreign schema provokes, the tool stays callable and its server judges the arguments.
        return undefined;
      } finally {
        forget(dialect, schema);
      }
    },
  };
}

interface Dialect {
  readonly ajv: Ajv;
  /** Names that were there before any schema of a server. */
  readonly ownNames: ReadonlySet<string>;
}

function options({ every, pattern = compilePattern }: SchemaCompilerOptions): Options {
  return {
    strict: false,
    allErrors: every,
    verbose: true,
    ownProperties: true,
    validateSchema: false,
    logger: false,
    formats: { ...SCHEMA_FORMATS },
    code: {
      regExp: Object.assign((text: string, flags: string) => pattern(text, flags), { code: "compilePattern" }),
    },
  };
}

/** Replaces Ajv's `uniqueItems`, whose time is quadratic in the number of objects. */
function toDialect(ajv: Ajv): Dialect {
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    error: { message: "must NOT have duplicate items" },
    validate: (wanted: boolean, items: readonly unknown[]) =>
      !wanted || new Set(items.map((item) => canonicalJson(item))).size === items.length,
  });
  return { ajv, ownNames: new Set(Object.keys(ajv.refs)) };
}

/** Takes a schema and every name it gave to its parts out of an instance, so that no other schema can refer to them. */
function forget({ ajv, ownNames }: Dialect, schema: Readonly<Record<string, unknown>>): void {
  ajv.removeSchema(schema);
  for (const name of Object.keys(ajv.refs)) {
    if (!ownNames.has(name)) delete ajv.refs[name];
  }
}

/** Objects, lists and `false` in a schema: what code is made for. @param enough Where counting may end. */
function countParts(schema: object, enough: number): number {
  let count = 1;
  const open: object[] = [schema];
  for (let part = open.pop(); part !== undefined && count <= enough; part = open.pop()) {
    for (const value of Object.values(part) as unknown[]) {
      if (typeof value === "object" && value !== null) open.push(value);
      if (value === false || (typeof value === "object" && value !== null)) count++;
    }
  }
  return count;
}

/** Whether a schema says that it is of draft-07 or one before it. */
export function isDraft07(schema: Readonly<Record<string, unknown>>): boolean {
  const dialect = schema["$schema"];
  return typeof dialect === "string" && /draft-0[4-7]/u.test(dialect);
}

/** Whether a schema's name is none or a text that is not one of the meta-schemas'. */
function isUsableId(id: unknown): boolean {
  return id === undefined || (typeof id === "string" && !/^https?:\/\/json-schema\.org\//iu.test(id));
}
