import type { UpstreamConfig } from "../../config/config.ts";
import type { Log } from "../../lib/log.ts";
import type { ToolDefinition, Upstream, UpstreamRegistry, UpstreamStatus } from "../../upstream/upstream.ts";
import { pinnedListing } from "./pinned-listing.ts";
import type { ListingChanges, PinnedListing } from "./pinned-listing.ts";
import type { Pins } from "./pins.ts";
import { scanListing } from "./scan.ts";
import type { Finding } from "./scan.ts";
import { findForeignTools } from "./scan-foreign.ts";

/** Findings of one server that are kept, logged and shown. */
const MAX_FINDINGS = 100;
const FINDINGS_LOGGED = 20;

/** What guarding needs from outside. */
export interface GuardDeps {
  readonly pins: Pins;
  readonly log: Log;
  /** Takes secrets out of text that servers wrote. @default nothing is taken out */
  readonly redact?: (text: string) => string;
}

type Dropped = UpstreamStatus["droppedTools"][number];

/** One server's list after it was judged. What was judged is kept beside it, to tell whether it must be anew. */
interface Judged {
  readonly definitions: readonly ToolDefinition[];
  /** Names of tools of all other servers. */
  readonly foreign: ReadonlySet<string>;
  readonly own: readonly Finding[];
  readonly pinned: PinnedListing | undefined;
  /** The same list while the same tools are served. */
  readonly served: readonly ToolDefinition[];
  readonly dropped: readonly Dropped[];
  readonly findings: readonly Finding[];
}

/** Judges the lists of all servers, each once until something it was judged by changes. */
export class ListingGuard {
  readonly #inner: UpstreamRegistry;
  readonly #deps: GuardDeps;
  readonly #judged = new Map<string, Judged>();
  readonly #logged = new Map<string, string>();
  /** The lists that `#foreign` was made of. */
  #lists: readonly (readonly ToolDefinition[] | undefined)[] = [];
  #foreign: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  constructor(inner: UpstreamRegistry, deps: GuardDeps) {
    this.#inner = inner;
    this.#deps = deps;
  }

  judgeAll(): void {
    for (const upstream of this.#inner.list()) this.judge(upstream);
  }

  /** Has a server judged anew although its list is the same. */
  forget(server: string): void {
    this.#judged.delete(server);
  }

  /** @returns `undefined` before its first list. */
  judge(upstream: Upstream): Judged | undefined {
    const { name } = upstream.config;
    const definitions = upstream.knownTools();
    if (definitions === undefined) return undefined;
    const before = this.#judged.get(name);
    const foreign = this.#foreignTo(name);
    const isSame = before?.definitions === definitions;
    if (isSame && before.foreign === foreign) return before;
    const judged = this.#judgeList(upstream, definitions, foreign, isSame ? before : undefined);
    this.#judged.set(name, judged);
    if (judged.findings !== before?.findings) this.#tell(upstream.config, judged);
    return judged;
  }

  #judgeList(
    upstream: Upstream,
    definitions: readonly ToolDefinition[],
    foreign: ReadonlySet<string>,
    before: Judged | undefined,
  ): Judged {
    const { name, pinning, scan } = upstream.config;
    const instructions = upstream.knownInstructions();
    const scanned = { tools: definitions, instructions };
    const own = scan === "off" ? [] : (before?.own ?? scanListing(scanned));
    const findings =
      scan === "off" ? [] : [...own, ...findForeignTools(scanned, foreign)].map((each) => this.#redact(each));
    const pinned = pinning === "off" ? undefined : (before?.pinned ?? pinnedListing(definitions, instructions));
    const changes = pinned && this.#deps.pins.judge(name, pinned);
    const dropped = [
      ...(scan === "block" ? suspiciousTools(findings) : []),
      ...(pinning === "block" && changes !== undefined ? changedTools(name, changes) : []),
    ];
    const reasons = new Map<string, Dropped>();
    for (const tool of dropped) if (!reasons.has(tool.name)) reasons.set(tool.name, tool);
    const served = definitions.filter((tool) => !reasons.has(tool.name));
    return {
      definitions,
      foreign,
      own,
      pinned,
      served: before !== undefined && isSameList(before.served, served) ? before.served : served,
      dropped: [...reasons.values()],
      findings: findings.slice(0, MAX_FINDINGS),
    };
  }

  /** The same set while no server lists anew. */
  #foreignTo(server: string): ReadonlySet<string> {
    const upstreams = this.#inner.list();
    const lists = upstreams.map((upstream) => upstream.knownTools());
    if (!isSameList(lists, this.#lists)) {
      this.#lists = lists;
      const names = upstreams.map(({ config }, index) => [config.name, lists[index] ?? []] as const);
      this.#foreign = new Map(
        names.map(([name]) => {
          const others = names.filter(([other]) => other !== name);
          return [name, new Set(others.flatMap(([, tools]) => tools.map((tool) => tool.name)))];
        }),
      );
    }
    return this.#foreign.get(server) ?? new Set();
  }

  #redact(finding: Finding): Finding {
    const { redact } = this.#deps;
    return redact === undefined ? finding : { ...finding, excerpt: redact(finding.excerpt) };
  }

  /** Once for each change of what was found. */
  #tell({ name: server, scan }: UpstreamConfig, { findings }: Judged): void {
    const key = JSON.stringify(findings);
    if (key === (this.#logged.get(server) ?? "[]")) return;
    this.#logged.set(server, key);
    if (findings.length === 0) return;
    const shown = findings.slice(0, FINDINGS_LOGGED);
    this.#deps.log.warn(
      { server, scan, count: findings.length, findings: shown },
      "MCP server's tools hold suspicious text",
    );
  }
}

/**
 * The tools whose own text withholds them. That a text names another server's tool does not: what a tool is called is for its
 * server to say, which could so have any tool of another withheld. An order about such a tool is one without its name, too.
 */
function suspiciousTools(findings: readonly Finding[]): Dropped[] {
  return findings.flatMap(({ tool, rule, place }) =>
    tool === undefined || rule === "foreign-tool"
      ? []
      : [{ name: tool, reason: `its text is suspicious: ${rule} at ${place}` }],
  );
}

function changedTools(server: string, { changed, added }: ListingChanges): Dropped[] {
  const command = `runlet pins approve ${/^[\w.@-]+$/u.test(server) ? server : JSON.stringify(server)}`;
  return [...changed, ...added].map((name) => ({ name, reason: `changed since it was approved; \`${command}\`` }));
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
