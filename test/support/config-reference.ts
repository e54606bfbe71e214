import type { SchemaNode } from "../../src/config/schema-nodes.ts";
import { OPTIONS_SCHEMA } from "../../src/config/schema.ts";
import { formatBytes, formatDuration } from "../../src/config/units.ts";

const INTRODUCTION = `# Configuration

Every key, made from the table that the configuration is checked by; \`runlet config schema\` prints it as JSON Schema, \`runlet config show\` where
each value is from, \`runlet config check\` what is wrong. Durations are numbers of ms or text such as \`30s\`, \`5m\`, \`1h\`; sizes are bytes or text such as
\`64KiB\`, \`2MiB\`. \`\${NAME}\` and the other references work in every text. What a policy does, and why, is in [gateway.md](gateway.md).
`;

/** Every key of the configuration as a page: one table for each object that has keys. */
export function configReference(): string {
  return [INTRODUCTION, ...tablesOf("Top level", OPTIONS_SCHEMA)].join("\n");
}

function tablesOf(title: string, node: SchemaNode): string[] {
  const keys = Object.entries(node.properties ?? {});
  const rows = keys.map(([key, child]) => `| \`${key}\` | ${kindOf(child)} | ${defaultOf(child)} | ${textOf(child)} |`);
  const table = [`## ${title}`, "", "| Key | Value | Default | Meaning |", "| --- | --- | --- | --- |", ...rows, ""];
  const prefix = title === "Top level" ? "" : `${title.replaceAll("`", "")}.`;
  return [table.join("\n"), ...keys.flatMap(([key, child]) => inner(`${prefix}${key}`, child))];
}

/** VS Code's `servers` has the keys of `mcpServers`, and all limits have the same two. */
function inner(path: string, node: SchemaNode): string[] {
  if (path === "servers" || path.startsWith("limits.")) return [];
  const [at, child] = entryOf(path, node);
  return child.properties === undefined ? [] : tablesOf(`\`${at}\``, child);
}

/** What has the keys: the object itself, or each of a map or list. */
function entryOf(path: string, node: SchemaNode): [string, SchemaNode] {
  if (node.additionalProperties !== undefined) return [`${path}.<name>`, node.additionalProperties];
  return node.items === undefined ? [path, node] : [`${path}[]`, node.items];
}

function kindOf(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(", ");
  if (node.additionalProperties !== undefined) return `map of ${kindOf(node.additionalProperties)}`;
  if (node.items !== undefined) return `list of ${kindOf(node.items)}`;
  const types = typeof node.type === "string" ? [node.type] : node.type;
  const { quantity } = node;
  if (quantity === undefined || quantity.unit === "count") return types.map(nameOf).join(" or ");
  const others = types.filter((type) => type !== "number" && type !== "string").map(nameOf);
  return [quantity.unit === "bytes" ? "size" : "duration", ...others].join(" or ");
}

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ["string", "text"],
  ["boolean", "true or false"],
]);

const nameOf = (type: string): string => TYPE_NAMES.get(type) ?? type;

function defaultOf({ default: value, quantity }: SchemaNode): string {
  if (value === undefined) return "";
  if (quantity?.unit === "duration" && typeof value === "number") return `\`${formatDuration(value)}\``;
  if (quantity?.unit === "bytes" && typeof value === "number") return `\`${formatBytes(value)}\``;
  return `\`${String(value)}\``;
}

function textOf({ description, environment, flag }: SchemaNode): string {
  const set = [environment && `\`${environment}\``, flag && `\`--${flag}\``].filter((name) => name !== undefined);
  const also = set.length === 0 ? "" : ` Also ${set.join(", ")}.`;
  return `${description}${also}`.replaceAll("|", "\\|");
}
