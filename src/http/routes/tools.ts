import type { Catalog, CatalogTool } from "../../catalog/catalog.ts";
import { SANDBOX_DECLARATIONS } from "../../catalog/declarations/sandbox-declarations.ts";
import { RunletError } from "../../lib/errors.ts";
import { isStringArray } from "../../lib/guards.ts";
import { parseJson } from "../../lib/json.ts";
import type { HttpDeps } from "../deps.ts";
import { json, operation, type AnyOperation, type OperationRequest } from "../operation.ts";
import { didYouMean, requestInvalid } from "../problem.ts";
import { arrayOf, objectOf, ref } from "../response-schemas.ts";
import {
  declarationsQuerySchema,
  PAGE,
  searchQuerySchema,
  toolsQuerySchema,
  type DeclarationsQuery,
  type SearchQuery,
  type ToolsQuery,
} from "../schemas.ts";

/** What the caller may use: lists, searches and describes tools. */
export function toolOperations(deps: HttpDeps): AnyOperation[] {
  return [listTools(deps), searchTools(deps), getTool(deps), getDeclarations(deps)];
}

function listTools(deps: HttpDeps): AnyOperation {
  return operation<undefined, ToolsQuery>({
    method: "GET",
    path: "/tools",
    access: "caller",
    tag: "Tools",
    summary: "The tools the caller may use, by server.",
    query: toolsQuerySchema,
    headers: { "X-Client-ID": "Names a client whose configuration has no key; else only logged." },
    answers: {
      200: {
        description: "A page of tools; `unlisted` names servers whose tools are missing because they did not answer.",
        schema: objectOf(
          { tools: arrayOf(ref("Tool")), nextCursor: { type: "string" }, unlisted: arrayOf({ type: "string" }) },
          ["nextCursor", "unlisted"],
        ),
      },
    },
    async handle(request) {
      const { server, limit = PAGE.tools.default, cursor } = request.query;
      const catalog = await catalogFor(deps, request);
      if (server !== undefined) requireServers(catalog, [server]);
      const tools = server === undefined ? catalog.tools : catalog.tools.filter((tool) => tool.server === server);
      const from = cursor === undefined ? 0 : positionAfter(tools, cursor);
      const page = tools.slice(from, from + limit);
      const last = page.at(-1);
      return json({
        tools: page.map(toToolJson),
        nextCursor: last !== undefined && from + limit < tools.length ? toCursor(last) : undefined,
        unlisted: unlistedOf(catalog, server),
      });
    },
  });
}

function searchTools(deps: HttpDeps): AnyOperation {
  const { server, name, description, declaration } = { server: {}, name: {}, description: {}, declaration: {} };
  const hit = objectOf({ server, name, description, declaration, score: { type: "number" } });
  return operation<undefined, SearchQuery>({
    method: "GET",
    path: "/tools/search",
    access: "caller",
    tag: "Tools",
    summary: "The tools that fit some words, best first, with their declarations.",
    query: searchQuerySchema,
    answers: {
      200: {
        description: "The best hits; `unlisted` names servers whose tools are missing because they did not answer.",
        schema: objectOf({ results: arrayOf(hit), total: { type: "integer" }, unlisted: arrayOf({ type: "string" }) }, [
          "unlisted",
        ]),
      },
    },
    async handle(request) {
      const { q = "", limit = PAGE.search.default, offset = 0, server } = request.query;
      const catalog = await catalogFor(deps, request);
      if (server !== undefined) requireServers(catalog, [server]);
      const { hits, total } = catalog.search(q, { limit, offset, ...(server === undefined ? {} : { server }) });
      const results = hits.map(({ tool, score }) => ({
        server: tool.server,
        name: tool.name,
        description: tool.description,
        declaration: tool.signature,
        score,
      }));
      return json({ results, total, unlisted: unlistedOf(catalog, server) });
    },
  });
}

/** Servers, or the one asked for, whose tools an answer lacks; `undefined` when it lacks none. */
function unlistedOf(catalog: Catalog, server: string | undefined): readonly string[] | undefined {
  const unlisted = catalog.unlisted.filter((name) => server === undefined || name === server);
  return unlisted.length > 0 ? unlisted : undefined;
}

