import { RunletError } from "../../lib/errors.ts";
import type { AppMiddleware } from "../context.ts";
import type { HttpDeps } from "../deps.ts";

/** Tells who calls and keeps it for the request. @throws UNAUTHENTICATED, FORBIDDEN. */
export function authentication(deps: Pick<HttpDeps, "authenticate">, access: "caller" | "admin"): AppMiddleware {
  return async (c, next) => {
    const principal = await deps.authenticate(c.req.raw.headers);
    c.set("principal", principal);
    if (access === "admin" && !principal.admin) {
      throw new RunletError(
        "FORBIDDEN",
        `Cannot ${c.req.method} ${c.get("route") ?? "this route"} as only administrators may: current principal is ${principal.id}.`,
        { hint: "Use the key of a client whose configuration says `admin: true`." },
      );
    }
    await next();
  };
}
