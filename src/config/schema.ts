import { APPROVALS } from "./approval-keys.ts";
import { AUTH_KEYS, CLIENT_AUTH_KEYS } from "./auth-keys.ts";
import { CONTAINER_KEYS } from "./container-keys.ts";
import { REDIS, RETENTION, ROLE } from "./distribution-keys.ts";
import { DATA_FLOW } from "./flow-keys.ts";
import { GUARD_KEYS, SERVER_GUARD_KEYS } from "./guard-keys.ts";
import { LIFECYCLE_KEYS } from "./lifecycle-keys.ts";
import { AUDIT } from "./audit-keys.ts";
import { CLIENT_LIMITS, QUOTAS } from "./quota-keys.ts";
import { OAUTH_KEYS } from "./oauth-keys.ts";
import { TIMEOUT_KEYS } from "./timeout-keys.ts";
import { LIMIT_NAMES, LIMITS, mostOf } from "./limits.ts";
import type { LimitName } from "./limits.ts";
import { CACHE_KEYS, POLICY_KEYS } from "./policy-schema.ts";
import { QUESTION_KEYS } from "./question-keys.ts";
import { REDACTION, SERVER_REDACTION_KEYS } from "./redaction-keys.ts";
import { TELEMETRY_KEYS } from "./telemetry-keys.ts";
import { APPROVE_SCOPES } from "./principal.ts";
import { bytes, duration, integer, listOf, mapOf, MAX_DURATION_MS, section, text, toggle } from "./schema-nodes.ts";
import type { Quantity, SchemaNode } from "./schema-nodes.ts";

const MIB = 1024 ** 2;

/** What a server's or client's name may be; `__` parts a server from its tool in names that models see. */
export const NAME_RULE = {
  server: /^(?!.*__)[^\p{C}\p{Z}]{1,64}$/u,
  client: /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/u,
} as const;

const globs = (description: string): SchemaNode =>
  listOf(description, { description: "A name; `*` stands for any characters.", type: "string", minLength: 1 });

const scalar: SchemaNode = {
  description: "Text; numbers and true/false are written out.",
  type: ["string", "number", "boolean"],
};

const places = integer("Calls in flight at once.", 1, 10_000, { default: 16 });

/** Keys of one entry of `mcpServers`, and their defaults. */
export const SERVER_KEYS = {
  command: text("Program to start; it speaks MCP on stdin and stdout.", { minLength: 1 }),
  args: listOf("Its arguments.", scalar),
  env: mapOf(
    "Environment variables for it; nothing else of ours but PATH, HOME, LANG and their like is passed on.",
    scalar,
  ),
  cwd: text("Folder it is started in, relative to the configuration file; else the one Runlet was started in.", {
    minLength: 1,
  }),
  ...CONTAINER_KEYS,
  url: text("Address of a server that is reached over HTTP.", { minLength: 1 }),
  headers: mapOf("Headers of each request to it.", scalar),
  type: text("How it is reached; found from `command` or `url` when missing.", {
    enum: ["stdio", "http", "streamable-http", "streamableHttp", "sse"],
  }),
  oauth: OAUTH_KEYS,
  disabled: toggle("Leave this server out.", false, {}),
  timeout: TIMEOUT_KEYS.server,
  connectTimeout: duration("Time from start to a finished handshake: npx may have to fetch the server first.", 20_000),
  tools: section(
    "Which of its tools are served.",
    { allow: globs("Only these."), deny: globs("Never these; stronger than `allow`.") },
    { strictKeys: true },
  ),
  eager: toggle("Start at boot instead of on first use.", false, {}),
  concurrency: section(
    "Calls in flight at once, or `{limit, queue, wait}`.",
    {
      limit: places,
      queue: integer("Calls that may wait for a place.", 0, 1_000_000, { default: 256 }),
      wait: duration("Longest wait for a place.", 30_000),
    },
    { type: ["integer", "object"], minimum: 1, maximum: 10_000 },
  ),
  trustAnnotations: toggle("Believe `readOnlyHint` and its like.", true, {}),
  classes: {
    ...mapOf("Classes of its tools by glob, whatever they say of themselves; the first that matches counts.", {
      description: "What the tool does to the world.",
      type: "string",
      enum: ["read", "write", "destructive"],
    }),
    strictKeys: true,
  },
  ...LIFECYCLE_KEYS,
  ...POLICY_KEYS,
  ...SERVER_GUARD_KEYS,
  ...QUESTION_KEYS,
  ...SERVER_REDACTION_KEYS,
} as const;

const keyHash = {
  pattern: "^(?:sha256:)?[0-9a-fA-F]{64}$",
  expects: 'the SHA-256 hash of a key: 64 hex digits, or "sha256:" and 64 hex digits',
  secret: true,
} as const;

