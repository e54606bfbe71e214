import type { UpstreamConfig } from "../../config/config.ts";
import { RunletError } from "../../lib/errors.ts";
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

/** Upstreams of which only those tools are served that their `scan` and `pinning` let through. */
export interface GuardedRegistry extends UpstreamRegistry {
  /** Suspicious texts of a server, at most 100; none where its `scan` is off or it was never listed. */
  findings(server: string): readonly Finding[];
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

/**
 * Puts a guard between the upstreams and all that serves their tools: suspicious texts and changes since the approval are
 * told, and where the configuration says `block` those tools are not listed and cannot be called. Each listing is judged
 * when it comes; approvals count from the next look on.
 */
export function guardRegistry(inner: UpstreamRegistry, deps: GuardDeps): GuardedRegistry {
  const guard = new Guard(inner, deps);
  const guarded = new WeakMap<Upstream, Upstream>();
  const listeners = new Set<() => void>();
  let approvals = 0;
  const notify = (): void => {
    guard.judgeAll();
    for (const listener of listeners) listener();
  };
  inner.onChange(notify);
  const stopListening = deps.pins.onChange((server) => {
    approvals += 1;
    guard.forget(server);
    notify();
  });
  const wrap = (upstream: Upstream): Upstream => {
    const known = guarded.get(upstream) ?? guardUpstream(upstream, guard);
    guarded.set(upstream, known);
    return known;
  };
  return {
    list: () => inner.list().map(wrap),
    get(name) {
      const upstream = inner.get(name);
      return upstream && wrap(upstream);
    },
    get version() {
      return inner.version + approvals;
    },
    settle: (options) => inner.settle(options),
    releaseRun: (runId) => inner.releaseRun(runId),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      stopListening();
      await inner.close();
    },
    findings(name) {
      const upstream = inner.get(name);
      return (upstream && guard.judge(upstream)?.findings) ?? [];
    },
  };
}

function guardUpstream(inner: Upstream, guard: Guard): Upstream {
  const { name, pinning, scan } = inner.config;
  return {
    config: inner.config,
    status() {
      const status = inner.status();
      const judged = guard.judge(inner);
      if (judged === undefined || judged.dropped.length === 0) return status;
      const droppedTools = [...status.droppedTools, ...judged.dropped];
      return { ...status, tools: judged.served.length, droppedTools };
    },
    knownTools: () => guard.judge(inner)?.served,
    knownInstructions: () => inner.knownInstructions(),
    async tools(signal) {
      const definitions = await inner.tools(signal);
      return guard.judge(inner)?.served ?? definitions;
    },
    callTool(tool, args, options) {
      if (pinning !== "block" && scan !== "block") return inner.callTool(tool, args, options);
      // A server that starts only for the call may list other tools than when the call was let on.
      const admit = (): void => {
        options.admit?.();
        if (guard.judge(inner)?.dropped.some((dropped) => dropped.name === tool) === true) throw withheld(name, tool);
      };
      return inner.callTool(tool, args, { ...options, admit });
    },
    releaseRun: (runId) => inner.releaseRun(runId),
    restart: () => inner.restart(),
    close: () => inner.close(),
  };
}

/** Judges the lists of all servers, each once until something it was judged by changes. */
class Guard {
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

function suspiciousTools(findings: readonly Finding[]): Dropped[] {
  return findings.flatMap(({ tool, rule, place }) =>
    tool === undefined ? [] : [{ name: tool, reason: `its text is suspicious: ${rule} at ${place}` }],
  );
}

function changedTools(server: string, { changed, added }: ListingChanges): Dropped[] {
  const command = `runlet pins approve ${/^[\w.@-]+$/u.test(server) ? server : JSON.stringify(server)}`;
  return [...changed, ...added].map((name) => ({ name, reason: `changed since it was approved; \`${command}\`` }));
}

function withheld(server: string, tool: string): RunletError {
  const message = `Cannot call tool "${tool}" as server "${server}" serves no tool of this name.`;
  return new RunletError("TOOL_NOT_FOUND", message, { server, tool });
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
