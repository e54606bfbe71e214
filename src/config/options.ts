import type { OAuthOptions } from "./oauth-keys.ts";
import type { AuthOptions, ClientAuthOptions } from "./auth-keys.ts";
import type { DataFlowOptions } from "./flow-keys.ts";
import type { GuardOptions } from "./guard-keys.ts";
import type { QuestionOptions } from "./question-keys.ts";
import type { RedactionOptions, ServerRedactionOptions } from "./redaction-keys.ts";
import type { LimitName } from "./limits.ts";
import type { TelemetryOptions } from "./telemetry-keys.ts";
import type { ApproveScope, ToolClass } from "./principal.ts";
import type { ApprovalOptions } from "./approval-keys.ts";
import type { DistributionOptions } from "./distribution-keys.ts";

/** Milliseconds, or text such as `"30s"` or `"5m"`. */
export type DurationText = number | string;

/** Bytes, or text such as `"512k"` or `"4m"`. */
export type BytesText = number | string;

/** What the gateway does around one server's calls, as people write it; policy-schema.ts documents each key. */
export interface CallPolicyOptions {
  readonly rateLimit?: RateLimitOption;
  readonly cache?:
    | boolean
    | DurationText
    | {
        readonly ttl?: DurationText;
        readonly tools?: readonly string[];
        readonly maxBytes?: BytesText;
        readonly maxEntries?: number;
      };
  readonly coalesce?: boolean;
  readonly retry?:
    | boolean
    | number
    | { readonly attempts?: number; readonly base?: DurationText; readonly max?: DurationText };
  readonly breaker?:
    | boolean
    | {
        readonly failures?: number;
        readonly errorRate?: number;
        readonly minCalls?: number;
        readonly window?: DurationText;
        readonly open?: DurationText;
      };
}

/** What a principal may use, as people write it; quota-keys.ts documents each key. */
export interface QuotaOptions {
  readonly runs?: string;
  readonly calls?: string;
  readonly bytes?: string;
  readonly tokens?: string;
  readonly concurrency?: number;
}

/** Where calls are noted: whether at all, the file, or both. */
export type AuditOptions = boolean | string | { readonly file?: string; readonly enabled?: boolean };

/** How often each caller may call each tool of a server: `"10/second"`, or by tool glob. */
export type RateLimitOption = string | Readonly<Record<string, string>>;

/** How long calls may take as people write it. */
export type TimeoutOption = DurationText | { readonly call?: DurationText; readonly idle?: DurationText };

/** How long calls of one server may take as people write it. */
export type ServerTimeoutOption =
  | DurationText
  | {
      readonly call?: DurationText;
      readonly idle?: DurationText;
      readonly tools?: Readonly<Record<string, DurationText>>;
    };

/** One entry of `mcpServers` or `servers` as people write it; schema.ts documents each key. */
export interface ServerOptions extends CallPolicyOptions, GuardOptions, QuestionOptions, ServerRedactionOptions {
  readonly command?: string;
  readonly args?: readonly (string | number | boolean)[];
  readonly env?: Readonly<Record<string, string | number | boolean>>;
  readonly cwd?: string;
  readonly image?: string;
  readonly runtime?: "docker" | "podman";
  readonly memory?: number | string;
  readonly cpus?: number;
  readonly network?: string;
  readonly volumes?: readonly string[];
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  readonly type?: "stdio" | "http" | "streamable-http" | "streamableHttp" | "sse";
  readonly oauth?: OAuthOptions;
  readonly disabled?: boolean;
  readonly timeout?: ServerTimeoutOption;
  readonly connectTimeout?: DurationText;
  readonly tools?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly eager?: boolean;
  readonly concurrency?: number | { readonly limit?: number; readonly queue?: number; readonly wait?: DurationText };
  readonly trustAnnotations?: boolean;
  readonly classes?: Readonly<Record<string, ToolClass>>;
  readonly sharing?: "auto" | "shared" | "perPrincipal" | "perRun";
  readonly maxSessions?: number;
  readonly replicas?: number;
  readonly idleStop?: DurationText | boolean;
  readonly restart?: number | boolean | { readonly max?: number };
}

/** One entry of `clients` as people write it. */
export interface ClientOptions extends ClientAuthOptions {
  /** Must be there unless there is `jwt`, or `unverified` is true. */
  readonly key?: string | readonly string[];
  readonly unverified?: boolean;
  readonly servers?: readonly string[];
  readonly tools?: Readonly<Record<string, readonly string[]>>;
  readonly classes?: readonly ToolClass[];
  readonly limits?: QuotaOptions;
  readonly admin?: boolean;
  readonly approve?: ApproveScope;
}

/** One limit as people write it: the default, or the default and the most a run may ask for. */
export type LimitOption = number | string | { readonly default?: number | string; readonly max?: number | string };

/** The model as people write it. */
export interface ModelOptions {
  readonly baseURL: string;
  readonly apiKey?: string;
  readonly model: string;
  readonly temperature?: number;
  readonly timeout?: DurationText;
  readonly maxTokens?: number;
  readonly attempts?: number;
}

/** The configuration as people write it: every key may be missing. schema.ts documents each. */
export interface Options extends GuardOptions, RedactionOptions, DataFlowOptions, ApprovalOptions, DistributionOptions {
  readonly host?: string;
  readonly port?: number;
  readonly dataDir?: string;
  readonly secrets?: { readonly file?: string; readonly keyFile?: string };
  readonly timeout?: TimeoutOption;
  readonly shutdownGrace?: DurationText;
  readonly hotReload?: boolean;
  readonly mcpServers?: Readonly<Record<string, ServerOptions>>;
  readonly servers?: Readonly<Record<string, ServerOptions>>;
  readonly clients?: Readonly<Record<string, ClientOptions>>;
  readonly auth?: AuthOptions;
  readonly defaultPolicy?: "deny" | "allow";
  readonly quotas?: QuotaOptions;
  readonly audit?: AuditOptions;
  readonly limits?: Readonly<Partial<Record<LimitName, LimitOption>>>;
  readonly model?: ModelOptions;
  readonly executors?: {
    readonly processes?: number;
    readonly isolatesPerProcess?: number;
    readonly profile?: "hardened" | "fast" | "dedicated";
    readonly confinement?: "auto" | "require" | "off";
  };
  readonly queue?: { readonly depth?: number; readonly concurrency?: number; readonly stallAfter?: DurationText };
  readonly catalog?: { readonly learnTypes?: boolean };
  readonly cache?: { readonly maxBytes?: BytesText; readonly maxEntries?: number };
  readonly coalesce?: boolean;
  readonly telemetry?: TelemetryOptions;
  readonly http?: {
    readonly maxBody?: BytesText;
    readonly maxWait?: DurationText;
    readonly allowedHosts?: readonly string[];
  };
  readonly log?: {
    readonly level?: "trace" | "debug" | "info" | "warn" | "error" | "silent";
    readonly pretty?: boolean;
  };
}
