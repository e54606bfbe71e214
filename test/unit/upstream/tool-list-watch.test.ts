import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, it } from "vitest";
import { silentLog } from "../../../src/lib/log.ts";
import { watchToolList } from "../../../src/upstream/tool-list-watch.ts";
import type { ToolListing } from "../../../src/upstream/tool-list.ts";
import { createManualClock } from "../../support/manual-clock.ts";

interface Harness {
  readonly clock: ReturnType<typeof createManualClock>;
  /** Listings under way: each settles when its function is called. */
  readonly relists: { readonly done: (error?: Error) => void }[];
  readonly listings: ToolListing[];
  readonly failures: unknown[];
  readonly subscriptions: PromiseWithResolvers<"remote">[];
  notify(): void;
  close(): void;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

const NO_TOOLS: ToolListing = { tools: [], dropped: [] };

function watch(
  era: "legacy" | "modern",
  {
    listen = "accepted",
    first = Promise.resolve(NO_TOOLS),
  }: {
    readonly listen?: "accepted" | "refused";
    readonly first?: Promise<ToolListing>;
  } = {},
): Harness {
  const clock = createManualClock();
  const subscriptions: PromiseWithResolvers<"remote">[] = [];
  const relists: Harness["relists"] = [];
  const listings: ToolListing[] = [];
  const failures: unknown[] = [];
  let notify = (): void => undefined;
  const client = {
    setNotificationHandler: (_: string, handler: () => void) => (notify = handler),
    getProtocolEra: () => era,
    getServerCapabilities: () => ({ tools: { listChanged: true } }),
    listen: () => {
      const subscription = Promise.withResolvers<"remote">();
      subscriptions.push(subscription);
      return listen === "accepted"
        ? Promise.resolve({ closed: subscription.promise })
        : Promise.reject(new Error("no"));
    },
  } as unknown as Client;
  const watching = watchToolList(client, {
    clock,
    log: silentLog,
    random: () => 1,
    server: "s",
    timeoutMs: 1_000,
    first,
    relist: () =>
      new Promise((resolve, reject) => {
        relists.push({ done: (error) => (error ? reject(error) : resolve(NO_TOOLS)) });
      }),
    onTools: (listing) => listings.push(listing),
    onFailure: (error) => failures.push(error),
  });
  return { clock, relists, listings, failures, subscriptions, notify: () => notify(), close: () => watching.close() };
}

describe("watchToolList", () => {
  it("makes many notices during one listing into one more", async () => {
    const harness = watch("legacy");
    await settle();
    for (let notice = 0; notice < 50; notice++) harness.notify();
    expect(harness.relists).toHaveLength(1);
    harness.relists[0]?.done();
    await settle();
    expect(harness.relists).toHaveLength(2);
    harness.relists[1]?.done();
    await settle();
    expect([harness.relists.length, harness.listings.length]).toEqual([2, 2]);
  });

  it("tells of a listing that fails and goes on listening", async () => {
    const harness = watch("legacy");
    await settle();
    harness.notify();
    harness.relists[0]?.done(new Error("cannot list"));
    await settle();
    expect(harness.failures).toEqual([new Error("cannot list")]);
    harness.notify();
    harness.relists[1]?.done();
    await settle();
    expect(harness.listings).toHaveLength(1);
  });

  it("lists again after the first listing when a notice came during it", async () => {
    const first = Promise.withResolvers<ToolListing>();
    const harness = watch("legacy", { first: first.promise });
    harness.notify();
    await settle();
    expect(harness.relists).toHaveLength(0);
    first.resolve(NO_TOOLS);
    await settle();
    expect(harness.relists).toHaveLength(1);
  });

  it("does not list again, or subscribe, when the first listing failed", async () => {
    const harness = watch("modern", { first: Promise.reject(new Error("cannot list")) });
    harness.notify();
    await settle();
    expect([harness.relists.length, harness.subscriptions.length, harness.failures.length]).toEqual([0, 0, 0]);
  });

  it("lists what changed between the first listing and the subscription", async () => {
    const harness = watch("modern");
    await settle();
    expect([harness.subscriptions.length, harness.relists.length]).toEqual([1, 1]);
  });

  it("subscribes to servers of the new era only", async () => {
    const legacy = watch("legacy");
    const modern = watch("modern");
    await settle();
    expect([legacy.subscriptions.length, modern.subscriptions.length]).toEqual([0, 1]);
  });

  it("subscribes again after growing pauses, and lists what it may have missed", async () => {
    const harness = watch("modern");
    for (const pauseMs of [1_000, 2_000, 4_000]) {
      await settle();
      const before = harness.subscriptions.length;
      harness.subscriptions.at(-1)?.resolve("remote");
      await settle();
      harness.clock.advance(pauseMs - 1);
      expect(harness.subscriptions).toHaveLength(before);
      harness.clock.advance(1);
      expect(harness.subscriptions).toHaveLength(before + 1);
    }
    await settle();
    expect(harness.relists.length).toBeGreaterThanOrEqual(1);
  });

  it("begins the pauses anew after a subscription that lasted", async () => {
    const harness = watch("modern");
    await settle();
    harness.subscriptions.at(-1)?.resolve("remote");
    await settle();
    harness.clock.advance(1_000);
    await settle();
    harness.clock.advance(60_000);
    harness.subscriptions.at(-1)?.resolve("remote");
    await settle();
    harness.clock.advance(1_000);
    expect(harness.subscriptions).toHaveLength(3);
  });

  it("tries again with a server that refuses", async () => {
    const harness = watch("modern", { listen: "refused" });
    await settle();
    harness.clock.advance(1_000);
    await settle();
    harness.clock.advance(2_000);
    await settle();
    expect(harness.subscriptions).toHaveLength(3);
  });

  it("does nothing any more once it is closed", async () => {
    const harness = watch("modern");
    await settle();
    harness.notify();
    harness.close();
    harness.close();
    harness.relists[0]?.done();
    harness.subscriptions[0]?.resolve("remote");
    await settle();
    harness.clock.advance(1_000_000);
    harness.notify();
    await settle();
    expect([harness.listings.length, harness.subscriptions.length, harness.relists.length]).toEqual([0, 1, 1]);
    expect(harness.clock.pending()).toBe(0);
  });
});
