import type { Readiness } from "../http/deps.ts";
import type { Parts } from "./parts.ts";

const DOWN: ReadonlySet<unknown> = new Set(["failed", "degraded", "needs_auth"]);

/** What `/readyz` answers. */
export function readiness({
  executor,
  registry,
  confinement,
}: Pick<Parts, "executor" | "registry" | "confinement">): Readiness {
  const { ready, spare, starting, draining, crashes } = executor.status();
  const statuses = registry.list().map((upstream) => upstream.status());
  const failed = statuses.filter((status) => DOWN.has(status.state)).length;
  return {
    ready: ready > 0,
    checks: {
      executors: {
        ok: ready > 0,
        detail: `${ready} ready, ${spare} spare, ${starting} starting, ${draining} draining, ${crashes} crashed`,
      },
      // A lower level than the configuration requires does not start. Why it is no higher, `runlet doctor` says.
      confinement: { ok: true, detail: `${confinement.level}; held by ${executor.measures().join(", ")}` },
      // A server that is down fails its own calls only: the service takes runs all the same. Which it is, `GET /servers`
      // says to those who may know: this is answered without a key.
      servers: { ok: true, detail: `${statuses.length} configured, ${failed} down` },
    },
  };
}
