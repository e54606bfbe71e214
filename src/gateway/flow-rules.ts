import { type FlowRule, matchesFlowGlob } from "../config/flow-keys.ts";

/** Names one tool of one server. */
export interface ToolName {
  readonly server: string;
  readonly tool: string;
}

/** The rules of data flow as they are now. */
export interface FlowRules {
  readonly current: readonly FlowRule[];
  /** Puts others in place, for every call from now on. */
  replace(rules: readonly FlowRule[]): void;
}

/** Holds rules that may be exchanged. */
export function createFlowRules(initial: readonly FlowRule[]): FlowRules {
  let current = initial;
  return {
    get current() {
      return current;
    },
    replace: (rules) => void (current = rules),
  };
}

/** A rule that keeps a call back, and whose answer it is kept from. */
export interface FlowConflict {
  readonly rule: FlowRule;
  readonly from: ToolName;
}

/** What has answered so far, each tool once: all that later calls could carry on. */
export class Heard {
  readonly #tools = new Map<string, ToolName>();

  add({ server, tool }: ToolName): void {
    // No server's name holds two underscores in a row, so that the text stands for one tool only.
    const key = `${server}__${tool}`;
    if (!this.#tools.has(key)) this.#tools.set(key, { server, tool });
  }

  /**
   * The first rule that keeps a call from being made, now that these have answered. A glob of servers does not mean the
   * server that answered itself, which knows what it said.
   */
  conflict(rules: readonly FlowRule[], { server, tool }: ToolName): FlowConflict | undefined {
    if (this.#tools.size === 0) return undefined;
    for (const rule of rules) {
      const fitting = rule.to.filter((glob) => matchesFlowGlob(glob, server, tool));
      if (fitting.length === 0) continue;
      const isNamed = fitting.some((glob) => !glob.server.includes("*"));
      for (const from of this.#tools.values()) {
        if (from.server === server && !isNamed) continue;
        if (rule.from.some((glob) => matchesFlowGlob(glob, from.server, from.tool))) return { rule, from };
      }
    }
    return undefined;
  }
}
