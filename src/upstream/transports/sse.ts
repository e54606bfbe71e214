import {
  type FetchLike,
  type JSONRPCMessage,
  SdkErrorCode,
  SdkHttpError,
  SSEClientTransport,
  type Transport,
} from "@modelcontextprotocol/client";
import { boundBody } from "./bounded-body.ts";
import { busyAnswer } from "./busy-answer.ts";
import type { HttpTransportOptions } from "./http.ts";
import { MAX_MESSAGE_BYTES } from "./lost-answers.ts";
import { setRawAside } from "./raw-results.ts";

/**
 * An MCP server of revision 2024-11-05 over HTTP: one event stream brings all its messages, each of ours is a request of its own.
 *
 * Adds to the SDK's transport that messages are bounded in size, and that the end of the stream is the end of the session: the
 * SDK would open another one, which the server takes for another client, and answers of the first would be awaited forever.
 */
export class SseTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport["onmessage"];
  readonly #inner: SSEClientTransport;
  #closing: Promise<void> | undefined;

  constructor({ url, headers, clock, fetch: send = fetch, maxMessageBytes = MAX_MESSAGE_BYTES }: HttpTransportOptions) {
    const watchedFetch: FetchLike = async (address, init) => {
      const response = boundBody(await send(address, init), maxMessageBytes, () => undefined);
      if (init?.method !== "POST") return response.ok ? withEnd(response, () => this.#lost()) : response;
      if (!response.ok) throw (await busyAnswer(response, clock.now())) ?? (await refused(response));
      return response;
    };
    this.#inner = new SSEClientTransport(new URL(url), {
      requestInit: { headers: { ...headers } },
      fetch: watchedFetch,
    });
    Object.assign(this.#inner, {
      onmessage: (message) => this.onmessage?.(setRawAside(message)),
      onerror: (error) => this.onerror?.(error),
      onclose: () => this.onclose?.(),
    } satisfies Pick<Transport, "onmessage" | "onerror" | "onclose">);
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  /** Resolves when the server has said where messages go. @throws Error when it says another origin, or nothing. */
  start(): Promise<void> {
    return this.#inner.start();
  }

  send(message: JSONRPCMessage): Promise<void> {
    return this.#inner.send(message);
  }

  /** Ends the stream, by which the server knows that the session is over. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#inner.close();
    return this.#closing;
  }

  #lost(): void {
    if (this.#closing !== undefined) return;
    this.onerror?.(new Error("the server ended its event stream"));
    void this.close();
  }
}

/** The refusal of a message, with its status: the SDK would give it as text only. */
async function refused(response: Response): Promise<SdkHttpError> {
  const { status, statusText } = response;
  const text = await response.text();
  return new SdkHttpError(SdkErrorCode.SendFailed, `the server answered HTTP ${status}`, { status, statusText, text });
}

/** A response that tells when its body is over, whether it ended or broke. */
function withEnd(response: Response, onEnd: () => void): Response {
  const reader = response.body?.getReader();
  if (reader === undefined) return response;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      onEnd();
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}
