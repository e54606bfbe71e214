import type { Clock } from "../../lib/clock.ts";
import { RunletError } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { nearestNames } from "../../lib/nearest.ts";
import type { PinKey, PinRecord, PinStore } from "../../store/pin-store.ts";
import { diffListings, summariseChanges } from "./pin-diff.ts";
import { approveTools, compareListings, listingText, parseListing, pinnedListing } from "./pinned-listing.ts";
import type { ListingChanges, PinnedListing } from "./pinned-listing.ts";
import type { ListingView, PinView, ShownPins } from "./pin-view.ts";

/** Listings of one server that were told; one that changes its tools all day does not fill memory. */
const MAX_TOLD = 100;
const DIFF_LINES_LOGGED = 40;
const NOTHING: PinnedListing = pinnedListing([]);

/** A listing that is held, and since when. */
interface Held extends PinnedListing {
  readonly atMs: number;
  readonly approvedBy: string | undefined;
}

interface ServerPins {
  readonly approved: Held;
  /** What is listed where it differs. */
  readonly listed: Held | undefined;
}

/** What pins need from outside. */
export interface PinDeps {
  readonly store: PinStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Holds servers to the tools that they listed first, or that somebody approved since. All is kept in memory and written
 * behind, one write after another; a write that fails is logged, and only approvals reject for it.
 */
export class Pins {
  readonly #deps: PinDeps;
  readonly #servers = new Map<string, ServerPins>();
  readonly #told = new Map<string, Set<string>>();
  readonly #listeners = new Set<(server: string) => void>();
  #writing: Promise<void> = Promise.resolve();

  private constructor(deps: PinDeps) {
    this.#deps = deps;
  }

