import { isRecord } from "../lib/guards.ts";
import { matchesGlob } from "../lib/glob.ts";
import { nearestNames } from "../lib/nearest.ts";
import type { FaultReport } from "./fault-report.ts";
import type { Principal, ToolClass } from "./principal.ts";
import { type KeyPath, pathText } from "./problem.ts";
import { duration, section } from "./schema-nodes.ts";
import type { SchemaNode } from "./schema-nodes.ts";
import { parseDuration } from "./units.ts";

const DAY_MS = 86_400_000;

const globs = (description: string): SchemaNode => ({
  description,
  type: ["string", "array"],
  minLength: 1,
  items: { description: "A name; `*` stands for any characters.", type: "string", minLength: 1 },
});

const RULE_KEYS = {
  server: globs("Servers, by glob; all when missing."),
  tool: globs("Tools' own names, by glob; all when missing."),
  class: {
    description: "Tools of this class and of those that do more: `write` means destructive ones too. All when missing.",
    type: "string",
    enum: ["read", "write", "destructive"],
  },
  client: globs("Clients whose calls wait, by glob; all when missing."),
  expires: duration("How long a call waits before it counts as denied.", DAY_MS, { min: 1_000, max: 365 * DAY_MS }),
} as const satisfies Readonly<Record<string, SchemaNode>>;

/** The key of the top level. */
export const APPROVALS = {
  description: "Calls of runs that wait until somebody approves them; the first rule that fits says how long.",
  type: "array",
  items: section("Calls that fit all it names.", RULE_KEYS, { strictKeys: true }),
} as const satisfies SchemaNode;

/** What people write of it. */
export interface ApprovalOptions {
  readonly approvals?: readonly {
    readonly server?: string | readonly string[];
    readonly tool?: string | readonly string[];
    readonly class?: ToolClass;
    readonly client?: string | readonly string[];
    /** Milliseconds, or text such as `"1h"`. */
    readonly expires?: number | string;
  }[];
}

/** Which calls wait for somebody's approval. A part that is missing fits every call. */
export interface ApprovalRule {
  /** Its place, such as `approvals[0]`. */
  readonly name: string;
  /** Globs. */
  readonly servers: readonly string[] | undefined;
  /** Globs. */
  readonly tools: readonly string[] | undefined;
  /** The least that a tool does to the world. */
  readonly leastClass: ToolClass;
  /** Globs of clients. */
  readonly clients: readonly string[] | undefined;
  /** How long a call waits before it counts as denied. @default 86400000 */
  readonly expiresMs: number;
}

/** The rules as the code reads them; reports those that could never fit. */
export function compileApprovals({ approvals = [] }: ApprovalOptions, report: FaultReport): ApprovalRule[] {
  return approvals.map((rule, index): ApprovalRule => {
    const path = ["approvals", index] as const;
    const side = (key: "server" | "tool" | "client"): readonly string[] | undefined => {
      const written = rule[key];
      if (written === undefined) return undefined;
      if (written.length === 0)
        report({
          path: [...path, key],
          rule: "must name something, or no call waits by this rule",
          value: written,
          remedy: `Remove ${key} where all are meant, or remove the rule.`,
        });
      return typeof written === "string" ? [written] : written;
    };
    return {
      name: pathText(path),
      servers: side("server"),
      tools: side("tool"),
      leastClass: rule.class ?? "read",
      clients: side("client"),
      expiresMs: parseDuration(rule.expires ?? "") ?? RULE_KEYS.expires.default,
    };
  });
}

const REACH: Readonly<Record<ToolClass, number>> = { read: 0, write: 1, destructive: 2 };

/** Whether a call waits by a rule. @param call `class`: of its tool. */
export function fitsApproval(
  { servers, tools, leastClass, clients }: ApprovalRule,
  call: {
    readonly principal: Pick<Principal, "id">;
    readonly server: string;
    readonly tool: string;
    readonly class: ToolClass;
  },
): boolean {
  const { id } = call.principal;
  return (
    REACH[call.class] >= REACH[leastClass] &&
    fitsSome(servers, call.server) &&
    fitsSome(tools, call.tool) &&
    (fitsSome(clients, id) || fitsSome(clients, clientOf(id)))
  );
}

/** The client that a principal is one of; no client's name holds a colon. */
function clientOf(principalId: string): string {
  return principalId.split(":", 1)[0] ?? principalId;
}

function fitsSome(all: readonly string[] | undefined, name: string): boolean {
  return all === undefined || all.some((glob) => matchesGlob(glob, name));
}

/**
 * What is odd about the rules: names that nothing here has, so that no call waits by them.
 *
 * @param approvals As written, checked or not.
 * @param known Names of the configured servers and clients.
 */
export function* adviseOnApprovals(
  approvals: unknown,
  known: { readonly servers: ReadonlySet<string>; readonly clients: ReadonlySet<string> },
): Generator<string> {
  if (!Array.isArray(approvals)) return;
  for (const [index, rule] of (approvals as unknown[]).entries()) {
    if (!isRecord(rule)) continue;
    const at = (key: string): KeyPath => ["approvals", index, key];
    for (const glob of textsOf(rule["server"])) yield* adviseOnName(at("server"), "server", glob, known.servers);
    for (const glob of textsOf(rule["client"])) yield* adviseOnName(at("client"), "client", glob, known.clients);
    for (const glob of textsOf(rule["tool"])) {
      const [server = "", tool] = glob.split("__");
      if (tool === undefined || !known.servers.has(server)) continue;
      yield `${pathText(at("tool"))} is the tool's own name: write server: ${server} and tool: ${tool} for ${glob}.`;
    }
  }
}

function* adviseOnName(path: KeyPath, kind: string, glob: string, names: ReadonlySet<string>): Generator<string> {
  if (/^\*+$/u.test(glob) || [...names].some((name) => matchesGlob(glob, name))) return;
  const [nearest] = nearestNames(glob, [...names], 1);
  const remedy = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  yield `${pathText(path)} means nothing as no ${kind} is called ${JSON.stringify(glob)}.${remedy}`;
}

function textsOf(written: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(written) ? written : [written];
  return all.filter((text) => typeof text === "string");
}
