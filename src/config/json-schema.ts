import { hasType } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";
import { OPTIONS_SCHEMA } from "./schema.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What any text may hold in place of a value: `${NAME}` and its like. */
const REFERENCE = { type: "string", pattern: "\\$\\{" } as const;

const open = (description: string): JsonSchema => ({ description, type: "object" });

/** Keys that are translated into ours before anything is checked; the translation knows what is in them. */
const TRANSLATED = {
  $schema: { description: "Where this schema is, for editors.", type: "string" },
  inputs: {
    description: "Inputs of a VS Code file: `${input:ID}` is the environment variable of that name in capitals.",
  },
  gateway: open("The block of a Docker-style gateway: port, log_level, access_control, credentials."),
  access_control: open(
    "Docker-style: enabled, default_policy, and clients with allowed_servers, allowed_tools, rate_limits.",
  ),
  credentials: open("Docker-style: `SERVER: {name: value}`, as environment variables or bearer token of that server."),
} as const satisfies Readonly<Record<string, JsonSchema>>;

const TRANSLATED_CLIENT = {
  allowed_servers: { description: "Docker-style for `servers`." },
  allowed_tools: { description: "Docker-style for `tools`." },
  rate_limit: { description: "Docker-style for `limits.calls`, such as 100/minute." },
  rate_limits: { description: "Docker-style for `limits`: requests_per_minute, tokens_per_day and their like." },
} as const satisfies Readonly<Record<string, JsonSchema>>;

/**
 * The table of keys as JSON Schema 2020-12, for editors and other tools. It is wider than the check of the configuration where
 * JSON Schema has no words for a rule: units of durations and sizes, names, and what must go together. Whatever the check takes,
 * the schema takes.
 */
export function optionsJsonSchema(): JsonSchema {
  const root = toJsonSchema(OPTIONS_SCHEMA);
  const properties = root["properties"] as Readonly<Record<string, JsonSchema>>;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of Runlet",
    ...root,
    properties: {
      ...TRANSLATED,
      ...properties,
      ...(properties["clients"] === undefined ? {} : { clients: withTranslated(properties["clients"]) }),
    },
  };
}

function withTranslated(clients: JsonSchema): JsonSchema {
  const client = clients["additionalProperties"] as JsonSchema;
  const properties = { ...(client["properties"] as JsonSchema), ...TRANSLATED_CLIENT };
  return { ...clients, additionalProperties: { ...client, properties } };
}

function toJsonSchema(node: SchemaNode): JsonSchema {
  const { description, environment, default: value } = node;
  const about = {
    description: environment === undefined ? description : `${description} Environment: ${environment}.`,
    ...(value === undefined ? {} : { default: value }),
  };
  const rules = rulesOf(node);
  // Objects and lists are never one reference, and free text is whatever it holds.
  const takesAnyText = hasType(node, "string") && node.pattern === undefined && node.enum === undefined;
  const isStructure = node.type === "object" || node.type === "array";
  return takesAnyText || isStructure ? { ...about, ...rules } : { ...about, anyOf: [rules, REFERENCE] };
}

function rulesOf(node: SchemaNode): Record<string, unknown> {
  const { type, quantity, properties, additionalProperties, items, strictKeys } = node;
  const rules: Record<string, unknown> = { type };
  for (const key of ["enum", "pattern", "minimum", "maximum", "minLength", "required"] as const) {
    if (node[key] !== undefined) rules[key] = node[key];
  }
  // They count for numbers only; text has its unit.
  if (quantity !== undefined) Object.assign(rules, { minimum: quantity.min, maximum: quantity.max });
  if (items !== undefined) rules["items"] = toJsonSchema(items);
  if (properties !== undefined) {
    rules["properties"] = Object.fromEntries(
      Object.entries(properties).map(([key, child]) => [key, toJsonSchema(child)]),
    );
  }
  if (additionalProperties !== undefined) rules["additionalProperties"] = toJsonSchema(additionalProperties);
  else if (strictKeys === true) rules["additionalProperties"] = false;
  return rules;
}
