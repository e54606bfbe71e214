import type { Principal } from "../../config/principal.ts";
import { readBody } from "../body.ts";
import type { AppContext, HttpApp } from "../context.ts";
import type { HttpDeps } from "../deps.ts";
import { authentication } from "../middleware/authentication.ts";

type McpHandler = NonNullable<HttpDeps["mcpHandler"]>;

/**
 * Adds `/mcp`, all methods of it: which of them it takes, and its media types, are the MCP transport's own to say. The
 * handler is given a request whose body is whole and within the size limit, and whose signal aborts with its client.
 */
export function mountMcp(app: HttpApp, handler: McpHandler, deps: HttpDeps): void {
  app.all(
    "/mcp",
    async (c, next) => {
      c.set("route", "/mcp");
      await next();
    },
    authentication(deps, "read"),
    (c) => serve(c, handler, deps.config.maxBodyBytes),
  );
}

async function serve(c: AppContext, handler: McpHandler, maxBodyBytes: number): Promise<Response> {
  const { method, url, headers, signal } = c.req.raw;
  // Whose they are is known by now, and whatever the transport hands on must not have them.
  const kept = new Headers(headers);
  kept.delete("authorization");
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? { body: await readBody(c.req.raw, maxBodyBytes) } : {};
  const answer = await handler(
    new Request(url, { method, headers: kept, signal, ...body }),
    requirePrincipal(c),
    c.get("trace"),
  );
  return new Response(answer.body, answer);
}

function requirePrincipal(c: AppContext): Principal {
  const principal = c.get("principal");
  if (principal === undefined) throw new Error("authentication left no principal");
  return principal;
}
