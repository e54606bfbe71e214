import type { CatalogSource } from "../catalog/catalog.ts";
import type { Log } from "../lib/log.ts";
import type { RunService } from "../runs/run-service.ts";

/** What the MCP front door stands on. */
export interface McpDeps {
  readonly runs: RunService;
  readonly catalogs: CatalogSource;
  /** Version of Runlet, told to clients in the handshake. */
  readonly version: string;
  readonly log: Log;
}
