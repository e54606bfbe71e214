import type { Redis } from "ioredis";
import type { Log } from "../../lib/log.ts";

/** Says once that a server cannot be reached, whatever the number of connections and tries, and once that it can again. */
export interface OutageWatch {
  add(connection: Redis): void;
  /** Says nothing more: the connections are closed on purpose. */
  end(): void;
}

/** @param address Host and port, for the log. */
export function watchOutages(address: string, log: Log): OutageWatch {
  const down = new Set<Redis>();
  let ended = false;
  return {
    add(connection) {
      let reason: string | undefined;
      const lost = (): void => {
        if (ended || down.has(connection)) return;
        if (down.size === 0) log.error({ server: address, reason }, "Redis cannot be reached: work waits until it can");
        down.add(connection);
      };
      connection.on("error", (error: Error & { readonly code?: unknown }) => {
        reason = typeof error.code === "string" ? error.code : error.message;
        lost();
      });
      connection.on("close", lost);
      connection.on("end", () => down.delete(connection));
      connection.on("ready", () => {
        reason = undefined;
        if (down.delete(connection) && down.size === 0 && !ended) {
          log.info({ server: address }, "Redis can be reached again");
        }
      });
    },
    end() {
      ended = true;
    },
  };
}
