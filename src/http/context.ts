import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono, MiddlewareHandler } from "hono";
import type { Principal } from "../config/principal.ts";
import type { TraceContext } from "../lib/trace-context.ts";

/** What middleware leaves on a request for later steps. */
export interface RequestVariables {
  requestId: string;
  /** Pattern of the matched route, such as `/runs/:id`; absent when none matched. */
  route?: string;
  /** Absent on routes that need no authentication. */
  principal?: Principal;
  /** What the request is part of; absent when it is part of no trace. */
  trace?: TraceContext;
  /** The route is polled by machines: its access log line is of level debug. */
  quiet?: boolean;
}

/** Hono's type parameters for this app; the bindings are empty when a request does not come from a socket. */
export type AppEnv = { Bindings: Partial<HttpBindings>; Variables: RequestVariables };

/** One request on its way through the app. */
export type AppContext = Context<AppEnv>;

/** A step around the routes. */
export type AppMiddleware = MiddlewareHandler<AppEnv>;

/** The HTTP door: its `fetch` answers requests. */
export type HttpApp = Hono<AppEnv>;
