import {
  type FetchLike,
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId,
  StreamableHTTPClientTransport,
  type Transport,
  type TransportSendOptions,
} from "@modelcontextprotocol/client";
import type { Clock } from "../../lib/clock.ts";
import { traceMembers, traceOfMeta } from "../../lib/trace-context.ts";
import { boundBody } from "./bounded-body.ts";
import { busyAnswer } from "./busy-answer.ts";
import { lostAnswer, MAX_MESSAGE_BYTES, STREAM_LOST, STREAM_TOO_LARGE } from "./lost-answers.ts";
import { setRawAside } from "./raw-results.ts";

const TERMINATE_MS = 1_000;
/** What the SDK's transport takes; it tells absent from `undefined`, our callers do not. */
type InnerOptions = NonNullable<Parameters<StreamableHTTPClientTransport["send"]>[1]>;

/** A server to reach, with every value resolved. */
export interface HttpTransportOptions {
  readonly url: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Carries what the server is to be shown beside the headers. @default the platform's own */
  readonly fetch?: FetchLike;
  /** @default 16 MiB */
  readonly maxMessageBytes?: number;
}

/**
 * An MCP server over Streamable HTTP, of either era.
 *
 * Adds to the SDK's transport what a gateway cannot do without: answers are bounded in size; a request whose response
 * stream ends early fails at once, not at its timeout; a cancelled request frees its connection; `close()` ends the
 * server's session.
 */
export class HttpTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport["onmessage"];
  readonly hasPerRequestStream = true;
  readonly #inner: StreamableHTTPClientTransport;
  readonly #clock: Clock;
  readonly #waiting = new Map<RequestId, AbortController>();
  #tooLarge = false;
  #closing: Promise<void> | undefined;

  constructor(options: HttpTransportOptions) {
    this.#clock = options.clock;
    const maxBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    const send = options.fetch ?? fetch;
    const boundedFetch: FetchLike = async (url, init) => {
      const response = boundBody(await send(url, init), maxBytes, () => {
        this.#tooLarge = true;
      });
      const busy = init?.method === "POST" ? await busyAnswer(response, options.clock.now()) : undefined;
      if (busy !== undefined) throw busy;
      return response;
    };
    this.#inner = new StreamableHTTPClientTransport(new URL(options.url), {
      requestInit: { headers: { ...options.headers } },
      fetch: boundedFetch,
    });
    Object.assign(this.#inner, {
      onmessage: (message) => {
        if ("id" in message && !("method" in message) && message.id !== undefined) this.#waiting.delete(message.id);
        this.onmessage?.(setRawAside(message));
      },
      onerror: (error) => this.onerror?.(error),
      onclose: () => this.onclose?.(),
    } satisfies Pick<Transport, "onmessage" | "onerror" | "onclose">);
  }

  /** The session's id, where the server gave one: only those of the legacy era do. */
  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  async send(message: JSONRPCMessage, options: TransportSendOptions = {}): Promise<void> {
    if (isJSONRPCRequest(message)) return this.#sendRequest(message, message.id, options);
    await this.#inner.send(message, options as InnerOptions);
    if ("method" in message && message.method === "notifications/cancelled") {
      this.#cancel(message.params?.["requestId"]);
    }
  }

  /** Ends the server's session if it keeps one, waiting at most a second, then closes. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #sendRequest(message: JSONRPCRequest, id: RequestId, options: TransportSendOptions): Promise<void> {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    options.requestSignal?.addEventListener("abort", abort, { once: true });
    controller.signal.addEventListener("abort", () => this.#waiting.delete(id), { once: true });
    this.#waiting.set(id, controller);
    try {
      // What reads headers on the way, such as a proxy, sees the same trace as the server.
      const trace = traceOfMeta(message.params?.["_meta"]);
      const inner = {
        ...options,
        ...(trace && { headers: { ...options.headers, ...traceMembers(trace) } }),
        requestSignal: controller.signal,
        onRequestStreamEnd: options.onRequestStreamEnd ?? (() => this.#answerLost(id)),
      };
      await this.#inner.send(message, inner as InnerOptions);
    } catch (error) {
      this.#waiting.delete(id);
      throw error;
    }
  }

  #cancel(id: unknown): void {
    if (typeof id === "string" || typeof id === "number") this.#waiting.get(id)?.abort();
  }

  #answerLost(id: RequestId): void {
    if (!this.#waiting.delete(id)) return;
    const data = this.#tooLarge ? STREAM_TOO_LARGE : STREAM_LOST;
    this.#tooLarge = false;
    this.onmessage?.(lostAnswer(id, data));
  }

  async #end(): Promise<void> {
    if (this.#inner.sessionId !== undefined) {
      const { promise: ended, resolve: done } = Promise.withResolvers<void>();
      const timer = this.#clock.after(TERMINATE_MS, done, { background: true });
      void this.#terminate(done);
      await ended;
      timer.cancel();
    }
    await this.#inner.close();
  }

  async #terminate(done: () => void): Promise<void> {
    try {
      await this.#inner.terminateSession();
    } catch (error) {
      // A server that is gone has no session left to end.
      this.onerror?.(error instanceof Error ? error : new Error("the session could not be ended", { cause: error }));
    }
    done();
  }
}
