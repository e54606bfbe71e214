/** How a syntax tree is too large. */
export type TreeExcess = "nodes" | "depth";

/**
 * Levels of a syntax tree at most: a sum of a thousand parts has as many. Some trees exhaust the stack of what reads them before.
 *
 * @source measured: scripts of models have up to 29; trees of lists exhaust the stack at 780 levels, sums at 1,875
 */
export const MAX_TREE_DEPTH = 1_200;
/** Functions and blocks inside each other at most: each `var` is looked up in all of them. */
export const MAX_SCOPES = 250;

/**
 * Ends the reading of a text whose syntax tree is larger than it may be, at the place where it became so. No RunletError: what
 * it means for the caller is known only where all readings of the text are.
 */
export class TreeTooLarge extends Error {
  override readonly name = "TreeTooLarge";
  readonly excess: TreeExcess;
  /** In the text that was parsed. */
  readonly offset: number;

  constructor(excess: TreeExcess, offset: number) {
    super(`a syntax tree has too many ${excess === "nodes" ? "nodes" : "levels"}`);
    this.excess = excess;
    this.offset = offset;
  }
}

/** Counts the nodes that all readings of one text make together: a text may have hundreds of readings. */
export class TreeBudget {
  /** Nodes of one tree at most. */
  readonly maxNodes: number;
  #left: number;

  /** @param total Nodes of all readings together. @default those of one tree */
  constructor(maxNodes: number, total = maxNodes) {
    this.maxNodes = maxNodes;
    this.#left = total;
  }

  /** Takes nodes. @returns Whether there were so many left. */
  take(nodes: number): boolean {
    this.#left -= nodes;
    return this.#left >= 0;
  }
}
