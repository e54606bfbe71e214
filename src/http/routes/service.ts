import { optionsJsonSchema } from "../../config/json-schema.ts";
import { METRICS_CONTENT_TYPE } from "../../observability/metrics.ts";
import { docsPage, docsPolicy } from "../docs-page.ts";
import type { HttpDeps } from "../deps.ts";
import { openApiDocument } from "../openapi.ts";
import { json, operation, type AnyOperation } from "../operation.ts";
import { objectOf } from "../response-schemas.ts";

/** Health, metrics and the documentation of all operations. */
export function serviceOperations(deps: HttpDeps, others: readonly AnyOperation[]): AnyOperation[] {
  const own = [health(deps), readiness(deps), metrics(deps)];
  const documented = [...others, ...own];
  return [...own, ...documentation(deps, documented)];
}

function health({ version }: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/healthz",
    access: "public",
    tag: "Service",
    summary: "Whether the process answers.",
    answers: {
      200: {
        description: "It does.",
        schema: objectOf({ status: { const: "ok" }, version: { type: "string" } }),
      },
    },
    quiet: true,
    handle: () => json({ status: "ok", version }),
  });
}

function readiness(deps: HttpDeps): AnyOperation {
  const check = objectOf({ ok: { type: "boolean" }, detail: { type: "string" } }, ["detail"]);
  const schema = objectOf({
    ready: { type: "boolean" },
    checks: { type: "object", additionalProperties: check },
  });
  return operation({
    method: "GET",
    path: "/readyz",
    access: "public",
    tag: "Service",
    summary: "Whether the service can take runs.",
    answers: { 200: { description: "It can.", schema }, 503: { description: "It cannot.", schema } },
    quiet: true,
    async handle() {
      const { ready, checks } = await deps.readiness();
      return json({ ready, checks }, ready ? 200 : 503);
    },
  });
}

function metrics(deps: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/metrics",
    access: "caller",
    tag: "Service",
    summary: "Metrics in the Prometheus text format.",
    answers: { 200: { description: "All metrics.", type: "text/plain" } },
    quiet: true,
    async handle() {
      return new Response(await deps.metricsText(), { headers: { "content-type": METRICS_CONTENT_TYPE } });
    },
  });
}

/** Made anew when the operator's limits, which it tells, are others. */
function documentation(deps: HttpDeps, documented: readonly AnyOperation[]): AnyOperation[] {
  const make = () => {
    const document = openApiDocument(documented, deps.version);
    return { limits: deps.limits, text: JSON.stringify(document), page: docsPage(document) };
  };
  let made = make();
  const current = (): typeof made => (made.limits === deps.limits ? made : (made = make()));
  const schema = JSON.stringify(optionsJsonSchema());
  return [
    operation({
      method: "GET",
      path: "/schema.json",
      access: "public",
      tag: "Service",
      summary: "The JSON Schema of configuration files, for editors.",
      answers: { 200: { description: "JSON Schema 2020-12." } },
      handle: () => new Response(schema, { headers: { "content-type": "application/schema+json" } }),
    }),
    operation({
      method: "GET",
      path: "/openapi.json",
      access: "public",
      tag: "Service",
      summary: "This API as an OpenAPI 3.1 document.",
      answers: { 200: { description: "The document." } },
      handle: () => new Response(current().text, { headers: { "content-type": "application/json" } }),
    }),
    operation({
      method: "GET",
      path: "/docs",
      access: "public",
      tag: "Service",
      summary: "This API as a page to read.",
      answers: { 200: { description: "The page.", type: "text/html" } },
      handle: () =>
        new Response(current().page, {
          headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": docsPolicy },
        }),
    }),
  ];
}
