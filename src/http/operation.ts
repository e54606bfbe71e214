import type { Principal, Scope } from "../config/principal.ts";
import type { QuotaKind } from "../config/quotas.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { RequestSchema, SchemaObject } from "./validate.ts";

/** What an operation is given: checked, its client known. */
export interface OperationRequest<Body, Query> {
  readonly principal: Principal;
  readonly body: Body;
  readonly query: Query;
  readonly headers: Headers;
  /** Decoded parameter of the path. @throws INTERNAL when the pattern has none of this name. */
  readonly param: (name: string) => string;
  /** Aborts, with an `Error`, when the client goes away. */
  readonly signal: AbortSignal;
  readonly requestId: string;
  /** What the request is part of. */
  readonly trace?: TraceContext | undefined;
}

/** One answer of an operation, for the OpenAPI document. */
export interface OperationAnswer {
  readonly description: string;
  /** Absent when the answer has no body of its own form. */
  readonly schema?: SchemaObject;
  /** @default "application/json" */
  readonly type?: string;
  /** `Accept: text/event-stream` gives events instead. @default false */
  readonly streams?: boolean;
}

/** What one method of one path does; routing, checks, authentication and documentation are derived from it. */
export interface Operation<Body, Query> {
  readonly method: "GET" | "POST" | "DELETE";
  /** Parameters are written `:name`. */
  readonly path: string;
  /** `public`: no credential is asked for; `admin`: the principal must be one. */
  readonly access: "public" | "caller" | "admin";
  /** What an access token must let do, unless the operation is public or for administrators. @default "read" */
  readonly scope?: Exclude<Scope, "admin">;
  /** Heading in the documentation. */
  readonly tag: "Runs" | "Tools" | "Servers" | "Service";
  /** One sentence. */
  readonly summary: string;
  /** Absent: the operation reads no body. */
  readonly body?: RequestSchema<Body>;
  /** A request without a body counts as `{}`. @default false */
  readonly isBodyOptional?: boolean;
  /** Says why a part of the body is refused, when there is more to say than the schema does. */
  readonly explainBody?: (pointer: string, value: unknown) => string | undefined;
  /** Absent: every query parameter is refused. */
  readonly query?: RequestSchema<Query>;
  /** Request headers it reads, with what they do: documentation only. */
  readonly headers?: Readonly<Record<string, string>>;
  /** By HTTP status; problems need not be listed. */
  readonly answers: Readonly<Record<number, OperationAnswer>>;
  /** Quotas of which its answers tell in `RateLimit` headers. @default none */
  readonly quotas?: readonly QuotaKind[];
  /** Polled by machines: logged at debug. */
  readonly quiet?: boolean;
  handle(request: OperationRequest<Body, Query>): Promise<Response> | Response;
}

/** An operation whose types of body and query are no longer told apart. */
export type AnyOperation = Operation<unknown, unknown>;

/** Forgets an operation's own types, so that all can be kept in one list; the checks that give them stay with it. */
export function operation<Body = undefined, Query = Readonly<Record<string, never>>>(
  definition: Operation<Body, Query>,
): AnyOperation {
  return definition;
}

/** What an access token must let do. @returns `undefined` where no credential is asked for. */
export function scopeOf({ access, scope = "read" }: AnyOperation): Scope | undefined {
  if (access === "public") return undefined;
  return access === "admin" ? "admin" : scope;
}

/** JSON as an answer. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return jsonText(JSON.stringify(value), status, headers);
}

/** JSON text as an answer. */
export function jsonText(text: string, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, { status, headers: { ...headers, "content-type": "application/json" } });
}
