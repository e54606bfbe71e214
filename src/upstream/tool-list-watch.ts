import type { Client } from "@modelcontextprotocol/client";
import { fullJitterMs } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { ToolListing } from "./tool-list.ts";

const RELISTEN = { baseMs: 1_000, maxMs: 60_000 };
/** A subscription that lived so long was a good one: the pauses start over. */
const STABLE_MS = 60_000;

/** What following a server's list needs. */
export interface ToolListWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** A number in [0, 1), to spread the pauses. */
  readonly random: () => number;
  readonly server: string;
  /** Longest wait for the server to accept a subscription. */
  readonly timeoutMs: number;
  readonly relist: () => Promise<ToolListing>;
  readonly onTools: (listing: ToolListing) => void;
  readonly onFailure: (error: unknown) => void;
}

/** A list being followed. `close` is idempotent; no callback comes after it. */
export interface ChangeWatch {
  close(): void;
}

/**
 * Lists again whenever a server says that its tools changed; notices that come meanwhile cause one more listing.
 * Servers of the new era are subscribed to, anew with growing pauses when the subscription breaks.
 */
export function watchToolList(client: Client, options: ToolListWatchOptions): ChangeWatch {
  const { clock, log, server } = options;
  const ended = new AbortController();
  const closed = ended.signal;
  let listing = false;
  let again = false;
  let failures = 0;
  let timer: Timer | undefined;

  const refresh = async (): Promise<void> => {
    again = true;
    if (listing) return;
    listing = true;
    while (again && !closed.aborted) {
      again = false;
      try {
        // One listing at a time, the last one after the last notice.
        const found = await options.relist();
        if (!closed.aborted) options.onTools(found);
      } catch (error) {
        if (!closed.aborted) options.onFailure(error);
      }
    }
    listing = false;
  };

  const listen = async (): Promise<void> => {
    const startedAt = clock.monotonic();
    try {
      const subscription = await client.listen({ toolsListChanged: true }, { timeout: options.timeoutMs });
      if (failures > 0) void refresh();
      await subscription.closed;
      if (clock.monotonic() - startedAt >= STABLE_MS) failures = 0;
    } catch (error) {
      log.debug({ server, err: error }, "subscription to tool changes was refused");
    }
    if (closed.aborted) return;
    failures += 1;
    timer = clock.after(fullJitterMs(failures, RELISTEN, options.random), () => void listen(), { background: true });
  };

  client.setNotificationHandler("notifications/tools/list_changed", () => void refresh());
  if (client.getProtocolEra() === "modern" && client.getServerCapabilities()?.tools?.listChanged === true)
    void listen();
  return {
    close() {
      ended.abort();
      timer?.cancel();
    },
  };
}
