/** Programs that random ones led to, each of which once did harm: what they may end with now. */
export interface Found {
  readonly name: string;
  readonly code: string;
  /** Codes, or `value`. */
  readonly ends: readonly string[];
}

const broken = (key: string): string =>
  `Object.defineProperty(Object.prototype, ${JSON.stringify(key)}, { get() { throw 1; }, configurable: true });`;

/** What random programs found. */
export const FOUND: readonly Found[] = [
  {
    name: "a getter on Object.prototype that throws, where the runtime reads what a failed call has not",
    code: `${broken("hint")} await mcp.test.fail({ message: "m" });`,
    ends: ["TOOL_FAILED"],
  },
  {
    name: "such getters for everything that a failure may have, caught by the script",
    code:
      ["code", "message", "hint", "tool", "server", "details", "retryable", "line", "column"].map(broken).join("\n") +
      `\nlet failed = 0; try { await mcp.test.fail({ message: "m" }); } catch { failed++; } return failed;`,
    ends: ["value"],
  },
];
