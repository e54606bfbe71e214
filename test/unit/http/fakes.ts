import { createQuotaKeeper } from "../../../src/gateway/quotas.ts";
import { createMemoryQuotaStore } from "../../../src/store/memory/memory-quota-store.ts";
import type { Catalog, CatalogSource, CatalogTool } from "../../../src/catalog/catalog.ts";
import { BUILT_IN_LIMITS } from "../../../src/config/limits.ts";
import { LOCAL_PRINCIPAL, type Principal } from "../../../src/config/principal.ts";
import type { Gateway, ToolCall, ToolResult } from "../../../src/gateway/call.ts";
import type { HttpDeps } from "../../../src/http/deps.ts";
import type { Log } from "../../../src/lib/log.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { RunletError } from "../../../src/lib/errors.ts";
import type { GuardedRegistry } from "../../../src/catalog/guard/guarded-registry.ts";
import type { CallQuery, RunDecision, RunEvent, RunRequest, RunView, WholeResult } from "../../../src/runs/run.ts";
import type { ReplayOptions, RunService } from "../../../src/runs/run-service.ts";
import type { CallRecord } from "../../../src/store/journal.ts";
import type { Upstream, UpstreamStatus } from "../../../src/upstream/upstream.ts";

/** What happens to a run, without its id and time. */
type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, "id" | "atMs"> : never) : never;

/** A run service in memory whose runs end when a test says so. */
export class FakeRuns implements RunService {
  readonly submitted: { principal: Principal; request: RunRequest; idempotencyKey: string | undefined }[] = [];
  readonly cancelled: string[] = [];
  readonly waits: number[] = [];
  readonly listed: unknown[] = [];
  readonly decided: { principal: string; id: string; decision: RunDecision }[] = [];
  /** The calls of every run. */
  journaled: CallRecord[] = [];
  /** Watches that are not over. */
  watching = 0;
  /** Thrown by the next submit. */
  refusal: RunletError | undefined;
  /** Gives each submitted run its end at once. */
  endAtOnce = true;
  readonly #runs = new Map<string, { view: RunView; events: RunEvent[]; changed: PromiseWithResolvers<void> }>();
  readonly #byKey = new Map<string, string>();

  async submit(principal: Principal, request: RunRequest, options: { idempotencyKey?: string } = {}): Promise<RunView> {
    if (this.refusal !== undefined) throw this.refusal;
    const { idempotencyKey } = options;
    const known = idempotencyKey === undefined ? undefined : this.#byKey.get(idempotencyKey);
    if (known !== undefined) return this.view(known);
    this.submitted.push({ principal, request, idempotencyKey });
    const id = `run_${this.submitted.length}`;
    if (idempotencyKey !== undefined) this.#byKey.set(idempotencyKey, id);
    const view: RunView = { id, status: "queued", createdAt: "2026-01-01T00:00:00.000Z", calls: [] };
    this.#runs.set(id, { view, events: [], changed: Promise.withResolvers() });
    this.emit(id, { type: "queued" });
    if (this.endAtOnce) this.end(id, { status: "succeeded", result: 42 });
    return this.endAtOnce ? view : this.view(id);
  }

