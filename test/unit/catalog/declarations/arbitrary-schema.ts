import * as fc from "fast-check";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";

const name = fc.constantFrom("a", "b", "x-y", "", "__proto__", "new", "*/", "\u2028");
const pointer = fc.constantFrom("#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#/$defs/a/items", "#/nowhere", "#a");
const value = fc.oneof(name, fc.constantFrom(0, -1.5, 1e21, true, null), fc.constant({ k: ["v", 1] }));

const { schema } = fc.letrec<{ schema: JsonSchema }>((tie) => {
  const map = fc.dictionary(name, tie("schema"), { maxKeys: 3 });
  const list = fc.array(tie("schema"), { minLength: 1, maxLength: 3 });
  return {
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom<JsonSchema>(true, false, {}, { type: "string", format: "*/" }, { type: ["integer", "null"] }),
      fc.record(
        {
          type: fc.constantFrom("object", "array", "string", ["object", "null"], "file"),
          description: fc.constantFrom("Plain.", "*/ } evil(); /*", "// \n more\u2029"),
          properties: map,
          required: fc.array(name, { maxLength: 2 }),
          additionalProperties: tie("schema"),
          patternProperties: map,
          items: fc.oneof(tie("schema"), list),
          prefixItems: list,
          minItems: fc.nat(2),
          anyOf: list,
          oneOf: list,
          allOf: list,
          enum: fc.array(value, { maxLength: 3 }),
          const: value,
          default: value,
          nullable: fc.boolean(),
          $ref: pointer,
          $defs: fc.record({ a: tie("schema"), b: tie("schema") }),
        },
        { requiredKeys: [] },
      ),
    ),
  };
});

/** Schemas as a careless or hostile server may send them, references in every direction among them. */
export const arbitrarySchema = fc
  .tuple(schema, schema, schema)
  .map(([root, a, b]): JsonSchema => (typeof root === "boolean" ? root : { $defs: { a, b }, ...root }));
