import { RunletError } from "../../lib/errors.ts";
import type { Upstream, UpstreamRegistry } from "../../upstream/upstream.ts";
import { ListingGuard } from "./listing-guard.ts";
import type { GuardDeps } from "./listing-guard.ts";
import type { Finding } from "./scan.ts";

/** Upstreams of which only those tools are served that their `scan` and `pinning` let through. */
export interface GuardedRegistry extends UpstreamRegistry {
  /** Suspicious texts of a server, at most 100; none where its `scan` is off or it was never listed. */
  findings(server: string): readonly Finding[];
}

/**
 * Puts a guard between the upstreams and all that serves their tools: suspicious texts and changes since the approval are
 * told, and where the configuration says `block` those tools are not listed and cannot be called. Each listing is judged
 * when it comes; approvals count from the next look on.
 */
export function guardRegistry(inner: UpstreamRegistry, deps: GuardDeps): GuardedRegistry {
  const guard = new ListingGuard(inner, deps);
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

function guardUpstream(inner: Upstream, guard: ListingGuard): Upstream {
  const { name, pinning, scan } = inner.config;
  return {
    config: inner.config,
    get sharesSessions() {
      return inner.sharesSessions;
    },
    status() {
      const status = inner.status();
      const judged = guard.judge(inner);
      if (judged === undefined || judged.dropped.length === 0) return status;
      const droppedTools = [...status.droppedTools, ...judged.dropped];
      return { ...status, tools: judged.served.length, droppedTools };
    },
    knownTools: () => guard.judge(inner)?.served,
    knownInstructions: () => inner.knownInstructions(),
    knownProtocol: () => inner.knownProtocol(),
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

function withheld(server: string, tool: string): RunletError {
  const message = `Cannot call tool "${tool}" as server "${server}" serves no tool of this name.`;
  return new RunletError("TOOL_NOT_FOUND", message, { server, tool });
}
