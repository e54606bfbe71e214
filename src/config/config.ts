import type { AuthConfig, ClientTokenConfig } from "./auth-config.ts";
import type { ApprovalRule } from "./approval-keys.ts";
import type { CacheLimits, CallPolicies } from "./call-policies.ts";
import type { FlowRule } from "./flow-keys.ts";
import type { GuardConfig } from "./guard-keys.ts";
import type { LimitsConfig } from "./limits.ts";
import type { QuestionConfig } from "./question-keys.ts";
import type { RedactionConfig } from "./redaction-keys.ts";
import type { Quotas } from "./quotas.ts";
import type { Role } from "./distribution-keys.ts";
import type { Principal, ToolClass } from "./principal.ts";
import type { OAuthConfig } from "./oauth-keys.ts";
import type { SecretsPlace } from "./secrets/secrets-place.ts";
import type { TelemetryConfig } from "./telemetry-keys.ts";

/** How to reach one MCP server; `${…}` references are resolved when the configuration is compiled. */
export type UpstreamTransportConfig =
  | {
      readonly kind: "stdio";
      readonly command: string;
      readonly args: readonly string[];
      /** Added to the allow-listed variables (PATH, HOME, LANG …); nothing else of ours is passed on. */
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string | undefined;
    }
  | ContainerConfig
  | {
      readonly kind: "http";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      /** Whether the server speaks the event streams of revision 2024-11-05, not Streamable HTTP. @default found out at its start */
      readonly sse?: boolean;
      /** How access tokens for it are got. @default those of `runlet auth login`, where the server asks for one and somebody did */
      readonly oauth?: OAuthConfig;
    };

/** A server that speaks on stdin and stdout of a container. */
export interface ContainerConfig {
  readonly kind: "container";
  /** @default docker where the PATH has it, else podman */
  readonly runtime: "docker" | "podman" | undefined;
  readonly image: string;
  /** Given to the image's program. */
  readonly args: readonly string[];
  /** All of its variables: the allow-listed ones of ours are not passed on. */
  readonly env: Readonly<Record<string, string>>;
  /** @default 536870912 */
  readonly memoryBytes: number;
  /** @default 1 */
  readonly cpus: number;
  /** @default "bridge" */
  readonly network: string;
  /** As `-v` takes them, with absolute folders. */
  readonly volumes: readonly string[];
}

/** Who shares a server's processes, how many there are, and when they stop and start. */
export interface LifecycleConfig {
  /**
   * Who shares a session with a server. `auto`: all, where the server keeps no state between requests (HTTP, revision
   * 2026-07-28); else each principal has its own. `shared` is the operator's word that state may be seen by all.
   *
   * @default "auto"
   */
  readonly sharing: "auto" | "shared" | "perPrincipal" | "perRun";
  /** Sessions at once, replicas not counted. @default 64 */
  readonly maxSessions: number;
  /** Processes of one session. @default 1 */
  readonly replicas: number;
  /** A session that is not used for so long is ended; `undefined`: never. @default 300000 */
  readonly idleStopMs: number | undefined;
  /** Failures in a row after which starts are rare; `undefined`: after one failure only `restart` starts it. @default 5 */
  readonly maxFailures: number | undefined;
}

/** One configured MCP server. */
export interface UpstreamConfig extends CallPolicies, GuardConfig, QuestionConfig, RedactionConfig {
  readonly name: string;
  readonly transport: UpstreamTransportConfig;
  /** Time from start to a finished handshake; generous, as npx may have to fetch a server first. @default 20000 */
  readonly connectTimeoutMs: number;
  /** Longest one call may take; tools of `toolTimeouts` have their own. @default 60000 */
  readonly callTimeoutMs: number;
  /** Longest silence of a call: each report of progress starts it anew. `undefined` = none. @default undefined */
  readonly idleTimeoutMs: number | undefined;
  /** Longest call by glob of tools; the first that matches counts. @default [] */
  readonly toolTimeouts: readonly { readonly glob: string; readonly timeoutMs: number }[];
  /** Start at boot instead of on first use. @default false */
  readonly eager: boolean;
  /** Calls in flight at once. @default 16 */
  readonly concurrency: number;
  /** Calls that may wait for a place. @default 256 */
  readonly queueLimit: number;
  /** Longest wait for a place. @default 30000 */
  readonly queueWaitMs: number;
  /** Globs of tools that are served at all. `undefined` = all. */
  readonly allowTools: readonly string[] | undefined;
  /** Globs of tools that are never served. */
  readonly denyTools: readonly string[];
  /** Whether `readOnlyHint` and its like are believed. @default true */
  readonly trustAnnotations: boolean;
  /** Classes of tools by glob of their names, stronger than what they say; the first that matches counts. @default none */
  readonly classes: ReadonlyMap<string, ToolClass>;
  readonly lifecycle: LifecycleConfig;
}

/** A client that may call us: how it is known and what it becomes then. */
export interface ClientConfig {
  readonly principal: Principal;
  /**
   * Lower-case hex SHA-256 of the whole text of each of its keys, `rk_` included. Empty: it is not authenticated, but named
   * by the header X-Client-ID, unless it has tokens; the listener's address is a loopback one then.
   */
  readonly keyHashes: readonly string[];
  /** When its keys end, ms since the epoch. @default never */
  readonly keyExpiresAtMs?: number | undefined;
  /** The access tokens that are its. @default none */
  readonly token?: ClientTokenConfig | undefined;
}

