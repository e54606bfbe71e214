import type { CatalogSource } from "../catalog/catalog.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Tracing } from "../observability/tracing.ts";
import type { RunService } from "../runs/run-service.ts";

/** What the MCP front door stands on. */
export interface McpDeps {
  readonly runs: RunService;
  readonly catalogs: CatalogSource;
  /** Version of Runlet, told to clients in the handshake. */
  readonly version: string;
  readonly log: Log;
  /** @default times are not told */
  readonly metrics?: Pick<Metrics, "observe">;
  /** @default none: contexts of callers are passed on as they came */
  readonly tracing?: Tracing;
  /** Needed for the metrics. @default the machine's */
  readonly clock?: Clock;
}
