import type { CatalogSource } from "../catalog/catalog.ts";
import type { GuardedRegistry } from "../catalog/guard/guarded-registry.ts";
import type { Pins } from "../catalog/guard/pins.ts";
import type { AuthConfig } from "../config/auth-config.ts";
import type { HttpConfig } from "../config/config.ts";
import type { LimitsConfig } from "../config/limits.ts";
import type { Principal } from "../config/principal.ts";
import type { Gateway } from "../gateway/call.ts";
import type { QuotaKeeper } from "../gateway/quotas.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { TraceContext } from "../lib/trace-context.ts";
import type { Tracing } from "../observability/tracing.ts";
import type { RunService } from "../runs/run-service.ts";

/** What `GET /readyz` answers: 200 when ready, else 503. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;
}

/** Everything the HTTP door stands on; the composition root fills it. */
export interface HttpDeps {
  /** Whether only those who watch over the process are answered, and no callers. @default false */
  readonly onlyWatched?: boolean;
  readonly runs: RunService;
  readonly catalogs: CatalogSource;
  readonly gateway: Gateway;
  readonly registry: GuardedRegistry;
  readonly quotas: Pick<QuotaKeeper, "states">;
  readonly pins: Pick<Pins, "view" | "show" | "approve" | "reset">;
  /**
   * Tells who calls, from the request's headers alone.
   * @throws UNAUTHENTICATED, FORBIDDEN, ISSUER_UNAVAILABLE.
   */
  authenticate(headers: Headers): Principal | Promise<Principal>;
  /** How access tokens are checked now. @default none are taken */
  readonly auth?: () => AuthConfig | undefined;
  readonly config: HttpConfig;
  readonly limits: LimitsConfig;
  readiness(): Readiness | Promise<Readiness>;
  /** All metrics in the Prometheus text format. */
  metricsText(): string | Promise<string>;
  /** Version of Runlet, as in package.json. */
  readonly version: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Serves `/mcp`; without it that route does not exist. The request's body is whole and within the size limit. */
  readonly mcpHandler?: (request: Request, principal: Principal, trace: TraceContext | undefined) => Promise<Response>;
  /** @default none: contexts of callers are passed on as they came */
  readonly tracing?: Tracing;
}