function getTool(deps: HttpDeps): AnyOperation {
  return operation({
    method: "GET",
    path: "/tools/:server/:tool",
    access: "caller",
    tag: "Tools",
    summary: "One tool, by its server's and its own name.",
    answers: { 200: { description: "The tool.", schema: ref("Tool") } },
    async handle(request) {
      const [server, name] = [request.param("server"), request.param("tool")];
      // The others' start is nothing to whoever knows which server it is.
      const catalog = await catalogFor(deps, request, [server]);
      requireServers(catalog, [server]);
      const tool = catalog.find(server, name);
      if (tool !== undefined) return json(toToolJson(tool));
      const siblings = catalog.tools.filter((sibling) => sibling.server === server).map((sibling) => sibling.name);
      throw notFound("TOOL_NOT_FOUND", `Cannot find tool ${JSON.stringify(name)} on server ${server}`, name, siblings);
    },
  });
}

function getDeclarations(deps: HttpDeps): AnyOperation {
  return operation<undefined, DeclarationsQuery>({
    method: "GET",
    path: "/declarations",
    access: "caller",
    tag: "Tools",
    summary: "What a script sees as the text of one `.d.ts` file: `mcp` with its tools, `input`, `emit`, `ToolError`.",
    query: declarationsQuerySchema,
    answers: { 200: { description: "TypeScript.", type: "text/plain" } },
    async handle(request) {
      const names = request.query.servers?.split(",").map((name) => name.trim());
      const catalog = await catalogFor(deps, request);
      if (names !== undefined) requireServers(catalog, names);
      const text = SANDBOX_DECLARATIONS + catalog.declarations(names);
      return new Response(text, { headers: { "content-type": "text/plain; charset=utf-8" } });
    },
  });
}

/** @param servers The only ones to wait for. @default all that the caller may see */
function catalogFor(
  deps: HttpDeps,
  request: OperationRequest<unknown, unknown>,
  servers?: readonly string[],
): Promise<Catalog> {
  const only = servers === undefined ? {} : { servers };
  return deps.catalogs.settled(request.principal, undefined, { signal: request.signal, ...only });
}

function toToolJson(tool: CatalogTool): Readonly<Record<string, unknown>> {
  return {
    server: tool.server,
    name: tool.name,
    description: tool.description,
    inputSchema: tool.inputSchema,
    outputSchema: tool.outputSchema,
    observedOutputSchema: tool.observedSchema,
    annotations: tool.annotations,
    class: tool.class,
    declaration: tool.signature,
  };
}

/** @throws NOT_FOUND when the catalog does not have one of the servers. */
function requireServers(catalog: Catalog, names: readonly string[]): void {
  const unknown = names.find((name) => !catalog.servers.includes(name));
  if (unknown !== undefined) {
    throw notFound("NOT_FOUND", `Cannot find server ${JSON.stringify(unknown)}`, unknown, catalog.servers);
  }
}

function notFound(
  code: "NOT_FOUND" | "TOOL_NOT_FOUND",
  what: string,
  wrong: string,
  names: readonly string[],
): RunletError {
  const message = `${what} as there is none of this name that the caller may use.`;
  return new RunletError(code, message, didYouMean(wrong, names, "GET /tools lists what there is."));
}

/** A cursor names the last tool of a page, so that pages fit together whatever was added meanwhile. */
function toCursor(tool: CatalogTool): string {
  return Buffer.from(JSON.stringify([tool.server, tool.name])).toString("base64url");
}

/** @throws REQUEST_INVALID when the cursor is not ours or its tool is gone. */
function positionAfter(tools: readonly CatalogTool[], cursor: string): number {
  const parts = parseJson(Buffer.from(cursor, "base64url").toString("utf8"))?.value;
  const [server, name] = isStringArray(parts) ? parts : [];
  const at = tools.findIndex((tool) => tool.server === server && tool.name === name);
  if (at >= 0) return at + 1;
  const message = "is not the `nextCursor` of a page of these tools, or its tool is gone; start again without it";
  throw requestInvalid("the query of /tools", [{ in: "query", pointer: "/cursor", message }]);
}
