/**
 * Whose doing a failure is. Decides the log level, the HTTP class and who is billed.
 *
 * `client`: the request; `script`: the script's own code; `upstream`: an MCP server; `operator`: the configuration;
 * `service`: Runlet itself.
 */
export type Fault = "client" | "script" | "upstream" | "operator" | "service";

interface ErrorSpec {
  readonly fault: Fault;
  /** HTTP status when a request is refused with this code; a failed run is answered with 200 whatever its code. */
  readonly status: number;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
}

/** The one error table: every failure a caller can see has its code here, with when it is raised. */
const ERRORS = {
  /** The request does not satisfy its schema; `details.problems` holds `{pointer, message}` of each fault. */
  REQUEST_INVALID: { fault: "client", status: 400, retryable: false },
  /** No credential, or one that no configured client has. */
  UNAUTHENTICATED: { fault: "client", status: 401, retryable: false },
  /** The credential is known and may not do this, or the Host or Origin header is not one of ours. */
  FORBIDDEN: { fault: "client", status: 403, retryable: false },
  /**
   * The caller's client was removed, or its key revoked or expired, after the run or request was accepted: nothing more is
   * called for it.
   */
  PRINCIPAL_REVOKED: { fault: "client", status: 403, retryable: false },
  /** The issuer of an access token cannot be asked for its keys, so the token can be neither taken nor refused. */
  ISSUER_UNAVAILABLE: { fault: "upstream", status: 503, retryable: true },
  /** No such route, run or tool for this principal. */
  NOT_FOUND: { fault: "client", status: 404, retryable: false },
  /** The route exists and does not take this method. */
  METHOD_NOT_ALLOWED: { fault: "client", status: 405, retryable: false },
  /** What a server lists is no longer what was to be approved; `details.digest` is that of what it lists now. */
  PINS_CHANGED: { fault: "client", status: 409, retryable: false },
  /** A run that has ended cannot be changed. */
  RUN_ENDED: { fault: "client", status: 409, retryable: false },
  /** A run that has not ended has no result yet. */
  RUN_NOT_ENDED: { fault: "client", status: 409, retryable: true },
  /** The run ended without a result; `details.error` is what it ended with. */
  RUN_WITHOUT_RESULT: { fault: "client", status: 409, retryable: false },
  /** The whole result of the run was not kept, or is kept no longer; the run still has the part its answer carries. */
  RESULT_GONE: { fault: "service", status: 410, retryable: false },
  /** The idempotency key was used with another body. */
  IDEMPOTENCY_CONFLICT: { fault: "client", status: 409, retryable: false },
  /** The call waits for no decision, or was decided otherwise: `details.decision` says how. */
  NOT_AWAITING: { fault: "client", status: 409, retryable: false },
  /** The body is larger than the server takes. */
  REQUEST_TOO_LARGE: { fault: "client", status: 413, retryable: false },
  /** The body is not JSON. */
  UNSUPPORTED_MEDIA_TYPE: { fault: "client", status: 415, retryable: false },
  /** The queue is at its bound; `details.retryAfterMs` says when to come back. */
  QUEUE_FULL: { fault: "service", status: 503, retryable: true },
  /** Scripts of this client kept crashing executor processes; `details.until` and `details.retryAfterMs` say when to come back. */
  TOO_MANY_CRASHES: { fault: "client", status: 429, retryable: true },
  /**
   * The principal has used up what it may use; `details` holds `{scope, limit, period, retryAfterMs}`, `scope` being `runs`,
   * `calls`, `bytes`, `tokens` or `concurrency`, which has no period.
   */
  QUOTA_EXCEEDED: { fault: "client", status: 429, retryable: true },
  /** The principal calls the tool more often than it may; `details` as of QUOTA_EXCEEDED, `scope` being `tool`. */
  RATE_LIMITED: { fault: "client", status: 429, retryable: true },
  /** The service takes no new runs because it is stopping. */
  SHUTTING_DOWN: { fault: "service", status: 503, retryable: true },

  /** The script does not parse; `line`, `column` and `snippet` are in the caller's own text. */
  SCRIPT_SYNTAX: { fault: "script", status: 422, retryable: false },
  /** The source text is over `limits.sourceBytes`, or its syntax tree over `limits.syntaxNodes` or nested too deep. */
  SCRIPT_TOO_LARGE: { fault: "script", status: 422, retryable: false },
  /**
   * The types of the script and of its tools show that it must fail; `details.diagnostics` holds
   * `{line, column, message, tsCode, stub?}` of up to five places.
   */
  SCRIPT_TYPE_ERROR: { fault: "script", status: 422, retryable: false },
  /** The script threw. */
  SCRIPT_ERROR: { fault: "script", status: 422, retryable: false },
  /** Wall time is over `limits.wallMs`, tool waits included. */
  SCRIPT_TIMEOUT: { fault: "script", status: 422, retryable: false },
  /** Computing time is over `limits.cpuMs`. */
  SCRIPT_CPU_LIMIT: { fault: "script", status: 422, retryable: false },
  /** The heap is over `limits.memoryMiB`. */
  SCRIPT_MEMORY_LIMIT: { fault: "script", status: 422, retryable: false },
  /** The script waits for something that can never happen: no call and no timer is pending. */
  SCRIPT_DEADLOCK: { fault: "script", status: 422, retryable: false },
  /** More timers at once than `limits.timers`. */
  TIMER_LIMIT: { fault: "script", status: 422, retryable: false },
  /** The result cannot be written as JSON (nesting too deep, or a value that throws when read). */
  RESULT_INVALID: { fault: "script", status: 422, retryable: false },
  /** The result is over `limits.resultBytes`. */
  RESULT_TOO_LARGE: { fault: "script", status: 422, retryable: false },
  /** The result does not satisfy `outputSchema`; `details.problems` holds `{pointer, message}` of up to 10 faults. It is given all the same. */
  RESULT_SCHEMA_MISMATCH: { fault: "script", status: 422, retryable: false },
  /** Values sent with `emit` are over `limits.emittedBytes`. */
  EMIT_LIMIT: { fault: "script", status: 422, retryable: false },
  /** Log output is over `limits.logBytes` or `limits.logLines`: later lines were dropped. A notice in the logs, the run goes on. */
  LOG_LIMIT: { fault: "script", status: 422, retryable: false },
  /** More tool calls than `limits.toolCalls`. */
  TOOL_CALL_LIMIT: { fault: "script", status: 422, retryable: false },
  /** More tool calls in flight than `limits.concurrency`. */
  CALL_CONCURRENCY_LIMIT: { fault: "script", status: 422, retryable: false },
  /** The arguments of one call, or of all calls of the run, are over their limit. */
  ARGUMENTS_TOO_LARGE: { fault: "script", status: 422, retryable: false },
  /**
   * The script, run again to go on where it was, made another call than before; `details` holds `{seq, made, journaled}`. No
   * call was made twice.
   */
  RUN_DIVERGED: { fault: "service", status: 500, retryable: false },
  /** What the run journaled is over `limits.journalBytes`: it could not be taken up again. */
  JOURNAL_LIMIT: { fault: "script", status: 422, retryable: false },
  /** Another process has taken the run up: this attempt is over, and does nothing more. */
  RUN_SUPERSEDED: { fault: "service", status: 409, retryable: false },
  /** The run was cancelled by its caller. */
  RUN_CANCELLED: { fault: "client", status: 409, retryable: false },

  /** No tool of this name for this principal; `details.nearest` holds the closest names. */
  TOOL_NOT_FOUND: { fault: "client", status: 404, retryable: false },
  /**
   * A rule of `dataFlow` keeps from this tool what another has answered to the run; `details` holds `{rule, from, to}`, both
   * tools as `{server, tool}`. Nothing was sent.
   */
  FLOW_DENIED: { fault: "client", status: 403, retryable: false },
  /** The call must be approved by somebody, and this way of calling cannot wait for that: only a run can. */
  APPROVAL_REQUIRED: { fault: "client", status: 403, retryable: false },
  /** Somebody denied the call, or nobody decided in time; nothing was sent. `details.reason` is what they said. */
  APPROVAL_DENIED: { fault: "client", status: 403, retryable: false },
  /**
   * The call was sent and the process that sent it died before it was answered: it may or may not have been done, so it is
   * not made again.
   */
  CALL_OUTCOME_UNKNOWN: { fault: "service", status: 502, retryable: false },
  /** A dry run, or the replay of a run, makes no call of this tool. */
  CALL_NOT_MADE: { fault: "client", status: 409, retryable: false },
  /** The arguments do not satisfy the tool's input schema; `details.problems` says where. */
  TOOL_ARGUMENTS_INVALID: { fault: "client", status: 400, retryable: false },
  /** The tool itself answered with an error (`isError`). */
  TOOL_FAILED: { fault: "upstream", status: 502, retryable: false },
  /** The tool did not answer within its timeout. */
  TOOL_TIMEOUT: { fault: "upstream", status: 504, retryable: true },
  /** The tool's answer is over `limits.toolResultBytes`, or with the other answers of its batch over what one may carry. */
  TOOL_RESULT_TOO_LARGE: { fault: "upstream", status: 502, retryable: false },
  /** The server's concurrency limit is reached and its queue is full or too slow. */
  UPSTREAM_OVERLOADED: { fault: "upstream", status: 503, retryable: true },
  /**
   * The MCP server keeps failing, so its calls are refused for a while: nothing was sent. `details.retryAfterMs` says when one
   * may pass again.
   */
  UPSTREAM_CIRCUIT_OPEN: { fault: "upstream", status: 503, retryable: true },
  /** The MCP server cannot be started or reached. */
  UPSTREAM_UNAVAILABLE: { fault: "upstream", status: 502, retryable: true },
  /**
   * The MCP server wants an access token that only somebody's login can give: `runlet auth login SERVER`. Nothing was done. Not
   * retryable before that.
   */
  UPSTREAM_NEEDS_AUTH: { fault: "operator", status: 502, retryable: false },
  /**
   * The tool asks who calls it for something that this caller cannot give, or did not; `details.kind` says what: `elicitation`,
   * `sampling` or `roots`, and `details.question` what it wants to know.
   */
  UPSTREAM_NEEDS_INPUT: { fault: "client", status: 422, retryable: false },
  /** The MCP server answered with something that is not the protocol, or with a protocol error. */
  UPSTREAM_PROTOCOL: { fault: "upstream", status: 502, retryable: false },

  /** A task was posted and no model is configured. */
  MODEL_NOT_CONFIGURED: { fault: "operator", status: 501, retryable: false },
  /** The model endpoint failed or cannot be reached; not retryable where it refuses the key, the model or the request. */
  MODEL_UNAVAILABLE: { fault: "upstream", status: 502, retryable: true },
  /** The model answered without a script. */
  MODEL_NO_SCRIPT: { fault: "upstream", status: 502, retryable: true },

  /** The configuration cannot be used. */
  CONFIG_INVALID: { fault: "operator", status: 500, retryable: false },
  /**
   * The executor process died under this run, and the run was to blame or cannot be repeated safely. `details.blame` says
   * which: `script` (it was alone), `shared` (it or others that computed), `others`, `unknown`; `details.calls` and
   * `details.emitted` count what it had done.
   */
  EXECUTOR_LOST: { fault: "service", status: 500, retryable: true },
  /** A defect of Runlet. */
  INTERNAL: { fault: "service", status: 500, retryable: false },
} as const satisfies Record<string, ErrorSpec>;