/** Keys of one entry of `clients`. */
export const CLIENT_KEYS = {
  key: text("Hash of the client's key, as `runlet keys create NAME` prints it; a list while a new key takes over.", {
    ...keyHash,
    type: ["string", "array"],
    items: text("Hash of one of its keys.", keyHash),
  }),
  ...CLIENT_AUTH_KEYS,
  servers: globs("Servers it may use; all when missing."),
  tools: mapOf(
    "Tools it may use, by server or glob of servers; a server that is not listed is not narrowed.",
    globs("Its tools."),
  ),
  classes: listOf("Classes of tools it may use; all when missing.", {
    description: "What a tool does to the world.",
    type: "string",
    enum: ["read", "write", "destructive"],
  }),
  limits: CLIENT_LIMITS,
  admin: toggle("Sees every client's runs and may change the service.", false, {}),
  approve: text(
    "Whose calls that wait it may decide on: its `own` runs', those of `all`, `none`; all for an admin, else own.",
    { enum: APPROVE_SCOPES },
  ),
  unverified: toggle(
    "It has no key: on a loopback address, who sends its name as X-Client-ID is taken for it.",
    false,
    {},
  ),
} as const;

/** Keys of `http`, and their defaults. */
export const HTTP_KEYS = {
  maxBody: bytes("Largest request body.", 4 * MIB, { min: 1024, max: 256 * MIB }),
  maxWait: duration("Longest wait for a run's end in one request.", 120_000),
  allowedHosts: listOf("Host headers that are ours besides the listener's own names.", {
    description: "`name` or `name:port`.",
    type: "string",
    minLength: 1,
  }),
} as const;

/** Keys of `model`, and their defaults. */
export const MODEL_KEYS = {
  baseURL: text("Address of an OpenAI-compatible endpoint, such as http://localhost:11434/v1.", {
    minLength: 1,
    environment: "RUNLET_MODEL_BASE_URL",
  }),
  apiKey: text("Its key; endpoints that want none get `none`.", {
    default: "none",
    secret: true,
    environment: "RUNLET_MODEL_API_KEY",
  }),
  model: text("Name of the model.", { minLength: 1, environment: "RUNLET_MODEL_NAME" }),
  temperature: {
    description: "Sampling temperature; the endpoint's own when missing.",
    type: "number",
    minimum: 0,
    maximum: 2,
  },
  timeout: duration("Longest one answer may take.", 60_000),
  maxTokens: integer("Longest answer in tokens; the endpoint's own when missing.", 1, 10_000_000, {}),
  attempts: integer("Scripts the model may write for one task: the first and its repairs.", 1, 10, { default: 2 }),
} as const;

/** Keys of `executors`, and their defaults; the number of processes depends on the machine. */
export const EXECUTOR_KEYS = {
  processes: integer("Processes that hold isolates; the number of cores, at least 2, when missing.", 1, 256, {}),
  isolatesPerProcess: integer("Runs at once in one process; 1 where the profile is `dedicated`.", 1, 1_024, {
    default: 16,
  }),
  profile: text(
    "`hardened`: no JIT; `fast`: JIT, for trusted callers; `dedicated`: no JIT, each run in its own process.",
    {
      enum: ["hardened", "fast", "dedicated"],
      default: "hardened",
    },
  ),
  confinement: text(
    "Namespaces without network and files around each process: `auto` where they hold here, `require` or no start, `off`.",
    { enum: ["auto", "require", "off"], default: "auto" },
  ),
} as const;

/** Keys of `queue`, and their defaults. */
export const QUEUE_KEYS = {
  depth: integer("Runs that may wait; more are refused.", 0, 10_000_000, { default: 1_000 }),
  concurrency: integer("Runs that execute at once; processes × isolates per process when missing.", 1, 262_144, {}),
  stallAfter: duration("With `redis`: silence of a process after which others take its runs up.", 10_000, {
    min: 1_000,
    max: 3_600_000,
  }),
} as const;

/** Keys of `catalog`, and their defaults. */
export const CATALOG_KEYS = {
  learnTypes: toggle(
    "Learn what tools without an output schema answer: types and property names, no values; kept per client.",
    true,
    {},
  ),
} as const;

/** Keys of `log`, and their defaults. */
export const LOG_KEYS = {
  level: text("What is logged.", {
    enum: ["trace", "debug", "info", "warn", "error", "silent"],
    default: "info",
    environment: "RUNLET_LOG_LEVEL",
    flag: "log-level",
  }),
  pretty: toggle("Lines for people instead of JSON.", false, { environment: "RUNLET_LOG_PRETTY", flag: "log-pretty" }),
} as const;

