import { Ajv, type ErrorObject, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { canonicalJson } from "../lib/json.ts";
import type { JsonSchema } from "../upstream/upstream.ts";
import { compilePattern } from "./safe-pattern.ts";
import { SCHEMA_FORMATS } from "./schema-formats.ts";

/** Checks one value. @returns The faults, none when it is valid. */
export type SchemaCheck = (value: unknown) => readonly ErrorObject[];

/** Compiles schemas of MCP servers, which are not trusted. */
export interface SchemaCompiler {
  /**
   * @returns `undefined` when the schema cannot be used: it does not compile, refers to something outside itself (nothing
   *   is ever fetched), is asynchronous, or poses as a meta-schema.
   */
  compile(schema: JsonSchema): SchemaCheck | undefined;
}

/**
 * Makes a compiler on two shared Ajv instances, made on first use: JSON Schema 2020-12, and draft-07 for schemas that
 * say so. Nothing of a compiled schema stays in them.
 *
 * @param every Whether a check goes on after the first fault.
 */
export function createSchemaCompiler({ every }: { readonly every: boolean }): SchemaCompiler {
  let latest: Ajv | undefined;
  let draft07: Ajv | undefined;
  return {
    compile(schema) {
      if (typeof schema === "boolean") schema = schema ? {} : { not: {} };
      if (schema["$async"] === true || isMetaSchemaId(schema["$id"])) return undefined;
      const ajv = isDraft07(schema)
        ? (draft07 ??= bounded(new Ajv(options(every))))
        : (latest ??= bounded(new Ajv2020(options(every))));
      try {
        const validate = ajv.compile(schema);
        return (value) => (validate(value) ? [] : (validate.errors ?? []));
      } catch {
        // Whatever a foreign schema provokes, the tool stays callable and its server judges the arguments.
        return undefined;
      } finally {
        ajv.removeSchema(schema);
      }
    },
  };
}

function options(every: boolean): Options {
  return {
    strict: false,
    allErrors: every,
    verbose: true,
    ownProperties: true,
    validateSchema: false,
    addUsedSchema: false,
    logger: false,
    formats: { ...SCHEMA_FORMATS },
    code: { regExp: Object.assign(compilePattern, { code: "compilePattern" }) },
  };
}

/** Replaces Ajv's `uniqueItems`, whose time is quadratic in the number of objects, by one that sorts nothing and nests nothing. */
function bounded<Instance extends Ajv>(ajv: Instance): Instance {
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    error: { message: "must NOT have duplicate items" },
    validate: (wanted: boolean, items: readonly unknown[]) =>
      !wanted || new Set(items.map((item) => canonicalJson(item))).size === items.length,
  });
  return ajv;
}

function isDraft07(schema: Readonly<Record<string, unknown>>): boolean {
  const dialect = schema["$schema"];
  return typeof dialect === "string" && /draft-0[4-7]/u.test(dialect);
}

function isMetaSchemaId(id: unknown): boolean {
  return typeof id === "string" && /^https?:\/\/json-schema\.org\//iu.test(id);
}