/** Stable identifier of a failure; clients match on this, never on the message. */
export type ErrorCode = keyof typeof ERRORS;

/** What is known of a failure besides its code and message. Never a stack, a path of this machine or a credential. */
export interface ErrorContext {
  /** 1-based line in the caller's own script. */
  readonly line?: number;
  /** 1-based column in the caller's own script. */
  readonly column?: number;
  /** The quoted line. */
  readonly snippet?: string;
  readonly server?: string;
  readonly tool?: string;
  /** What to do about it, one sentence. */
  readonly hint?: string;
  /** JSON data that belongs to the code; its shape is stated in the table above. */
  readonly details?: unknown;
  /** Whether the same request may succeed later, where that is known better than the table says. @default the table's */
  readonly retryable?: boolean;
}

/** A failure as data: what runs, events and problem documents carry. */
export interface ErrorInfo extends ErrorContext {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fault: Fault;
  readonly retryable: boolean;
}

/** A failure for work not done. One class for all codes: match `code`. */
export class RunletError extends Error {
  override readonly name = "RunletError";
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, context: ErrorContext & { readonly cause?: unknown } = {}) {
    const { cause, ...rest } = context;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.context = rest;
  }
}

/** Whether `text` names an entry of the table: for codes that come from another process. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === "string" && Object.hasOwn(ERRORS, text);
}

/** The table's entry of `code`. */
export function errorSpec(code: ErrorCode): ErrorSpec {
  return ERRORS[code];
}

/** Builds a failure as data, its fault and, unless the context knows better, its retryability taken from the table. */
export function errorInfo(code: ErrorCode, message: string, context: ErrorContext = {}): ErrorInfo {
  const { fault, retryable } = ERRORS[code];
  return { code, message, fault, retryable, ...context };
}

/**
 * Any thrown value as data. What is not a `RunletError` is a defect of ours and becomes `INTERNAL` with a message that
 * tells nothing of our inside; log the original where this is called.
 */
export function toErrorInfo(thrown: unknown): ErrorInfo {
  if (thrown instanceof RunletError) return errorInfo(thrown.code, thrown.message, thrown.context);
  return errorInfo("INTERNAL", "Runlet failed to handle this; the operator's log has the cause.");
}
