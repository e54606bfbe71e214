import { randomUUID } from "node:crypto";
import { isRecord } from "../lib/guards.ts";
import type { ClientRequest } from "./asker.ts";

/** Whose session it is. */
export interface SessionKey {
  readonly principalId: string;
  readonly sessionId: string;
}

/** A message to the client, sent on the stream of the request that it belongs to. */
export type SendOnStream = (message: RequestMessage | CancelMessage) => Promise<void>;

interface RequestMessage extends ClientRequest {
  readonly jsonrpc: "2.0";
  readonly id: string;
}

interface CancelMessage {
  readonly jsonrpc: "2.0";
  readonly method: "notifications/cancelled";
  readonly params: { readonly requestId: string };
}

interface Pending extends SessionKey {
  readonly settle: (message: Readonly<Record<string, unknown>>) => void;
}

/**
 * Requests that were put to clients of the era of sessions on the response stream of a request of theirs. Their answers come by
 * HTTP requests of their own, which must reach the process that asked. Only the session that was asked can answer.
 *
 * @source Model Context Protocol 2025-11-25, basic/transports, sending messages to the server.
 */
export class PendingAnswers {
  readonly #pending = new Map<string, Pending>();

  /**
   * Asks, and waits for the answer.
   *
   * @throws Error of the client, or the signal's reason: then the client is told that nobody waits any more.
   */
  async ask(session: SessionKey, request: ClientRequest, signal: AbortSignal, send: SendOnStream): Promise<unknown> {
    signal.throwIfAborted();
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    const settle: Pending["settle"] = ({ result, error }) =>
      error === undefined ? resolve(result) : reject(new Error(saidBy(error)));
    this.#pending.set(id, { ...session, settle });
    try {
      await send({ jsonrpc: "2.0", id, ...request });
      return await promise;
    } catch (thrown) {
      if (signal.aborted) await send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } });
      throw thrown;
    } finally {
      this.#pending.delete(id);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /**
   * Takes the answers out of what a session posts.
   *
   * @returns Whether there is nothing else in it. Answers to nothing that was asked are dropped.
   */
  settle({ principalId, sessionId }: SessionKey, body: unknown): boolean {
    const messages = Array.isArray(body) ? (body as unknown[]) : [body];
    let others = messages.length === 0;
    for (const message of messages) {
      if (!isAnswer(message)) {
        others = true;
        continue;
      }
      const { id } = message;
      const asked = typeof id === "string" ? this.#pending.get(id) : undefined;
      if (asked?.principalId === principalId && asked.sessionId === sessionId) asked.settle(message);
    }
    return !others;
  }
}

function isAnswer(message: unknown): message is Readonly<Record<string, unknown>> {
  return isRecord(message) && message["method"] === undefined && ("result" in message || "error" in message);
}

function saidBy(error: unknown): string {
  const text = isRecord(error) ? error["message"] : undefined;
  return `the client answered with an error: ${typeof text === "string" ? text : "it does not say which"}`;
}
