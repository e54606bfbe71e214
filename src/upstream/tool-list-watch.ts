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
  /** The first listing, under way. Nothing is listed again before it is there, and nothing at all when it fails. */
  readonly first: Promise<ToolListing>;
  readonly relist: () => Promise<ToolListing>;
  readonly onTools: (listing: ToolListing) => void;
  readonly onFailure: (error: unknown) => void;
}

/** A list being followed. `close` is idempotent; no callback comes after it. */
export interface ChangeWatch {
  close(): void;
}

/**
 * Lists again whenever a server says that its tools changed; notices that come meanwhile, also during the first listing,
 * cause one more. Servers of the new era are subscribed to, anew with growing pauses when the subscription breaks; each
 * subscription that is accepted causes a listing, since what changed before it stood is in no notice.
 */
export function watchToolList(client: Client, options: ToolListWatchOptions): ChangeWatch {
  const { clock, log, server } = options;
  const ended = new AbortController();
  const closed = ended.signal;
  // Until the first listing is there, notices are only remembered.
  let listing = true;
  let again = false;
  let failures = 0;
  let timer: Timer | undefined;

  const refresh = async (): Promise<void> => {
    again = true;
    if (!listing) await relist();
  };

  const relist = async (): Promise<void> => {
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
      void refresh();
      await subscription.closed;
      if (clock.monotonic() - startedAt >= STABLE_MS) failures = 0;
    } catch (error) {
      log.debug({ server, err: error }, "subscription to tool changes was refused");
    }
    if (closed.aborted) return;
    failures += 1;
    timer = clock.after(fullJitterMs(failures, RELISTEN, options.random), () => void listen(), { background: true });
  };

  const begin = (): void => {
    void relist();
    const isModern = client.getProtocolEra() === "modern";
    if (isModern && client.getServerCapabilities()?.tools?.listChanged === true && !closed.aborted) void listen();
  };

  client.setNotificationHandler("notifications/tools/list_changed", () => void refresh());
  // Who asked for the first listing is told of its failure.
  options.first.then(begin, () => ended.abort());
  return {
    close() {
      ended.abort();
      timer?.cancel();
    },
  };
}
