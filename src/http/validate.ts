import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { boundText } from "../lib/bounded-text.ts";
import { isRecord, isStringArray } from "../lib/guards.ts";
import { pointerStep } from "../lib/json.ts";
import { nearestNames } from "../lib/nearest.ts";
import type { RequestProblem } from "./problem.ts";

/** A JSON Schema of the 2020-12 dialect that we wrote. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** A schema together with the type of the values that satisfy it. */
export interface RequestSchema<T> {
  readonly schema: SchemaObject;
  /** Never set: carries the type. */
  readonly satisfiedBy?: T;
}

/** A value that was checked: its type is known, or every fault of it is. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly RequestProblem[] };

/** Options of a check. */
export interface CheckOptions {
  /** Says why a part that the schema refuses is refused, when there is more to say than the schema does. */
  readonly explain?: (pointer: string, value: unknown) => string | undefined;
}

const MAX_SHOWN_BYTES = 60;
/** Faults told of one value: each takes a search for the name that was meant, and a body can hold a million. */
const MAX_PROBLEMS = 50;

const WHOLE_NUMBER = /^-?\d{1,15}$/u;

const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true });

/**
 * Compiles a schema, once, into a check that finds every fault of a value, and tells the first 50.
 *
 * @returns The check; the same value always gives the same problems in the same order.
 */
export function compileCheck<T>(schema: RequestSchema<T>, options: CheckOptions = {}): (value: unknown) => Checked<T> {
  const validate = ajv.compile<T>(schema.schema);
  return (value) => {
    if (validate(value)) return { ok: true, value };
    const errors = validate.errors ?? [];
    const mistyped = new Set(
      errors.filter(({ keyword }) => keyword === "type").map(({ instancePath }) => instancePath),
    );
    const told = errors.filter(
      (error) => isOwnFault(error) && !(error.keyword === "oneOf" && mistyped.has(error.instancePath)),
    );
    return { ok: false, problems: told.slice(0, MAX_PROBLEMS).map((error) => toRequestProblem(error, options)) };
  };
}

/**
 * The parameters of a query as a value to check: whole numbers where the schema wants them, in plain decimal digits only,
 * all else as text.
 */
export function readParameters(
  { schema }: RequestSchema<unknown>,
  parameters: Iterable<readonly [string, string]>,
): unknown {
  const properties = new Map(Object.entries(isRecord(schema["properties"]) ? schema["properties"] : {}));
  return Object.fromEntries(
    [...parameters].map(([name, text]) => {
      const wanted = properties.get(name);
      const isNumber = isRecord(wanted) && wanted["type"] === "integer" && WHOLE_NUMBER.test(text);
      return [name, isNumber ? Number(text) : text];
    }),
  );
}

/** Faults within a `oneOf`'s branches are told by the `oneOf` itself. */
function isOwnFault(error: ErrorObject): boolean {
  return !/\/oneOf\/\d/u.test(error.schemaPath);
}

function toRequestProblem(error: ErrorObject, { explain }: CheckOptions): RequestProblem {
  const params: Readonly<Record<string, unknown>> = error.params;
  if (error.keyword === "required") {
    return {
      pointer: error.instancePath + pointerStep(String(params["missingProperty"])),
      message: "is required",
    };
  }
  if (error.keyword === "additionalProperties") {
    const name = String(params["additionalProperty"]);
    const pointer = error.instancePath + pointerStep(name);
    return { pointer, message: explain?.(pointer, undefined) ?? unknownMember(name, error.parentSchema) };
  }
  const pointer = error.instancePath;
  return { pointer, message: explain?.(pointer, error.data) ?? faultOf(error) };
}

function faultOf(error: ErrorObject): string {
  const schema: unknown = error.schema;
  switch (error.keyword) {
    case "enum":
      return `must be one of ${quoteList(Array.isArray(schema) ? schema : [])}${shown(error.data)}`;
    case "oneOf":
      return `must have exactly one of ${quoteList(requiredNames(Array.isArray(schema) ? schema : []))}`;
    case "not":
      return `must have at most one of ${quoteList(requiredNames([schema]))}`;
    default:
      return `${error.message ?? "is not valid"}${shown(error.data)}`;
  }
}

/** The members that the branches of a `oneOf` or a `not` speak of. */
function requiredNames(schemas: readonly unknown[]): string[] {
  return schemas.flatMap((schema) => {
    const required = isRecord(schema) ? schema["required"] : undefined;
    return isStringArray(required) ? required : [];
  });
}

function unknownMember(name: string, parentSchema: unknown): string {
  const properties = isRecord(parentSchema) ? parentSchema["properties"] : undefined;
  const known = Object.entries(isRecord(properties) ? properties : {}).flatMap(([key, schema]) =>
    isRecord(schema) && schema["deprecated"] === true ? [] : [key],
  );
  const [nearest] = nearestNames(name, known, 1);
  if (nearest !== undefined) return `is not known; did you mean ${JSON.stringify(nearest)}?`;
  return known.length === 0 ? "is not known; there is none to give" : `is not known; known are ${quoteList(known)}`;
}

function quoteList(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(", ");
}

/** The value itself where it is small enough to help. */
function shown(value: unknown): string {
  if (typeof value === "object" && value !== null) return "";
  return `: current value is ${boundText(JSON.stringify(value) ?? "absent", MAX_SHOWN_BYTES)}`;
}
