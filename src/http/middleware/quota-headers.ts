import type { QuotaKind } from "../../config/quotas.ts";
import type { QuotaState } from "../../gateway/quotas.ts";
import type { AppMiddleware } from "../context.ts";
import type { HttpDeps } from "../deps.ts";

/**
 * Tells, in `RateLimit-Policy` and `RateLimit`, how the caller's quotas of these kinds stand once the answer is there,
 * refusals included. Without a quota there are no such headers. The answer goes out also when the quotas cannot be read.
 *
 * @source draft-ietf-httpapi-ratelimit-headers-10 §§ 3, 4: `q` and `r` are amounts, `w` and `t` whole seconds
 */
export function quotaHeaders(
  { quotas, log }: Pick<HttpDeps, "quotas" | "log">,
  kinds: readonly QuotaKind[],
): AppMiddleware {
  return async (c, next) => {
    await next();
    const principal = c.get("principal");
    if (principal === undefined) return;
    try {
      const states = await quotas.states(principal, kinds);
      if (states.length === 0) return;
      c.res.headers.set("ratelimit-policy", states.map(policyItem).join(", "));
      c.res.headers.set("ratelimit", states.map(stateItem).join(", "));
    } catch (error) {
      log.warn({ requestId: c.get("requestId"), err: error }, "how a caller's quotas stand could not be told");
    }
  };
}

function policyItem({ kind, rate }: QuotaState): string {
  const unit = kind === "bytes" ? ';qu="content-bytes"' : "";
  return `"${kind}";q=${rate.limit}${unit};w=${Math.ceil(rate.periodMs / 1_000)}`;
}

function stateItem({ kind, left, resetMs }: QuotaState): string {
  return `"${kind}";r=${left};t=${Math.ceil(resetMs / 1_000)}`;
}
