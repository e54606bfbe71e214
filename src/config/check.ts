import { Ajv } from "ajv";
import type { ErrorObject, ValidateFunction } from "ajv";
import { isRecord } from "../lib/guards.ts";
import { pointerKeys } from "../lib/json.ts";
import type { Options } from "./options.ts";
import type { KeyPath } from "./problem.ts";
import { expectation, nodeAt } from "./schema-nodes.ts";
import type { Quantity } from "./schema-nodes.ts";
import { OPTIONS_SCHEMA } from "./schema.ts";
import { parseBytes, parseCount, parseDuration } from "./units.ts";

/** A value that is not what the table of keys says. */
export interface ShapeFault {
  readonly path: KeyPath;
  readonly rule: string;
  readonly value: unknown;
  readonly remedy: string;
}

let compiled: ValidateFunction | undefined;

/**
 * Compares settings with the table of keys: types, ranges, words, missing keys. Unknown keys are no fault here.
 *
 * @returns One fault per key at most; when there is none, `options` is an `Options`.
 */
export function checkShape(options: unknown): ShapeFault[] {
  compiled ??= createValidator().compile(OPTIONS_SCHEMA);
  if (compiled(options)) return [];
  const faults = new Map<string, ShapeFault>();
  for (const error of compiled.errors ?? []) {
    const fault = toFault(error, options);
    const id = JSON.stringify(fault.path);
    if (!faults.has(id)) faults.set(id, fault);
  }
  return [...faults.values()];
}

/** Whether settings have the shape that the table says. */
export function isOptions(options: unknown): options is Options {
  return checkShape(options).length === 0;
}

/** A quantity in its base unit. @returns `undefined` when it is none, or out of range. */
export function parseQuantity(value: number | string, { unit, min, max }: Quantity): number | undefined {
  const parse = { duration: parseDuration, bytes: parseBytes, count: parseCount }[unit];
  const amount = parse(value);
  return amount === undefined || amount < min || amount > max ? undefined : amount;
}

/** Not checked against the meta-schema at each start: a test does that, and it is half of the time. */
function createValidator(): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, validateSchema: false, meta: false });
  ajv.addVocabulary(["expects", "secret", "strictKeys", "environment", "flag"]);
  ajv.addKeyword({
    keyword: "quantity",
    type: ["number", "string"],
    schemaType: "object",
    validate: (quantity: Quantity, value: number | string) => parseQuantity(value, quantity) !== undefined,
  });
  return ajv;
}

function toFault({ instancePath, keyword, params }: ErrorObject, options: unknown): ShapeFault {
  const { path, value } = follow(instancePath, options);
  if (keyword === "required") {
    const { missingProperty } = params as { readonly missingProperty: string };
    const missing = [...path, missingProperty];
    const node = nodeAt(OPTIONS_SCHEMA, missing);
    return { path: missing, rule: "must be set", value: undefined, remedy: node?.description ?? "Write it." };
  }
  const node = nodeAt(OPTIONS_SCHEMA, path);
  const rule = `must be ${node === undefined ? "of another shape" : expectation(node)}`;
  return { path, rule, value, remedy: node?.description ?? "" };
}

/** A JSON pointer as a key path, list positions as numbers, and the value it leads to. */
function follow(pointer: string, root: unknown): { path: KeyPath; value: unknown } {
  const path: (string | number)[] = [];
  let value = root;
  for (const key of pointerKeys(pointer)) {
    if (Array.isArray(value)) {
      path.push(Number(key));
      value = value[Number(key)] as unknown;
    } else {
      path.push(key);
      value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    }
  }
  return { path, value };
}