  /** Reads what is stored. A record that cannot be read holds its server to nothing: all its tools count as added. */
  static async create(deps: PinDeps): Promise<Pins> {
    const pins = new Pins(deps);
    const listed = new Map<string, Held>();
    const approved = new Map<string, Held>();
    for (const record of await deps.store.list()) {
      (record.kind === "approved" ? approved : listed).set(record.server, pins.#read(record));
    }
    for (const [server, held] of approved) pins.#servers.set(server, { approved: held, listed: listed.get(server) });
    return pins;
  }

  /** Names of all servers that have a pin, sorted. */
  get servers(): readonly string[] {
    return [...this.#servers.keys()].sort();
  }

  /**
   * Compares what a server lists with its pin. The first listing becomes the pin; another one is logged, once in a process,
   * and the pin stays as it was.
   *
   * @returns What changed; `undefined` when nothing did.
   */
  judge(server: string, listing: PinnedListing): ListingChanges | undefined {
    const { clock, log } = this.#deps;
    const held = this.#servers.get(server);
    const now = { ...listing, atMs: clock.now(), approvedBy: undefined };
    if (held === undefined) {
      this.#servers.set(server, { approved: now, listed: undefined });
      this.#writeBehind([toRecord(server, "approved", now)]);
      log.info(
        { server, tools: listing.tools.size, digest: listing.digest },
        "MCP server's tools are pinned as first seen",
      );
      return undefined;
    }
    const changes = compareListings(held.approved, listing);
    if (changes === undefined) {
      if (held.listed !== undefined) {
        this.#servers.set(server, { approved: held.approved, listed: undefined });
        this.#writeBehind([], [{ server, kind: "listed" }]);
      }
      return undefined;
    }
    if (held.listed?.digest !== listing.digest) {
      this.#servers.set(server, { approved: held.approved, listed: now });
      this.#writeBehind([toRecord(server, "listed", now)]);
    }
    this.#tell(server, held.approved, listing, changes);
    return changes;
  }

  /** What is known of one server. */
  view(server: string): PinView {
    const held = this.#servers.get(server);
    const none = { changed: [], added: [], removed: [], instructionsChanged: false };
    if (held === undefined) return { server, state: "new", ...none };
    const { approved, listed } = held;
    const { approvedBy: by } = approved;
    const pin = { ...toListingView(approved), ...(by !== undefined && { by }) };
    const changes = listed && compareListings(approved, listed);
    if (listed === undefined || changes === undefined) return { server, state: "ok", approved: pin, ...none };
    const { instructions: instructionsChanged, ...names } = changes;
    return { server, state: "changed", approved: pin, listed: toListingView(listed), ...names, instructionsChanged };
  }

  /** What is known of one server, with what changed as lines for people. */
  show(server: string): ShownPins {
    return { ...this.view(server), diff: this.#diff(server) };
  }

  /**
   * Takes what a server lists now for its pin: all of it, or of some tools only. Written when this resolves. Without changes
   * it notes who approved.
   *
   * @param tools Names of tools that were changed, added or removed; instructions are approved with all tools only.
   * @param digest Of the listing that was looked at. @default whatever is listed
   * @throws NOT_FOUND when the server has no pin, or a tool did not change. PINS_CHANGED when it lists something else. INTERNAL when it cannot be stored.
   */
  async approve(server: string, by: string, tools?: readonly string[], digest?: string): Promise<PinView> {
    const held = this.#servers.get(server);
    if (held === undefined) throw unpinned("approve", server, this.servers);
    const { approved, listed = approved } = held;
    if (digest !== undefined && digest !== listed.digest) throw changedSince(server, digest, listed.digest);
    const names = tools && this.#changedTools(server, tools);
    const next = names === undefined ? listed : approveTools(approved, listed, names);
    const pin: Held = { ...next, atMs: this.#deps.clock.now(), approvedBy: by };
    const isWhole = compareListings(pin, listed) === undefined;
    await this.#write([toRecord(server, "approved", pin)], isWhole ? [{ server, kind: "listed" }] : []);
    // A newer listing may have come meanwhile: its next judgement compares it with this pin.
    this.#servers.set(server, { approved: pin, listed: isWhole ? undefined : listed });
    const fields = { server, principal: by, digest: pin.digest, ...(names !== undefined && { tools: names }) };
    this.#deps.log.info(fields, "pin of MCP server approved");
    for (const listener of this.#listeners) listener(server);
    return this.view(server);
  }

  /** Forgets what is pinned of a server: what it lists next is trusted. @throws NOT_FOUND when it has no pin. */
  async reset(server: string, by: string): Promise<void> {
    if (!this.#servers.has(server)) throw unpinned("reset", server, this.servers);
    await this.#write(
      [],
      [
        { server, kind: "approved" },
        { server, kind: "listed" },
      ],
    );
    this.#servers.delete(server);
    this.#told.delete(server);
    this.#deps.log.info({ server, principal: by }, "pin of MCP server reset");
    for (const listener of this.#listeners) listener(server);
  }

  /** Calls `listener` after a pin was approved or reset. @returns How to stop listening. */
  onChange(listener: (server: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when all that was judged is written. */
  async close(): Promise<void> {
    await this.#writing;
  }

  #diff(server: string): readonly string[] {
    const held = this.#servers.get(server);
    const changes = held?.listed && compareListings(held.approved, held.listed);
    return held?.listed === undefined || changes === undefined ? [] : diffListings(held.approved, held.listed, changes);
  }

  #changedTools(server: string, tools: readonly string[]): readonly string[] {
    const { changed, added, removed } = this.view(server);
    const known = [...changed, ...added, ...removed];
    const stranger = tools.find((name) => !known.includes(name));
    if (stranger === undefined) return [...new Set(tools)];
    throw new RunletError(
      "NOT_FOUND",
      `Cannot approve tool ${JSON.stringify(stranger)} of server ${JSON.stringify(server)} as only a tool that changed can be: it did not, or is not listed.`,
      { server, details: { nearest: nearestNames(stranger, known, 3) } },
    );
  }

  #read({ server, listing, atMs, approvedBy }: PinRecord): Held {
    const parsed = parseListing(listing);
    if (parsed === undefined)
      this.#deps.log.error({ server }, "stored pin of MCP server is damaged: approve its tools anew");
    return { ...(parsed ?? NOTHING), atMs, approvedBy };
  }

  #tell(server: string, approved: PinnedListing, listing: PinnedListing, changes: ListingChanges): void {
    const told = this.#told.get(server) ?? new Set();
    this.#told.set(server, told);
    const pair = `${approved.digest} ${listing.digest}`;
    if (told.has(pair) || told.size >= MAX_TOLD) return;
    told.add(pair);
    const diff = diffListings(approved, listing, changes).slice(0, DIFF_LINES_LOGGED);
    const summary = summariseChanges(changes);
    this.#deps.log.warn({ server, summary, diff }, "MCP server lists other tools than were approved");
  }

  #write(written: readonly PinRecord[], removed: readonly PinKey[] = []): Promise<void> {
    const done = this.#writing.then(() => this.#deps.store.save(written, removed));
    this.#writing = done.catch(() => undefined);
    return done;
  }

  #writeBehind(written: readonly PinRecord[], removed: readonly PinKey[] = []): void {
    this.#write(written, removed).catch((error: unknown) =>
      this.#deps.log.error(
        { err: error },
        "pins of MCP servers could not be stored: they count until the service ends",
      ),
    );
  }
}

function toListingView({ digest, tools, atMs }: Held): ListingView {
  return { digest, tools: tools.size, at: new Date(atMs).toISOString() };
}

function toRecord(server: string, kind: PinKey["kind"], held: Held): PinRecord {
  const { digest, atMs, approvedBy } = held;
  return { server, kind, digest, atMs, approvedBy, listing: listingText(held) };
}

function changedSince(server: string, expected: string, digest: string): RunletError {
  return new RunletError(
    "PINS_CHANGED",
    `Cannot approve the tools of server ${JSON.stringify(server)} as they must be those that were shown, ${JSON.stringify(expected.slice(0, 80))}: current value is ${JSON.stringify(digest)}.`,
    { server, hint: "Look at what changed anew, then approve that digest.", details: { digest } },
  );
}

function unpinned(verb: string, server: string, known: readonly string[]): RunletError {
  return new RunletError(
    "NOT_FOUND",
    `Cannot ${verb} the pin of server ${JSON.stringify(server)} as it has none: nothing it lists was ever pinned.`,
    { hint: "A server is pinned when it is used first.", details: { nearest: nearestNames(server, known, 3) } },
  );
}
