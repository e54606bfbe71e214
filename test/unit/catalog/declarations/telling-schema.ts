import * as fc from "fast-check";
import type { JsonSchema } from "../../../../src/upstream/upstream.ts";

type Schema = Exclude<JsonSchema, boolean>;

const name = fc.constantFrom("a", "b", "x-y", "", "new", "*/", "\u2028", "天気", "class", 'say "x"\n');
const text = { type: "string" };
const OBJECT_OF_TWO = { type: "object", properties: { p: text, q: { type: "number" } }, required: ["p"] };
const literal = fc.constantFrom<unknown>(
  "a",
  'say "b"',
  "c\nd",
  "*/",
  "",
  0,
  -1.5,
  1e21,
  true,
  false,
  null,
  { k: ["v", 1] },
  ["x", { y: null }],
);

const leaf = fc.oneof(
  fc.constantFrom<Schema>(
    text,
    { type: "number" },
    { type: "integer", default: 3 },
    { type: "boolean", description: "Whether */ it is" },
    { type: "null" },
    { type: ["string", "null"] },
    { type: "number", nullable: true },
    {},
    { $ref: "#/$defs/chain" },
    { $ref: "#/$defs/tree" },
    { $ref: "#/$defs/json" },
  ),
  fc.uniqueArray(literal, { minLength: 1, maxLength: 4 }).map((values): Schema => ({ enum: values })),
  literal.map((value): Schema => ({ const: value })),
);

/** Of different types, so that a value fits one of them at most. */
const CHOICES: readonly Schema[] = [
  text,
  { type: "number" },
  { type: "boolean" },
  { type: "array", items: text },
  OBJECT_OF_TWO,
  { type: "null" },
];

const { object } = fc.letrec<{ schema: Schema; object: Schema }>((tie) => ({
  object: fc
    .tuple(
      fc.dictionary(name, tie("schema"), { maxKeys: 4 }),
      fc.array(name, { maxLength: 3 }),
      fc.constantFrom<Schema>({}, { additionalProperties: false }, { additionalProperties: true }),
    )
    .map(([properties, wanted, further]) => {
      const required = [...new Set(wanted)].filter((one) => Object.hasOwn(properties, one));
      return { type: "object", properties, ...(required.length > 0 ? { required } : {}), ...further };
    }),
  schema: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    tie("object"),
    tie("schema").map((additionalProperties) => ({ type: "object", additionalProperties })),
    tie("schema").map((items) => ({ type: "array", items })),
    fc
      .array(tie("schema"), { minLength: 1, maxLength: 3 })
      .map((prefixItems) => ({ type: "array", prefixItems, items: false })),
    fc.uniqueArray(fc.constantFrom(...CHOICES), { minLength: 2, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.tuple(tie("schema"), tie("schema")).map(([left, right]) => ({
      allOf: [
        { type: "object", properties: { left }, required: ["left"] },
        { type: "object", properties: { right } },
      ],
    })),
  ),
}));

const $defs = {
  chain: { $ref: "#/$defs/link" },
  link: { $ref: "#/$defs/end" },
  end: {
    type: "object",
    properties: { end: { type: "boolean" }, note: text },
    required: ["end"],
    additionalProperties: false,
  },
  tree: {
    type: "object",
    properties: { name: text, kids: { type: "array", items: { $ref: "#/$defs/tree" } } },
    required: ["name"],
  },
  json: { anyOf: [{ type: "array", items: { $ref: "#/$defs/json" } }, { type: "number" }] },
};

/** Parameters that many tools of a server have, as in real lists. */
const COMMON: Readonly<Record<string, Schema>> = {
  "retry-delay": { type: "number", description: "Seconds between attempts", default: 2 },
  "retry-mode": { enum: ["fixed", "exponential"] },
  "auth-method": { enum: ["credential", "key", "connection-string"], description: "How to sign in" },
  account: { type: "object", properties: { id: text, region: text }, required: ["id"] },
};

/**
 * Schemas of arguments that say what TypeScript can say too: what they accept must compile against their type, and what they refuse
 * for a reason that types can give must not.
 */
export const tellingSchema: fc.Arbitrary<Schema> = fc
  .tuple(object, fc.boolean(), fc.boolean())
  .map(([root, isOlder, hasCommon]) => {
    const properties = { ...(root["properties"] as Schema), ...(hasCommon ? COMMON : {}) };
    const schema = { ...root, properties, $defs };
    return isOlder ? toDraft07(schema) : schema;
  });

/** The same schema as draft-07 writes it. */
function toDraft07(from: Schema): Schema {
  const json = JSON.stringify(from, (_, value: unknown) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, "prefixItems")) return value;
    const { prefixItems, ...rest } = value as Schema;
    return { ...rest, items: prefixItems, additionalItems: false };
  });
  const { $defs: definitions, ...rest } = JSON.parse(json.replaceAll('"#/$defs/', '"#/definitions/')) as Schema;
  return { $schema: "http://json-schema.org/draft-07/schema#", ...rest, definitions };
}