/** The model that writes scripts for tasks. */
export interface ModelConfig {
  readonly baseURL: string;
  readonly apiKey: string;
  readonly model: string;
  readonly temperature: number | undefined;
  readonly timeoutMs: number;
  readonly maxTokens: number | undefined;
  /** Scripts the model may write for one task: the first and its repairs. @default 2 */
  readonly attempts: number;
}

/** Executor processes and the isolates in them. */
export interface ExecutorsConfig {
  /** Children that hold isolates. @default number of cores, at least 2 */
  readonly processes: number;
  /** Runs at once in one child; 1 where the profile is `dedicated`. @default 16 */
  readonly isolatesPerProcess: number;
  /**
   * `hardened`: no JIT; `fast`: JIT, for trusted callers; `dedicated`: no JIT, and each run in a process of its own.
   *
   * @default "hardened"
   */
  readonly profile: "hardened" | "fast" | "dedicated";
}

/** Runs that wait and run. */
export interface QueueConfig {
  /** Runs that may wait; more are refused. @default 1000 */
  readonly depth: number;
  /** Runs that execute at once. @default processes × isolatesPerProcess */
  readonly concurrency: number;
  /** Silence of a process after which others take its runs up, where they share a Redis. @default 10000 */
  readonly stallAfterMs: number;
}

/** The Redis that processes share their runs by. */
export interface RedisConfig {
  /** May hold a password: never logged, never shown. */
  readonly url: string;
  /** What the names of all its keys begin with. @default "runlet" */
  readonly prefix: string;
}

/** How long what runs leave is kept after their end. */
export interface RetentionConfig {
  /** Runs with their journals and results. @default 604800000 */
  readonly runsMs: number;
}

/** What scripts and models are told of tools. */
export interface CatalogConfig {
  /**
   * Whether the types of answers are learned for tools that declare none: property names and types, kept per principal in
   * `dataDir`. Where not, they are `unknown`.
   *
   * @default true
   */
  readonly learnTypes: boolean;
}

/** HTTP listener. */
export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** Largest request body. @default 4 MiB */
  readonly maxBodyBytes: number;
  /** Longest wait of `mode: "wait"` before 202. @default 120000 */
  readonly maxWaitMs: number;
  /** Host headers that are ours besides the listener's own names. */
  readonly allowedHosts: readonly string[];
}

/** Everything the code reads, complete, checked, in base units, frozen. */
export interface Config {
  readonly http: HttpConfig;
  /** Folder of the SQLite file, or `:memory:`. */
  readonly dataDir: string;
  readonly upstreams: readonly UpstreamConfig[];
  /** Empty: everybody on loopback is the local principal. */
  readonly clients: readonly ClientConfig[];
  /** How access tokens are checked; `undefined`: none are taken. */
  readonly auth: AuthConfig | undefined;
  /**
   * Callers that are none of the clients: `allow` lets them in, where no client has a key.
   *
   * @default "deny"
   */
  readonly defaultPolicy: "deny" | "allow";
  readonly limits: LimitsConfig;
  /** What each principal may use that has no quota of its own of that kind. @default nothing is limited */
  readonly quotas: Quotas;
  /** File that gets a line for each call, absolute; `undefined` for none. @default `audit.jsonl` in a `dataDir` that is a folder */
  readonly auditFile: string | undefined;
  /** Which answers must not reach which servers within a run. @default [] */
  readonly dataFlow: readonly FlowRule[];
  /** Which calls wait for somebody's approval; the first rule that fits counts. @default [] */
  readonly approvals: readonly ApprovalRule[];
  readonly model: ModelConfig | undefined;
  readonly executors: ExecutorsConfig;
  /**
   * `executors.confinement`: `auto` takes the strongest that holds on this machine and says which; `require` refuses to start
   * where executor processes cannot be kept in namespaces; `off` does not try.
   *
   * @default "auto"
   */
  readonly confinement: "auto" | "require" | "off";
  readonly queue: QueueConfig;
  /** `undefined`: runs are kept and performed by this process alone. */
  readonly redis: RedisConfig | undefined;
  /**
   * What this process does of the work that processes share by Redis: `api` opens the doors and performs no runs, `worker`
   * performs runs, `all` does both.
   *
   * @default "all"
   */
  readonly role: Role;
  readonly retention: RetentionConfig;
  readonly catalog: CatalogConfig;
  /** Bounds of what is kept of all servers' answers; which are kept, each server says. */
  readonly cache: CacheLimits;
  readonly log: { readonly level: "trace" | "debug" | "info" | "warn" | "error" | "silent"; readonly pretty: boolean };
  readonly telemetry: TelemetryConfig;
  /** Time running runs get to end before they are cancelled at shutdown. @default 10000 */
  readonly shutdownGraceMs: number;
  /** Whether a service takes changes of its configuration file up while it runs. @default true */
  readonly hotReload: boolean;
  /** Every secret value that was resolved from a reference: for redaction. Never logged, never shown. */
  readonly secrets: readonly string[];
  /** Where secrets are kept, and tokens of logins beside them; holds the master key: never shown. `undefined`: nowhere. */
  readonly secretsPlace: SecretsPlace | undefined;
}
