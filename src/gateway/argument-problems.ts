import type { ErrorObject } from "ajv";
import { isRecord } from "../lib/guards.ts";
import { pointerStep } from "../lib/json.ts";
import { nearestNames } from "../lib/nearest.ts";
import type { ArgumentProblem } from "./call.ts";
import { shortName } from "./policy.ts";
import { describeShape } from "./schema-shape.ts";

const MAX_PROBLEMS = 20;
const MAX_NAMES = 12;
const MAX_VALUE = 60;

/**
 * Ajv's faults as problems a model can act on: where, what is expected there, what is there now, and the nearest name for
 * one that is not known. A choice that fits nowhere is one problem, not one per branch.
 *
 * @returns At most 20 problems, in the order found.
 */
export function toArgumentProblems(errors: readonly ErrorObject[]): ArgumentProblem[] {
  return withoutBranches(errors).slice(0, MAX_PROBLEMS).map(toProblem);
}

/** Ajv puts the faults of a choice's branches right before that of the choice. */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  const kept: ErrorObject[] = [];
  for (const error of errors) {
    if (error.keyword === "anyOf" || error.keyword === "oneOf") {
      const siblings = error.schemaPath.slice(0, -error.keyword.length);
      for (let last = kept.at(-1); last !== undefined; last = kept.at(-1)) {
        const isSibling = last.schemaPath.startsWith(siblings) && !last.schemaPath.startsWith(`${error.schemaPath}/`);
        if (isSibling || !isWithin(last.instancePath, error.instancePath)) break;
        kept.pop();
      }
    }
    if (error.keyword !== "if") kept.push(error);
  }
  return kept;
}

function isWithin(pointer: string, outer: string): boolean {
  return pointer === outer || pointer.startsWith(`${outer}/`);
}

function toProblem(error: ErrorObject): ArgumentProblem {
  const { instancePath: pointer, params } = error;
  const schema: unknown = error.parentSchema;
  const is = `current value is ${describeValue(error.data)}`;
  switch (error.keyword) {
    case "required":
    case "dependentRequired":
    case "dependencies": {
      const name = String(params["missingProperty"]);
      const shape = describeShape(property(schema, name));
      const expected = shape === "any" ? "" : `: expected ${shape}`;
      return { pointer: child(pointer, name), message: `is required${expected}${givenInstead(error)}` };
    }
    case "additionalProperties":
      return unknownProperty(pointer, String(params["additionalProperty"]), schema);
    case "unevaluatedProperties":
      return unknownProperty(pointer, String(params["unevaluatedProperty"]), schema);
    case "type":
      return { pointer, message: `must be ${describeShape(schema)}: ${is}` };
    case "enum":
    case "const":
      return { pointer, message: `must be ${describeShape(schema)}${didYouMean(error)}: ${is}` };
    case "anyOf":
    case "oneOf":
      return { pointer, message: `must be one of ${describeShape({ anyOf: error.schema })}: ${is}` };
    case "false schema":
      return { pointer, message: `must not be there: ${is}` };
    default:
      return { pointer, message: `${cut(error.message ?? "is not valid", 200)}: ${is}` };
  }
}

function unknownProperty(pointer: string, name: string, schema: unknown): ArgumentProblem {
  const known = isRecord(schema) && isRecord(schema["properties"]) ? Object.keys(schema["properties"]) : [];
  const nearest = nearestNames(shortName(name), known);
  const suggestion = nearest.length === 0 ? "" : `: did you mean ${nearest.join(" or ")}?`;
  const listed = known.length <= MAX_NAMES ? known : [...known.slice(0, MAX_NAMES), "…"];
  const rule = known.length === 0 ? "no properties are" : `${listed.join(", ")} ${known.length === 1 ? "is" : "are"}`;
  return { pointer: child(pointer, name), message: `is not a known property (${rule})${suggestion}` };
}

function didYouMean({ keyword, schema, data }: ErrorObject): string {
  if (keyword !== "enum" || typeof data !== "string" || !Array.isArray(schema)) return "";
  const texts = (schema as readonly unknown[]).filter((value) => typeof value === "string");
  const [nearest] = nearestNames(shortName(data), texts, 1);
  return nearest === undefined ? "" : ` (did you mean ${JSON.stringify(nearest)}?)`;
}

/** Names that the schema lets pass and does not know: one of them may be meant for the one that is missing. */
function givenInstead({ data, parentSchema: schema }: ErrorObject): string {
  const known: unknown = isRecord(schema) ? schema["properties"] : undefined;
  const isClosed = isRecord(schema) && schema["additionalProperties"] === false;
  if (!isRecord(data) || !isRecord(known) || isClosed) return "";
  const unknown = Object.keys(data).filter((name) => !Object.hasOwn(known, name));
  return unknown.length === 0
    ? ""
    : ` (given, but not known: ${cut(unknown.slice(0, MAX_NAMES).join(", "), MAX_VALUE)})`;
}

function property(schema: unknown, name: string): unknown {
  if (!isRecord(schema) || !isRecord(schema["properties"])) return true;
  return Object.hasOwn(schema["properties"], name) ? schema["properties"][name] : true;
}

function child(pointer: string, name: string): string {
  return pointer + pointerStep(shortName(name));
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isRecord(value)) {
    const keys = Object.keys(value);
    return keys.length === 0 ? "{}" : `an object with ${cut(keys.slice(0, MAX_NAMES).join(", "), MAX_VALUE)}`;
  }
  return typeof value === "string" ? JSON.stringify(cut(value, MAX_VALUE)) : String(value);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
