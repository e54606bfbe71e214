import { matchesGlob } from "../lib/glob.ts";
import type { FaultReport } from "./fault-report.ts";
import { type KeyPath, pathText } from "./problem.ts";
import { section } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";

const globs = (description: string): SchemaNode => ({
  description,
  type: ["string", "array"],
  minLength: 1,
  items: {
    description: "A server, or a tool as server__tool; `*` stands for any characters.",
    type: "string",
    minLength: 1,
  },
});

const rule = section(
  "What the one answers never reaches the other.",
  {
    from: globs("Whose answers are kept away: a server, or a tool as server__tool, or several."),
    to: globs(
      "What is not called any more once a run has such an answer; `*` in a server's place does not mean the one that answered.",
    ),
  },
  { required: ["from", "to"], strictKeys: true },
);

/** The key of the top level. */
export const DATA_FLOW = section(
  "Which servers' answers must not reach which others within a run.",
  { deny: { description: "Rules; each holds for itself.", type: "array", items: rule } as const satisfies SchemaNode },
  { strictKeys: true },
);

/** What people write of it. */
export interface DataFlowOptions {
  readonly dataFlow?: {
    readonly deny?: readonly { readonly from: string | readonly string[]; readonly to: string | readonly string[] }[];
  };
}

/** Tools of servers, by globs of both names. */
export interface FlowGlob {
  readonly server: string;
  /** @default every tool */
  readonly tool: string | undefined;
}

/** One rule: what `from` answered must not reach `to`. */
export interface FlowRule {
  /** Its place, such as `dataFlow.deny[0]`. */
  readonly name: string;
  readonly from: readonly FlowGlob[];
  readonly to: readonly FlowGlob[];
}

/** The rules as the code reads them; reports those that could never hold. */
export function compileFlow({ dataFlow }: DataFlowOptions, report: FaultReport): FlowRule[] {
  return (dataFlow?.deny ?? []).map(({ from, to }, index): FlowRule => {
    const path = ["dataFlow", "deny", index] as const;
    return {
      name: pathText(path),
      from: compileGlobs(from, [...path, "from"], report),
      to: compileGlobs(to, [...path, "to"], report),
    };
  });
}

function compileGlobs(written: string | readonly string[], path: KeyPath, report: FaultReport): FlowGlob[] {
  const texts = typeof written === "string" ? [written] : written;
  const globsRead = texts.map(readFlowGlob);
  if (texts.length === 0 || globsRead.some(({ server, tool }) => server === "" || tool === "")) {
    const remedy = "Write a server, or a tool as server__tool, or remove the rule.";
    report({ path, rule: "must name a server or a tool, or the rule never holds", value: written, remedy });
  }
  return globsRead;
}

/** Reads `server`, or `server__tool`: no server's name holds two underscores in a row. */
export function readFlowGlob(text: string): FlowGlob {
  const at = text.indexOf("__");
  return at === -1 ? { server: text, tool: undefined } : { server: text.slice(0, at), tool: text.slice(at + 2) };
}

/** Whether a tool of a server is meant. */
export function matchesFlowGlob(glob: FlowGlob, server: string, tool: string): boolean {
  return matchesGlob(glob.server, server) && (glob.tool === undefined || matchesGlob(glob.tool, tool));
}
