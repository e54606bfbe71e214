import type { ErrorObject } from "ajv";
import { createSchemaCompiler } from "../../src/gateway/schema-compiler.ts";
import { isRecord } from "../../src/lib/guards.ts";
import type { JsonSchema } from "../../src/upstream/upstream.ts";

const WRONG: readonly unknown[] = [true, 12_345, "no such value", null, ["no such item"], { surplus: 1 }];
/** A prime larger than any number of candidates, so that each is tried once. */
const STRIDE = 1_000_003;
/** What a validator may complain of for a value to be wrong in a way that types can say. */
const EXPRESSIBLE = new Set(
  "required type enum const additionalProperties anyOf oneOf allOf $ref items prefixItems if false schema".split(" "),
);

const compiler = createSchemaCompiler({ every: true });

/** Checks a value as the gateway does. */
export type Check = (value: unknown) => readonly ErrorObject[];

/** @throws TypeError when the schema cannot be used. */
export function checkOf(schema: JsonSchema): Check {
  const check = compiler.compile(schema);
  if (check === undefined) throw new TypeError(`Cannot compile the schema: ${JSON.stringify(schema)}`);
  return check;
}

/**
 * Values that differ from a valid one in one place and are refused for a reason that types can say: a required property is missing, a
 * value is of another type or not of the listed ones, a property is there that must not be.
 *
 * @param most How many, spread over the places.
 */
export function spoil(check: Check, valid: unknown, most: number): readonly unknown[] {
  const candidates = insides(valid).filter(isRecord);
  const spoilt: unknown[] = [];
  // By a stride, so that the first ones that will do are not all at one place.
  for (let tried = 0; tried < candidates.length && spoilt.length < most; tried++) {
    const value = candidates[(tried * STRIDE) % candidates.length];
    const faults = check(value);
    if (faults.length > 0 && faults.every(({ keyword }) => EXPRESSIBLE.has(keyword))) spoilt.push(value);
  }
  return spoilt;
}

/** A value with one place changed, for each place. */
function insides(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, at) =>
      [...WRONG, ...insides(item)].map((changed) => value.with(at, changed) as unknown[]),
    );
  }
  if (!isRecord(value)) return [];
  const entries = Object.entries(value);
  const without = entries.map(([name]) => Object.fromEntries(entries.filter(([other]) => other !== name)));
  const changed = entries.flatMap(([name, inner]) =>
    [...WRONG, ...insides(inner)].map((one) => Object.fromEntries([...entries, [name, one]])),
  );
  return [...without, Object.fromEntries([...entries, ["surplus", 1]]), ...changed];
}