  async wait(_: Principal, id: string, options: { maxWaitMs: number; signal?: AbortSignal }): Promise<RunView> {
    this.waits.push(options.maxWaitMs);
    const deadline = Date.now() + options.maxWaitMs;
    const rests = (): boolean => this.view(id).endedAt !== undefined || this.view(id).status === "waiting";
    while (!rests() && Date.now() < deadline && options.signal?.aborted !== true) {
      await Promise.race([this.#run(id).changed.promise, new Promise((resolve) => setTimeout(resolve, 5))]);
    }
    return this.view(id);
  }

  async get(_: Principal, id: string): Promise<RunView> {
    return this.view(id);
  }

  /** Has a run wait for decisions. */
  pause(id: string, approvals: NonNullable<RunView["approvals"]>): void {
    const run = this.#run(id);
    run.view = { ...run.view, status: "waiting", approvals };
    this.emit(id, { type: "waiting" });
  }

  async decide(principal: Principal, id: string, decision: RunDecision): Promise<RunView> {
    this.decided.push({ principal: principal.id, id, decision });
    return this.view(id);
  }

  async replay(principal: Principal, id: string, { script, dryRun }: ReplayOptions): Promise<RunView> {
    const request = { ...(script !== undefined && { script }), ...(dryRun === true && { dryRun }), replayOf: id };
    return this.submit(principal, request);
  }

  async list(principal: Principal, query: { limit: number }): Promise<{ runs: RunView[]; nextCursor?: string }> {
    this.listed.push({ principal: principal.id, ...query });
    const runs = [...this.#runs.values()].map(({ view }) => view).reverse();
    return { runs: runs.slice(0, query.limit), ...(runs.length > query.limit ? { nextCursor: "next" } : {}) };
  }

  async *watch(
    _: Principal,
    id: string,
    options: { afterId?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<RunEvent> {
    this.watching += 1;
    try {
      for (let at = options.afterId ?? 0; !isAborted(options.signal); at += 1) {
        while (this.#run(id).events.length <= at) {
          const aborted = Promise.withResolvers<void>();
          options.signal?.addEventListener("abort", () => aborted.resolve(), { once: true });
          await Promise.race([this.#run(id).changed.promise, aborted.promise]);
          if (isAborted(options.signal)) return;
        }
        const event = this.#run(id).events[at];
        if (event === undefined) return;
        yield event;
        if (event.type === "ended") return;
      }
    } finally {
      this.watching -= 1;
    }
  }

  async cancel(_: Principal, id: string): Promise<RunView> {
    if (this.view(id).endedAt !== undefined) {
      throw new RunletError("RUN_ENDED", "Cannot cancel the run as it has ended: current value is succeeded.");
    }
    this.cancelled.push(id);
    return this.end(id, { status: "cancelled" });
  }

  async result(_: Principal, id: string): Promise<WholeResult> {
    const { result, resultType, status } = this.view(id);
    if (result === undefined) throw new RunletError("RUN_NOT_ENDED", `The run has not ended: it is ${status}.`);
    const json = new TextEncoder().encode(JSON.stringify(result));
    return {
      type: resultType === "undefined" ? "undefined" : "json",
      bytes: json.byteLength,
      async *parts() {
        yield json.slice(0, 3);
        yield json.slice(3);
      },
    };
  }

  async calls(_: Principal, id: string, query: CallQuery): Promise<{ calls: CallRecord[]; next?: number }> {
    this.view(id);
    this.listed.push(query);
    return { calls: this.journaled, ...(this.journaled.length < query.limit ? {} : { next: 7 }) };
  }

  view(id: string): RunView {
    return this.#run(id).view;
  }

  emit(id: string, body: EventBody): void {
    const run = this.#run(id);
    run.events.push({ id: run.events.length + 1, atMs: 0, ...body });
    const { resolve } = run.changed;
    run.changed = Promise.withResolvers();
    resolve();
  }

  end(id: string, outcome: Partial<RunView>): RunView {
    const run = this.#run(id);
    run.view = { ...run.view, endedAt: "2026-01-01T00:00:01.000Z", ...outcome };
    this.emit(id, { type: "ended", run: run.view });
    return run.view;
  }

  #run(id: string): { view: RunView; events: RunEvent[]; changed: PromiseWithResolvers<void> } {
    const run = this.#runs.get(id);
    if (run === undefined) throw new RunletError("NOT_FOUND", `Cannot find run ${id} as there is none of this id.`);
    return run;
  }
}

/** A log that remembers. */
export interface MemoryLog extends Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: Record<string, unknown> }[];
}

export function createMemoryLog(): MemoryLog {
  const lines: MemoryLog["lines"] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push({ level, message, fields: { ...fields } });
    };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export function fakeTool(server: string, name: string, more: Partial<CatalogTool> = {}): CatalogTool {
  return {
    server,
    name,
    description: `Does ${name}.`,
    inputSchema: { type: "object" },
    class: "read",
    method: name,
    namespace: server,
    positional: [],
    signature: `mcp.${server}.${name}(args: {}): Promise<unknown>`,
    ...more,
  };
}

export const FAKE_TOOLS: readonly CatalogTool[] = [
  fakeTool("files", "read_file", { outputSchema: { type: "object" }, annotations: { readOnlyHint: true } }),
  fakeTool("files", "write_file", { class: "write" }),
  fakeTool("github", "search/issues"),
];

/** A catalog over fixed tools; its search finds names that contain the query. */
export function fakeCatalog(tools: readonly CatalogTool[] = FAKE_TOOLS, unlisted: readonly string[] = []): Catalog {
  return {
    tools,
    servers: [...new Set([...tools.map((tool) => tool.server), ...unlisted])],
    unlisted,
    find: (server, name) => tools.find((tool) => tool.server === server && tool.name === name),
    resolve: () => ({ kind: "unknown", message: "", nearest: [] }),
    search(query, { limit = 10, offset = 0, server } = {}) {
      const hits = tools.filter(
        (tool) => tool.name.includes(query) && (server === undefined || tool.server === server),
      );
      return { hits: hits.slice(offset, offset + limit).map((tool) => ({ tool, score: 1 })), total: hits.length };
    },
    declarations: (servers) => `declare const mcp: { /* ${servers?.join(" ") ?? "all"} */ };\n`,
    checkingDeclarations: () => "declare const mcp: any;\n",
    namesJson: "{}",
  };
}

/** A gateway that answers from a function and remembers its calls. */
export class FakeGateway implements Gateway {
  readonly calls: ToolCall[] = [];
  answer: (call: ToolCall) => ToolResult | Promise<ToolResult> = (call) => ({
    value: call.arguments,
    content: [{ type: "text", text: "ok" }],
    outcome: "ok",
    bytes: 2,
  });

  async call(call: ToolCall): Promise<ToolResult> {
    this.calls.push(call);
    return await this.answer(call);
  }
}

export const FAKE_STATUS: UpstreamStatus = {
  name: "files",
  state: "failed",
  transport: "stdio",
  tools: 2,
  protocolVersion: "2026-07-28",
  serverInfo: { name: "files", version: "1.0.0" },
  pid: 4242,
  sessions: [{ owner: "shared", state: "failed", pid: 4242, inFlight: 0 }],
  lastFailure: { stage: "call", message: "It hung up.", at: Date.UTC(2026, 0, 1) },
  droppedTools: [],
  stderr: ["a line"],
};

/** A registry of servers that only have a status; remembers restarts. */
export function fakeRegistry(
  ...statuses: readonly UpstreamStatus[]
): GuardedRegistry & { readonly restarts: string[] } {
  const restarts: string[] = [];
  const upstreams = statuses.map(
    (status) =>
      ({
        config: { name: status.name },
        status: () => status,
        restart: async () => void restarts.push(status.name),
      }) as unknown as Upstream,
  );
  return {
    restarts,
    list: () => upstreams,
    get: (name) => upstreams.find((upstream) => upstream.config.name === name),
    version: 1,
    settle: async () => undefined,
    releaseRun: () => undefined,
    onChange: () => () => undefined,
    close: async () => undefined,
    findings: () => [],
  };
}

/** Pins of nothing. */
function fakePins(): HttpDeps["pins"] {
  const none = { state: "new", changed: [], added: [], removed: [], instructionsChanged: false } as const;
  const view: HttpDeps["pins"]["view"] = (server) => ({ server, ...none });
  return {
    view,
    show: (server) => ({ ...view(server), diff: [] }),
    approve: async (server) => view(server),
    reset: async () => undefined,
  };
}

/** Everything the app stands on, faked; parts can be replaced. */
export function fakeDeps(
  parts: Partial<HttpDeps> = {},
): HttpDeps & { runs: FakeRuns; gateway: FakeGateway; log: MemoryLog } {
  const catalogs: CatalogSource = { current: () => fakeCatalog(), settled: async () => fakeCatalog() };
  const deps = {
    runs: new FakeRuns(),
    catalogs,
    gateway: new FakeGateway(),
    pins: fakePins(),
    registry: fakeRegistry(FAKE_STATUS, { ...FAKE_STATUS, name: "github", state: "ready" as const }),
    authenticate: () => LOCAL_PRINCIPAL,
    quotas: createQuotaKeeper(createMemoryQuotaStore(), {}),
    config: { host: "127.0.0.1", port: 80, maxBodyBytes: 10_000, maxWaitMs: 120_000, allowedHosts: [] },
    limits: BUILT_IN_LIMITS,
    readiness: () => ({ ready: true, checks: { store: { ok: true } } }),
    metricsText: () => "# HELP runlet_up 1\n",
    version: "1.2.3",
    log: createMemoryLog(),
    clock: systemClock,
    ...parts,
  };
  return deps as HttpDeps & { runs: FakeRuns; gateway: FakeGateway; log: MemoryLog };
}

/** The client's side of a JSON request. */
export function postJson(body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit {
  return { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } };
}

/** Asks anew each time: a signal may abort between two questions. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** A JSON answer's object. */
export async function readJson(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>;
}
