import type { CacheLimits } from "../config/call-policies.ts";
import type { PrincipalSource } from "../config/callers.ts";
import type { CatalogSource } from "../catalog/catalog.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Audit } from "../observability/audit.ts";
import { createMetrics, type Metrics } from "../observability/metrics.ts";
import { createRedactor, type Redactor } from "../observability/redact.ts";
import { noTracing, type Tracing } from "../observability/tracing.ts";
import { createMemoryQuotaStore } from "../store/memory/memory-quota-store.ts";
import type { UpstreamRegistry } from "../upstream/upstream.ts";
import { type Breakers, createBreakers } from "./breakers.ts";
import type { ArgumentValidator, Gateway } from "./call.ts";
import { access } from "./interceptors/access.ts";
import { approval } from "./interceptors/approval.ts";
import { again } from "./interceptors/again.ts";
import { audit } from "./interceptors/audit.ts";
import { breaker } from "./interceptors/breaker.ts";
import { cache } from "./interceptors/cache.ts";
import { callerPlaces } from "./interceptors/caller-places.ts";
import { coalesce } from "./interceptors/coalesce.ts";
import { concurrency } from "./interceptors/concurrency.ts";
import { totalDeadline } from "./interceptors/deadline.ts";
import { dryRun } from "./interceptors/dry-run.ts";
import { flow } from "./interceptors/flow.ts";
import { learn, type ObserveResult } from "./interceptors/learn.ts";
import { recheck } from "./interceptors/recheck.ts";
import { redact } from "./interceptors/redact.ts";
import { quota } from "./interceptors/quota.ts";
import { rateLimit } from "./interceptors/rate-limit.ts";
import { retry } from "./interceptors/retry.ts";
import { telemetry } from "./interceptors/telemetry.ts";
import { validate } from "./interceptors/validate.ts";
import { type ApprovalRules, createApprovalRules } from "./approval-rules.ts";
import { createFlowRules, type FlowRules } from "./flow-rules.ts";
import { compose } from "./pipeline.ts";
import type { AdmittedCall } from "./policy.ts";
import { createQuotaKeeper, type QuotaKeeper } from "./quotas.ts";
import { route } from "./route.ts";
import { createArgumentValidator } from "./validator.ts";

/** What the gateway stands on. */
export interface GatewayParts {
  readonly registry: UpstreamRegistry;
  readonly catalogs: CatalogSource;
  readonly clock: Clock;
  readonly log: Log;
  /** @default metrics of its own, which nobody reads */
  readonly metrics?: Metrics;
  /** @default none: contexts are passed on as they came */
  readonly tracing?: Tracing;
  /** Shared with whoever checks literal arguments, so that a schema is compiled once. @default one of its own */
  readonly validator?: ArgumentValidator;
  /** Is told each answer that came from a server. @default nobody is */
  readonly observe?: ObserveResult | undefined;
  /** Bounds of the answers that are kept. @default 64 MiB, 10,000 answers */
  readonly cache?: CacheLimits;
  /** Shared with whoever tells their states. @default some of its own */
  readonly breakers?: Breakers;
  /** Tells what became of callers since they were let in. @default they stay as they are */
  readonly callers?: PrincipalSource;
  /** Where every call is noted. @default nowhere */
  readonly audit?: Audit | undefined;
  /** Shared with whoever takes runs. @default nobody is limited */
  readonly quotas?: QuotaKeeper;
  /** Takes secrets out of results, where a server's configuration says so. @default one that knows none */
  readonly redactor?: Redactor;
  /** Shared with whoever exchanges them. @default none */
  readonly flowRules?: FlowRules;
  /** Shared with whoever exchanges them. @default none */
  readonly approvalRules?: ApprovalRules;
  /** A number in [0, 1), for jitter. @default Math.random */
  readonly random?: () => number;
}

const UNCHANGED: PrincipalSource = { current: (principal) => principal };
const CACHE_LIMITS: CacheLimits = { maxBytes: 64 * 1024 * 1024, maxEntries: 10_000 };

/**
 * Puts the policies around the route in their one true order, outermost first:
 *
 *     telemetry → audit → recheck → access → again → validate → data flow → dry run → approval → quota → rate limit → cache → coalesce →
 *     total deadline → caller's places → retry → breaker → concurrency → learn → redact → (attempt deadline → credentials →) route
 *
 * Those in parentheses are not there yet and belong at that place. Nothing is spent for a denied or invalid call,
 * nor for one that waits, and nobody is asked to approve what could not be made; what a
 * call waits for its place counts towards its deadline; a place of the server is held per attempt. An answer that is kept
 * or shared is still checked against each caller's rules. The path is composed here, once: per call nothing is assembled,
 * the tool is looked up in the principal's cached catalog.
 */
export function createGateway(parts: GatewayParts): Gateway {
  const { registry, catalogs, clock, log, metrics = createMetrics(), validator = createArgumentValidator() } = parts;
  const { observe = () => undefined, cache: limits = CACHE_LIMITS, random = Math.random } = parts;
  const { callers = UNCHANGED, tracing = noTracing, redactor = createRedactor([]) } = parts;
  const { flowRules = createFlowRules([]), approvalRules = createApprovalRules([]) } = parts;
  const { breakers = createBreakers({ clock, log }), quotas = createQuotaKeeper(createMemoryQuotaStore(), {}) } = parts;
  const isOpen = ({ upstream, principal }: AdmittedCall): boolean =>
    breakers.of(upstream, principal.id)?.state === "open";
  const admitted = compose<AdmittedCall>(
    [
      again,
      validate(validator),
      flow(flowRules),
      dryRun,
      approval(approvalRules),
      quota(quotas),
      rateLimit(clock),
      cache({ limits, clock, metrics }),
      coalesce(clock),
      totalDeadline(clock),
      callerPlaces(clock, quotas),
      retry({ clock, metrics, random, isOpen }),
      breaker(breakers),
      concurrency(clock),
      learn(observe),
      redact(redactor),
    ],
    route({ clock, metrics }),
  );
  const allowed = recheck(callers)(access({ registry, catalogs, clock })(admitted));
  const noted = parts.audit === undefined ? allowed : audit(parts.audit, clock)(allowed);
  const call = telemetry({ clock, log, metrics, tracing })(noted);
  return { call };
}
