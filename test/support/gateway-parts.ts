import type { Catalog, CatalogReader, CatalogSource, CatalogTool } from "../../src/catalog/catalog.ts";
import { allowsServer, allowsTool } from "../../src/config/access.ts";
import type { UpstreamConfig } from "../../src/config/config.ts";
import type { ToolClass } from "../../src/config/principal.ts";
import type { ToolCall } from "../../src/gateway/call.ts";
import type { AdmittedCall } from "../../src/gateway/policy.ts";
import type {
  JsonSchema,
  ToolDefinition,
  Upstream,
  UpstreamCallOptions,
  UpstreamRegistry,
  UpstreamResult,
} from "../../src/upstream/upstream.ts";

/** A tool of a fake server; what is missing is the least there can be. */
export interface FakeTool {
  readonly name: string;
  readonly class?: ToolClass;
  readonly inputSchema?: JsonSchema;
}

/** How a fake server answers. */
export type FakeAnswer = (
  name: string,
  args: Readonly<Record<string, unknown>>,
  options: UpstreamCallOptions,
) => Promise<UpstreamResult>;

/** A server in memory that counts what reaches it. */
export interface FakeUpstream extends Upstream {
  readonly calls: { readonly name: string; readonly args: unknown; readonly timeoutMs: number }[];
  starts: number;
}

/** A text answer. */
export function textResult(text: string): UpstreamResult {
  return { content: [{ type: "text", text }], isError: false };
}

/** The configuration of a server with every default. */
export function upstreamConfig(name: string, change: Partial<UpstreamConfig> = {}): UpstreamConfig {
  return {
    name,
    transport: { kind: "stdio", command: "true", args: [], env: {}, cwd: undefined },
    connectTimeoutMs: 10_000,
    callTimeoutMs: 60_000,
    eager: false,
    concurrency: 16,
    queueLimit: 256,
    queueWaitMs: 30_000,
    idleTimeoutMs: undefined,
    toolTimeouts: [],
    allowTools: undefined,
    denyTools: [],
    trustAnnotations: true,
    classes: new Map(),
    rateLimits: [],
    lifecycle: { sharing: "auto", maxSessions: 64, replicas: 1, idleStopMs: 300_000, maxFailures: 5 },
    cache: undefined,
    coalesce: true,
    retry: { retries: 2, baseMs: 100, maxMs: 2_000 },
    breaker: { failures: 5, errorRate: 0.5, minCalls: 10, windowMs: 60_000, openMs: 30_000 },
    pinning: "warn",
    scan: "warn",
    sampling: "refuse",
    redactResults: "off",
    ...change,
  };
}

/** Makes a server in memory. @param setup `start` runs on first use when the tools are not known (`listed: false`). */
export function createFakeUpstream(
  name: string,
  tools: readonly FakeTool[],
  setup: {
    readonly answer?: FakeAnswer;
    readonly config?: Partial<UpstreamConfig>;
    readonly listed?: boolean;
    /** @default false */
    readonly sharesSessions?: boolean;
    readonly start?: (signal?: AbortSignal) => Promise<void>;
    readonly onList?: () => void;
  } = {},
): FakeUpstream {
  const definitions = tools.map(({ inputSchema = { type: "object" }, name: tool, class: kind }): ToolDefinition => {
    const annotations = kind === "read" ? { readOnlyHint: true } : { destructiveHint: kind === "destructive" };
    return { server: name, name: tool, description: "", inputSchema, annotations };
  });
  let listed = setup.listed ?? true;
  const upstream: FakeUpstream = {
    config: upstreamConfig(name, setup.config),
    sharesSessions: setup.sharesSessions ?? false,
    calls: [],
    starts: 0,
    status: () => {
      throw new Error("not asked for in these tests");
    },
    knownTools: () => (listed ? definitions : undefined),
    knownInstructions: () => undefined,
    knownProtocol: () => undefined,
    async tools(signal) {
      upstream.starts++;
      await setup.start?.(signal);
      listed = true;
      setup.onList?.();
      return definitions;
    },
    async callTool(tool, args, options) {
      upstream.calls.push({ name: tool, args, timeoutMs: options.timeoutMs });
      return setup.answer === undefined ? textResult("done") : setup.answer(tool, args, options);
    },
    releaseRun: () => undefined,
    restart: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return upstream;
}

/** A registry over servers in memory; `changed` says that their tools changed. */
export function createFakeRegistry(upstreams: readonly Upstream[]): UpstreamRegistry & { changed(): void } {
  const byName = new Map(upstreams.map((upstream) => [upstream.config.name, upstream]));
  let version = 0;
  return {
    list: () => upstreams,
    get: (name) => byName.get(name),
    get version() {
      return version;
    },
    changed: () => void version++,
    settle: () => Promise.resolve(),
    releaseRun: () => undefined,
    onChange: () => () => undefined,
    close: () => Promise.resolve(),
  };
}

/** Catalogs over a registry with what the gateway reads of them: `tools`, `find`. Counts how often one was asked for. */
export function createFakeCatalogs(registry: UpstreamRegistry): CatalogSource & { made: number } {
  const source = {
    made: 0,
    current({ access }: CatalogReader): Catalog {
      source.made++;
      const tools = registry.list().flatMap((upstream) => (upstream.knownTools() ?? []).map(toCatalogTool));
      const visible = tools.filter((tool) => allowsTool(access, tool));
      const names = registry.list().map((upstream) => upstream.config.name);
      return {
        tools: visible,
        servers: names.filter((name) => allowsServer(access, name)),
        unlisted: [],
        find: (server, tool) => visible.find((each) => each.server === server && each.name === tool),
        resolve: unused,
        search: unused,
        declarations: unused,
        checkingDeclarations: unused,
        namesJson: "{}",
      };
    },
    settled: unused,
  };
  return source;
}

function toCatalogTool(tool: ToolDefinition): CatalogTool {
  const kind = tool.annotations?.readOnlyHint === true ? "read" : "write";
  return {
    ...tool,
    class: tool.annotations?.destructiveHint === true ? "destructive" : kind,
    method: tool.name,
    namespace: tool.server,
    positional: [],
    signature: `mcp.${tool.server}.${tool.name}(args: object): Promise<unknown>`,
  };
}

function unused(): never {
  throw new Error("not asked for in these tests");
}

/** A tool of the catalog with this schema, for tests that need no server. */
export function catalogTool(inputSchema: JsonSchema, name = "tool"): CatalogTool {
  return toCatalogTool({ server: "server", name, description: "", inputSchema });
}

/** A call with nothing special about it. */
export function toolCall(server: string, tool: string, change: Partial<ToolCall> = {}): ToolCall {
  return {
    principal: { id: "tester", access: {}, admin: false },
    narrow: undefined,
    server,
    tool,
    arguments: {},
    signal: new AbortController().signal,
    maxResultBytes: 4 * 1024 * 1024,
    ...change,
  };
}

/** A call of a tool that reads, as policies see it once access was granted; each has a trace of its own. */
export function admittedCall(
  upstream: Upstream,
  change: Partial<Omit<AdmittedCall, "trace" | "upstream">> = {},
): AdmittedCall {
  const { name } = upstream.config;
  return {
    ...toolCall(name, "tool"),
    definition: { ...READING_TOOL, server: name },
    upstream,
    trace: { server: name, tool: "tool", upstreamMs: 0, queueMs: 0, attempts: 0, refusal: undefined },
    ...change,
  };
}

const READING_TOOL: CatalogTool = { ...catalogTool(true), class: "read" };