/** Keys of `secrets`; what they stand for is found before the rest is read, see secrets/secrets-place.ts. */
const SECRETS_KEYS = {
  file: text("Its file; `secrets.json` in `dataDir` when missing.", { minLength: 1 }),
  keyFile: text(
    "File of its master key; `secrets.key` in `dataDir` when missing. RUNLET_SECRETS_KEY counts before it.",
    {
      minLength: 1,
      environment: "RUNLET_SECRETS_KEY_FILE",
    },
  ),
} as const;

const server = section("One MCP server.", SERVER_KEYS, {});

/** Every key of the configuration: names, docs, types, ranges and defaults. Plain data, valid JSON Schema. */
export const OPTIONS_SCHEMA = section(
  "Configuration of Runlet.",
  {
    host: text("Address to listen on.", {
      default: "127.0.0.1",
      minLength: 1,
      environment: "RUNLET_HOST",
      flag: "host",
    }),
    port: integer("Port to listen on; 0 takes a free one.", 0, 65_535, {
      default: 8377,
      environment: "RUNLET_PORT",
      flag: "port",
    }),
    dataDir: text("Folder of what is kept, or `:memory:` for none; relative to the configuration file.", {
      default: "./.runlet",
      minLength: 1,
      environment: "RUNLET_DATA_DIR",
      flag: "data-dir",
    }),
    secrets: section("The store of `runlet secrets`, encrypted.", SECRETS_KEYS, { strictKeys: true }),
    timeout: TIMEOUT_KEYS.all,
    shutdownGrace: duration("Time running runs get to end before they are cancelled at shutdown.", 10_000, { min: 0 }),
    mcpServers: mapOf("MCP servers by name, as Claude Desktop, Cursor and .mcp.json write them.", server),
    servers: mapOf("MCP servers by name, as VS Code writes them.", server),
    ...GUARD_KEYS,
    clients: mapOf(
      "Clients that may call, by name; when there are none everybody on this machine may.",
      section("One client.", CLIENT_KEYS, { strictKeys: true }),
    ),
    ...AUTH_KEYS,
    defaultPolicy: text("Callers that are no client: `allow` lets them in too, where no client has a key or tokens.", {
      enum: ["deny", "allow"],
      default: "deny",
    }),
    quotas: QUOTAS,
    audit: AUDIT,
    redaction: REDACTION,
    dataFlow: DATA_FLOW,
    approvals: APPROVALS,
    limits: section("What a run gets and may ask for, by limit: the default, or {default, max}.", limitNodes(), {
      strictKeys: true,
    }),
    model: section("The model that writes scripts for tasks.", MODEL_KEYS, { required: ["baseURL", "model"] }),
    executors: section("Executor processes and the isolates in them.", EXECUTOR_KEYS, {}),
    queue: section("Runs that wait and run.", QUEUE_KEYS, {}),
    redis: REDIS,
    role: ROLE,
    retention: RETENTION,
    catalog: section("What scripts and models are told of tools.", CATALOG_KEYS, {}),
    cache: section("The answers that are kept of all servers that have `cache`.", CACHE_KEYS, {}),
    coalesce: toggle("Let identical reads in flight share one call, where their server does not say.", true, {}),
    http: section("The HTTP listener.", HTTP_KEYS, {}),
    log: section("Logging, to stderr.", LOG_KEYS, {}),
    hotReload: toggle("Take changes of the configuration file up while the service runs.", true, {}),
    telemetry: section("Traces and metrics for others.", TELEMETRY_KEYS, {}),
  },
  {},
);

function limitNodes(): Readonly<Record<LimitName, SchemaNode>> {
  const nodes = LIMIT_NAMES.map((name): [string, SchemaNode] => {
    const quantity = limitQuantity(name);
    const type = ["number", "string"];
    const { doc, default: value, ceiling } = LIMITS[name];
    const properties = {
      default: { description: "What a run gets that does not ask.", type, quantity, default: value },
      max: { description: "What a run may ask for at most.", type, quantity, default: ceiling },
    };
    return [name, { description: doc, type: [...type, "object"], quantity, properties }];
  });
  return Object.fromEntries(nodes) as Record<LimitName, SchemaNode>;
}

/** How a limit is written: its unit is the end of its name. */
export function limitQuantity(name: LimitName): Quantity {
  const { min } = LIMITS[name];
  if (name.endsWith("Ms")) return { unit: "duration", min, max: MAX_DURATION_MS };
  return { unit: name.endsWith("Bytes") ? "bytes" : "count", min, max: mostOf(name) };
}
