import { isRecord } from "../lib/guards.ts";
import { SCOPE_KEYS } from "../config/auth-keys.ts";
import { scopeOf, type AnyOperation, type OperationAnswer } from "./operation.ts";
import { PROBLEM_TYPE } from "./problem.ts";
import { ref, responseSchemas } from "./response-schemas.ts";
import type { SchemaObject } from "./validate.ts";

/** One parameter of an operation in the OpenAPI document. */
export interface ApiParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: SchemaObject;
}

/** A body or an answer by its media type. */
export type ApiContent = Readonly<Record<string, { readonly schema?: SchemaObject }>>;

/** One operation in the OpenAPI document. */
export interface ApiOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters: readonly ApiParameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: ApiContent };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: ApiContent }>>;
  /** Empty: no credential is asked for. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

/** The OpenAPI document, as far as we use its format. */
export interface ApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, SchemaObject>>;
    readonly securitySchemes: Readonly<Record<string, SchemaObject>>;
  };
}

/**
 * Describes operations as an OpenAPI 3.1 document, from the very schemas that check their requests.
 *
 * @source OpenAPI 3.1.0 § 4.8
 */
export function openApiDocument(operations: readonly AnyOperation[], version: string): ApiDocument {
  const paths = new Map<string, Record<string, ApiOperation>>();
  for (const operation of operations) {
    const path = operation.path.replaceAll(/:(\w+)/gu, "{$1}");
    paths.set(path, { ...paths.get(path), [operation.method.toLowerCase()]: toApiOperation(operation) });
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Runlet",
      version,
      description:
        "Runs one script, or a task a model writes the script for, in a sandbox whose only power is MCP tools. MCP clients use `/mcp`.",
    },
    paths: Object.fromEntries(paths),
    components: {
      schemas: responseSchemas,
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "A client's key, where clients are configured." },
        token: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description:
            "An access token for this service, where issuers are configured: `GET /.well-known/oauth-protected-resource` names them. Its scopes may be called otherwise there.",
        },
      },
    },
  };
}

function toApiOperation(operation: AnyOperation): ApiOperation {
  const scope = scopeOf(operation);
  const { method, path, tag, summary, body, isBodyOptional = false, answers } = operation;
  const responses = Object.entries(answers).map(([status, answer]) => [status, toApiAnswer(answer)] as const);
  return {
    operationId: toOperationId(method, path),
    tags: [tag],
    summary,
    parameters: [...pathParameters(path), ...queryParameters(operation), ...headerParameters(operation)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: !isBodyOptional, content: { "application/json": { schema: body.schema } } } }),
    responses: {
      ...Object.fromEntries(responses),
      default: {
        description: "The request was refused, or could not be answered.",
        content: { [PROBLEM_TYPE]: { schema: ref("Problem") } },
      },
    },
    security: scope === undefined ? [] : [{ key: [] }, { token: [SCOPE_KEYS[scope].default] }],
  };
}

function toApiAnswer({ description, schema, type = "application/json", streams }: OperationAnswer): {
  description: string;
  content: ApiContent;
} {
  const content = { [type]: schema === undefined ? {} : { schema } };
  return { description, content: streams === true ? { ...content, "text/event-stream": {} } : content };
}

/** `GET /runs/:id/events` as `getRunsIdEvents`. */
function toOperationId(method: string, path: string): string {
  const words = path.split(/[^a-z]+/iu).filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function pathParameters(path: string): ApiParameter[] {
  const names = path.match(/(?<=:)\w+/gu) ?? [];
  return names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
}

function queryParameters({ query }: AnyOperation): ApiParameter[] {
  const properties = query?.schema["properties"];
  return Object.entries(isRecord(properties) ? properties : {}).flatMap(([name, schema]) =>
    isRecord(schema) ? [{ name, in: "query" as const, required: false, schema }] : [],
  );
}

function headerParameters({ headers = {} }: AnyOperation): ApiParameter[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }));
}
