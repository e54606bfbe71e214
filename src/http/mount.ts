import { RunletError } from "../lib/errors.ts";
import type { Principal } from "../config/principal.ts";
import { clientSignal } from "./client-signal.ts";
import { parseJsonBody, readBody, requireJson } from "./body.ts";
import type { AppContext, AppMiddleware, HttpApp } from "./context.ts";
import type { HttpDeps } from "./deps.ts";
import { authentication } from "./middleware/authentication.ts";
import { methodNotAllowed } from "./middleware/problems.ts";
import { quotaHeaders } from "./middleware/quota-headers.ts";
import { scopeOf, type AnyOperation } from "./operation.ts";
import { requestInvalid, type RequestProblem } from "./problem.ts";
import { compileCheck, readParameters, type RequestSchema } from "./validate.ts";

/** Whom operations see that ask for no credential: nobody, who may use nothing. */
const ANONYMOUS: Principal = Object.freeze({
  id: "anonymous",
  access: Object.freeze({ servers: Object.freeze([]) }),
  admin: false,
});

/** What clients get that went away before their answer was there; only logs see it. */
const CLIENT_CLOSED_REQUEST = 499;

const NOTHING: RequestSchema<unknown> = { schema: { type: "object", additionalProperties: false } };

/**
 * Adds operations to an app: each with its authentication and the checks of its query and body, and an answer for the
 * methods that its path does not take.
 */
export function mountOperations(app: HttpApp, operations: readonly AnyOperation[], deps: HttpDeps): void {
  const methods = new Map<string, string[]>();
  for (const operation of operations) {
    const { method, path } = operation;
    const scope = scopeOf(operation);
    app.on(method, [path], routeName(operation));
    if (scope !== undefined) app.on(method, [path], authentication(deps, scope));
    if (operation.quotas !== undefined) app.on(method, [path], quotaHeaders(deps, operation.quotas));
    app.on(method, [path], compileHandler(operation, deps));
    methods.set(path, [...(methods.get(path) ?? []), ...(method === "GET" ? ["GET", "HEAD"] : [method])]);
  }
  for (const [path, allowed] of methods) app.all(path, (c) => methodNotAllowed(c, path, allowed));
}

function routeName({ path, quiet }: AnyOperation): AppMiddleware {
  return async (c, next) => {
    c.set("route", path);
    c.set("quiet", quiet === true);
    await next();
  };
}

function compileHandler(operation: AnyOperation, deps: HttpDeps): (c: AppContext) => Promise<Response> {
  const readQuery = compileQuery(operation);
  const readJson = compileBody(operation, deps.config.maxBodyBytes);
  return async (c) => {
    const request = c.req.raw;
    const query = readQuery(new URL(request.url).searchParams);
    const signal = clientSignal(request.signal);
    try {
      const body = await readJson(request);
      return await operation.handle({
        principal: c.get("principal") ?? ANONYMOUS,
        body,
        query,
        headers: request.headers,
        param: (name) => pathParameter(c, name),
        signal,
        requestId: c.get("requestId"),
        trace: c.get("trace"),
      });
    } catch (thrown) {
      if (signal.aborted) {
        deps.log.debug({ requestId: c.get("requestId"), route: operation.path, err: thrown }, "client closed request");
        return new Response(null, { status: CLIENT_CLOSED_REQUEST });
      }
      throw thrown instanceof Error ? thrown : new Error("a value that is not an Error was thrown", { cause: thrown });
    }
  };
}

function compileQuery({ path, query = NOTHING }: AnyOperation): (parameters: URLSearchParams) => unknown {
  const check = compileCheck(query);
  return (parameters) => {
    const twice = [...new Set(parameters.keys())].filter((name) => parameters.getAll(name).length > 1);
    const problems: RequestProblem[] = twice.map((name) => ({
      pointer: `/${name}`,
      message: "is given more than once",
    }));
    const checked = check(readParameters(query, parameters));
    if (checked.ok && problems.length === 0) return checked.value;
    const all = [...problems, ...(checked.ok ? [] : checked.problems)];
    throw requestInvalid(
      `the query of ${path}`,
      all.map((problem) => ({ in: "query", ...problem })),
    );
  };
}

function compileBody(operation: AnyOperation, maxBytes: number): (request: Request) => Promise<unknown> {
  const { method, path, body, explainBody, isBodyOptional = false } = operation;
  if (body === undefined) return async () => undefined;
  const check = compileCheck(body, explainBody === undefined ? {} : { explain: explainBody });
  return async (request) => {
    const isAbsent =
      isBodyOptional && !request.headers.has("content-type") && (await readBody(request, maxBytes)).byteLength === 0;
    if (!isAbsent) requireJson(request);
    const checked = check(isAbsent ? {} : parseJsonBody(await readBody(request, maxBytes)));
    if (checked.ok) return checked.value;
    throw requestInvalid(`the body of ${method} ${path}`, checked.problems);
  };
}

function pathParameter(c: AppContext, name: string): string {
  const value = c.req.param(name);
  if (value === undefined) throw new RunletError("INTERNAL", `Cannot read the path as it has no parameter ${name}.`);
  return value;
}
