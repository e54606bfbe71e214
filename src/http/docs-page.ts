import type { ApiContent, ApiDocument, ApiOperation, ApiParameter } from "./openapi.ts";

/** Content security policy of the page: its own style sheet, and nothing from anywhere. */
export const docsPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 0.85rem/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid #8886; border-radius: 4px; }
details { border-bottom: 1px solid #8884; padding: 0.5rem 0; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0; }
`;

/** Text as HTML text or as the value of a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities = new Map([
    ["&", "&amp;"],
    ["<", "&lt;"],
    [">", "&gt;"],
    ['"', "&quot;"],
    ["'", "&#39;"],
  ]);
  return text.replaceAll(/[&<>"']/gu, (char) => entities.get(char) ?? char);
}

/** Text as HTML, with what stands in backticks as code. */
function prose(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/gu, "<code>$1</code>");
}

/** Renders an OpenAPI document as one HTML page that needs no script and nothing else. */
export function docsPage(document: ApiDocument): string {
  const { title, version, description } = document.info;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = new Set(operations.flatMap(({ operation }) => operation.tags));
  const sections = [...tags].map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(tag));
    return `<h2>${escapeHtml(tag)}</h2>\n${own.map(({ path, method, operation }) => renderOperation(path, method, operation)).join("\n")}`;
  });
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      `<details id="${escapeHtml(name)}"><summary>${escapeHtml(name)}</summary>${pretty(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} API</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)} API <small>${escapeHtml(version)}</small></h1>
<p>${prose(description)} The same as a document: <a href="openapi.json">openapi.json</a>.</p>
${sections.join("\n")}
<h2>Schemas</h2>
${schemas.join("\n")}
</body>
</html>
`;
}

function renderOperation(path: string, method: string, operation: ApiOperation): string {
  const { summary, parameters, requestBody, responses, security } = operation;
  const answers = Object.entries(responses).map(
    ([status, { description, content }]) =>
      `<h4>${escapeHtml(status)}</h4><p>${prose(description)}</p>${renderContent(content)}`,
  );
  return `<details><summary><b>${escapeHtml(method.toUpperCase())}</b> <code>${escapeHtml(path)}</code> ${prose(summary)}</summary>
${security.length === 0 ? "<p>Needs no credential.</p>" : ""}
${renderParameters(parameters)}
${requestBody === undefined ? "" : `<h4>Body</h4>${renderContent(requestBody.content)}`}
${answers.join("\n")}
</details>`;
}

function renderParameters(parameters: readonly ApiParameter[]): string {
  if (parameters.length === 0) return "";
  const rows = parameters.map(({ name, in: place, description, schema }) => {
    const { description: own, ...rest } = schema;
    const words = description ?? (typeof own === "string" ? own : "");
    const cells = [name, place, words, JSON.stringify(rest)].map((cell) => `<td>${prose(cell)}</td>`);
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<table><tr><th>Parameter</th><th>In</th><th>What</th><th>Schema</th></tr>${rows.join("")}</table>`;
}

function renderContent(content: ApiContent = {}): string {
  return Object.entries(content)
    .map(
      ([type, { schema }]) =>
        `<p><code>${escapeHtml(type)}</code></p>${schema === undefined ? "" : renderSchema(schema)}`,
    )
    .join("");
}

/** A reference becomes a link to the schema's own place. */
function renderSchema(schema: Readonly<Record<string, unknown>>): string {
  const target = schema["$ref"];
  if (typeof target !== "string") return pretty(schema);
  const name = escapeHtml(target.slice(target.lastIndexOf("/") + 1));
  return `<p><a href="#${name}">${name}</a></p>`;
}

function pretty(value: unknown): string {
  return `<pre>${escapeHtml(JSON.stringify(value, undefined, 2))}</pre>`;
}
