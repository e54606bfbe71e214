/**
 * How a server stands to its pin.
 *
 *     new ──► ok ──► changed     (it lists something else than was approved)
 *              ▲        │
 *              └────────┘        (approved, or it lists what it did before)
 *
 * `new`: it was never listed, or its pin was reset; what it lists first is trusted.
 */
export type PinState = "new" | "ok" | "changed";

/** One listing in short. */
export interface ListingView {
  readonly digest: string;
  /** How many. */
  readonly tools: number;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What is pinned of a server and what changed since: JSON. */
export interface PinView {
  readonly server: string;
  readonly state: PinState;
  /** The listing that the server is held to. */
  readonly approved?: ListingView & { readonly by?: string };
  /** What it lists instead. */
  readonly listed?: ListingView;
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly instructionsChanged: boolean;
}

/** The same with the difference: lines of plain text, none when nothing changed. */
export interface ShownPins extends PinView {
  readonly diff: readonly string[];
}
